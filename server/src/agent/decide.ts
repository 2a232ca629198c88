import type {
  DecisionView,
  InstanceAction,
  Module,
  ModuleDecision,
  ModuleInstance,
  UnsureDecision,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { hasModule, linkSignal, untilAborted } from "../kit/index.ts";
import { askUnsure, type UnsureModule } from "./ask-unsure.ts";
import { checkedAnswer, isUnsure } from "./check-decision.ts";
import type { AgentDeps } from "./deps.ts";
import { within } from "./gather.ts";
import type { DecidedModule, PlacedTurn } from "./values.ts";

/**
 * Asks the modules that keep tasks what to add, change and end. Undefined where none does, and then nothing is read and
 * nothing waited for. Fails open: a module that throws, is late or says what cannot be kept changes nothing, and the trace
 * says why. Rejects with the signal's reason, or with `store.conflict` where the turn is another's by now.
 */
export function decideAll(
  deps: AgentDeps,
  turn: PlacedTurn,
  signal: AbortSignal,
): Promise<readonly DecidedModule[]> | undefined {
  if (turn.run.claimed.session.stateless || !deps.modules.some((module) => mayDecide(module, turn)))
    return undefined;
  return decideEach(
    deps,
    deps.modules.filter((module) => mayDecide(module, turn)) as readonly DecidingModule[],
    turn,
    signal,
  );
}

type DecidingModule = Module & Required<Pick<Module, "decide">>;

function mayDecide(module: Module, { agent }: PlacedTurn): boolean {
  return module.decide !== undefined && hasModule(agent.spec, module.id);
}

/** What a module said, before it is settled whether a model is asked. */
interface Said {
  readonly module: DecidingModule;
  readonly instances: readonly ModuleInstance[];
  readonly answer: ModuleDecision | UnsureDecision;
  readonly isFailed?: true;
}

const NOTHING: ModuleDecision = { actions: [] };

async function decideEach(
  deps: AgentDeps,
  modules: readonly DecidingModule[],
  turn: PlacedTurn,
  signal: AbortSignal,
): Promise<readonly DecidedModule[]> {
  const asked = await Promise.all(modules.map((module) => decideOne(deps, module, turn, signal)));
  const said = asked.filter((one) => one !== undefined);
  const unsure = said.flatMap(({ module, answer }): readonly UnsureModule[] =>
    isUnsure(answer) ? [{ moduleId: module.id, answer }] : [],
  );
  const chosen = unsure.length === 0 ? NONE_CHOSEN : await askUnsure(deps, turn, unsure, signal);
  return said.map((one) => decided(one, chosen.get(one.module.id)));
}

const NONE_CHOSEN: ReadonlyMap<string, string> = new Map();

async function decideOne(
  deps: AgentDeps,
  module: DecidingModule,
  turn: PlacedTurn,
  parent: AbortSignal,
): Promise<Said | undefined> {
  const { clock, settings } = deps;
  const late = () =>
    new TroupeError(`It took longer than ${settings.gatherMs} ms.`, { code: "turn.deadline" });
  using scope = linkSignal(parent, { clock, afterMs: settings.gatherMs, reason: late });
  const { signal } = scope;
  try {
    const query = {
      storylineId: turn.storyline.id,
      moduleId: module.id,
      readers: turn.run.claimed.session.audience,
    };
    const instances = await untilAborted(deps.moduleInstances.open(query, { signal }), signal);
    const { id, title } = turn.storyline;
    const view: DecisionView = { ...turn.view, storyline: { id, title }, instances };
    const given = module.decide(view, { signal });
    const bounds = { open: new Set(instances.map((one) => one.id)), effects: module.effects ?? [] };
    const answer = checkedAnswer(
      given instanceof Promise ? await untilAborted(given, signal) : given,
      bounds,
    );
    return answer === undefined ? undefined : { module, instances, answer };
  } catch (error) {
    if (parent.aborted) throw parent.reason;
    noteFailure(deps, turn, module.id, error);
    return { module, instances: [], answer: NOTHING, isFailed: true };
  }
}

function noteFailure(
  { clock, metrics, logger }: AgentDeps,
  { run }: PlacedTurn,
  module: string,
  error: unknown,
): void {
  const turnId = run.claimed.turn.id;
  metrics
    .counter(
      "module_decisions_failed_total",
      "Decisions of modules that were late, threw or could not be kept",
    )
    .add(1, { module });
  logger.warn("module.undecided", { module, turnId, error });
  const why = error instanceof Error ? error.message : String(error);
  run.trace.push({
    at: clock.now(),
    what: "module",
    detail: `${module} decided nothing: ${why.slice(0, 300)}`,
  });
}

function decided({ module, instances, answer, isFailed }: Said, choice: string | undefined): DecidedModule {
  const { actions, text = "" } = isUnsure(answer)
    ? ((choice === undefined ? undefined : answer.choices[choice]) ?? answer.otherwise)
    : answer;
  const notes = [
    ...(isFailed === true ? ["undecided"] : []),
    ...(choice === undefined ? (isUnsure(answer) ? ["unsure"] : []) : [`chose "${choice}"`]),
    ...countsOf(actions),
  ];
  return {
    // Others' lists: they are read again when the turn ends.
    ...{ moduleId: module.id, instances, actions: [...actions] },
    text: within(text, module.budgetTokens),
    detail: notes.length === 0 ? "" : `${module.id}: ${notes.join(", ")}`,
  };
}

/** `2 added`, `1 ended`. */
function countsOf(actions: readonly InstanceAction[]): readonly string[] {
  return (["add", "update", "remove"] as const).flatMap((kind) => {
    const count = actions.filter((action) => action.kind === kind).length;
    return count === 0 ? [] : [`${count} ${DONE[kind]}`];
  });
}

const DONE = { add: "added", update: "changed", remove: "ended" } as const;

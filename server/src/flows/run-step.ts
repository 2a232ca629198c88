import type {
  CallOptions,
  ChildFlow,
  Clock,
  FlowContext,
  FlowDefinition,
  FlowMove,
  FlowResult,
  FlowRun,
  FlowStep,
  FlowStore,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId, linkSignal, untilAborted } from "../kit/index.ts";
import { type FlowCode, type FlowDefinitions, stepOf } from "./definitions.ts";
import { moveFrom, type Says } from "./moves.ts";
import { bad, checkWait, describeWait } from "./waits.ts";

const TIMEOUT_MS = 30_000;
const MAX_CHILDREN = 200;

export interface StepDeps {
  readonly flows: Pick<FlowStore, "start" | "move">;
  readonly definitions: FlowDefinitions;
  readonly clock: Clock;
  readonly says: Says;
}

/** What a step came to: the writes of one commit, and where they lead. */
export interface SteppedFlow {
  readonly writes: readonly Write<unknown>[];
  readonly move: FlowMove;
}

/** Runs the step that a flow stands at. Rejects with what the step throws, and with `request.invalid` for what it may not ask. */
export async function runStep(
  deps: StepDeps,
  flow: FlowRun,
  code: FlowCode,
  options: CallOptions,
): Promise<SteppedFlow> {
  const { definition, state, step: name } = code;
  const step = stepOf(definition, name);
  if (step === undefined)
    throw bad(`The flow "${definition.name}" version ${definition.version} has no step "${name}".`);
  const now = deps.clock.now();
  const context: FlowContext = {
    ...{ flow: { ...flow, state, step: name }, state, reason: flow.reason, attempt: flow.attempt, now },
    idempotencyKey: derivedId("flow-step", flow.id, String(flow.revision)),
  };
  const result = await timed(deps.clock, step, context, options);
  return resultOf(deps, { flow, definition, now, result, state: { ...state, ...result.state }, name });
}

async function timed(
  clock: Clock,
  step: FlowStep,
  context: FlowContext,
  { signal }: CallOptions,
): Promise<FlowResult> {
  const afterMs = step.timeoutMs ?? TIMEOUT_MS;
  const reason = (): TroupeError =>
    new TroupeError(`The step did not end within ${afterMs} ms.`, {
      code: "request.timeout",
      retryable: true,
    });
  using linked = linkSignal(signal, { clock, afterMs, reason });
  linked.signal.throwIfAborted();
  return await untilAborted(step.run(context, { signal: linked.signal }), linked.signal);
}

interface Outcome {
  readonly flow: FlowRun;
  readonly definition: FlowDefinition;
  readonly now: number;
  readonly name: string;
  readonly result: FlowResult;
  readonly state: FlowRun["state"];
}

function resultOf(deps: StepDeps, outcome: Outcome): SteppedFlow {
  const { flow, definition, result, state, name } = outcome;
  const { version } = definition;
  const from = { ...moveFrom(flow), epoch: flow.epoch, version, state, step: name };
  const { move, what, detail } = leadsTo(deps, outcome, from);
  const movedFrom = flow.version === version ? "" : ` (moved from version ${flow.version} to ${version})`;
  const change = deps.says(what, `${detail}${movedFrom}`);
  const children = (result.children ?? []).map((child) => childOf(deps, flow, child));
  if (children.length > MAX_CHILDREN)
    throw bad(`A step may begin ${MAX_CHILDREN} flows at once, not ${children.length}.`);
  return { writes: [...(result.writes ?? []), ...children, deps.flows.move(move, change)], move };
}

function leadsTo(
  { clock }: StepDeps,
  { definition, result: { next }, now }: Outcome,
  from: FlowMove,
): { readonly move: FlowMove; readonly what: string; readonly detail: string } {
  const known = (step: string): string => {
    if (stepOf(definition, step) !== undefined) return step;
    throw bad(`The flow "${definition.name}" version ${definition.version} has no step "${step}" to go to.`);
  };
  if ("step" in next) {
    const move = { ...from, step: known(next.step), reason: "step" as const };
    return { move, what: "step", detail: `${from.step} led to ${next.step}` };
  }
  if ("done" in next)
    return { move: { ...from, end: "finished" }, what: "finished", detail: next.note ?? "" };
  if ("fail" in next) {
    return { move: { ...from, end: "failed", error: next.fail }, what: "failed", detail: next.fail };
  }
  const wait =
    "wait" in next
      ? next.wait
      : {
          ...{ kind: "turn" as const, turn: next.turn, to: next.to },
          ...(next.deadline === undefined ? {} : { deadline: next.deadline }),
        };
  known(wait.to);
  if (wait.deadline?.to !== undefined) known(wait.deadline.to);
  // A clock that went on while the step ran makes no wait bad that was good when the step chose it.
  checkWait(wait, Math.min(now, clock.now()));
  return { move: { ...from, wait }, what: "waits", detail: describeWait(wait) };
}

function childOf({ flows, definitions, says }: StepDeps, parent: FlowRun, child: ChildFlow): Write {
  const definition = definitions.newest(child.definition);
  if (definition === undefined) throw bad(`There is no flow "${child.definition}" to begin.`);
  const { name, version, first: step } = definition;
  return flows.start(
    {
      id: derivedId("flow-child", parent.id, String(parent.revision), child.key),
      ...{ spaceId: parent.spaceId, definition: name, version, step, parentId: parent.id },
      ...{ sessionId: parent.sessionId, agentId: parent.agentId, isMirrored: false },
      goal: child.goal ?? `${child.key} of: ${parent.goal}`,
      state: child.state ?? {},
    },
    says("started", `by flow ${parent.id}`),
  );
}

import type { CallOptions, Contribution, Module, TurnView } from "@troupe/contracts";
import { hasModule, linkSignal, untilAborted } from "../kit/index.ts";
import { awarenessIn } from "./aware-text.ts";
import type { AgentDeps } from "./deps.ts";
import { within } from "./gather.ts";
import type { SessionView } from "./session-views.ts";

/** Together, whatever many modules bring some. */
const BUDGET_TOKENS = 400;
/** After so long a provider has forgotten the prefix, so nothing is lost by making it anew. */
const PAUSE_MS = 15 * 60_000;

/**
 * Makes it anew where a conversation begins or goes on after a pause, where its readers changed, or a tool changed something.
 * Undefined where it holds still, and where no module of the agent brings any.
 */
export function refreshAwareness(
  deps: AgentDeps,
  session: SessionView,
  view: TurnView,
  signal: AbortSignal,
): Promise<void> | undefined {
  const known = session.awareness;
  const at = deps.clock.now();
  if (known !== undefined && at - known.seenAt < PAUSE_MS && isSame(known.readers, view.audience)) {
    session.awareness = { ...known, seenAt: at };
    return undefined;
  }
  const modules = deps.modules.filter(
    ({ id, aware }) => aware !== undefined && hasModule(view.agent.spec, id),
  );
  return modules.length === 0 ? undefined : make(deps, session, view, modules, signal);
}

async function make(
  deps: AgentDeps,
  session: SessionView,
  view: TurnView,
  modules: readonly Module[],
  signal: AbortSignal,
): Promise<void> {
  const told = await Promise.all(modules.map((module) => ask(deps, module, view, signal)));
  const text = within(told.flatMap((one) => (one.text === "" ? [] : [one.text])).join("\n\n"), BUDGET_TOKENS);
  const before = session.awareness;
  const made = awarenessIn(text, [...view.audience], deps.clock.now());
  session.awareness = {
    ...made,
    message: before?.message?.text === text ? before.message : made.message,
    why: told.flatMap(({ detail }) => (detail === undefined ? [] : [detail])).join(", "),
    sources: text === "" ? [] : told.flatMap(({ sources = [] }) => sources),
  };
}

/** Fails open: late or broken, it says nothing. */
async function ask(
  { clock, settings, logger }: AgentDeps,
  module: Module,
  view: TurnView,
  parent: AbortSignal,
): Promise<Contribution> {
  using scope = linkSignal(parent, { clock, afterMs: settings.gatherMs, reason: () => new Error("late") });
  const options: CallOptions = { signal: scope.signal };
  try {
    return (
      (await untilAborted(module.aware?.(view, options) ?? Promise.resolve(NOTHING), scope.signal)) ?? NOTHING
    );
  } catch (error) {
    if (!parent.aborted) logger.warn("module.unaware", { module: module.id, turnId: view.turnId, error });
    return NOTHING;
  }
}

const NOTHING: Contribution = { text: "" };

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, at) => name === right[at]);
}

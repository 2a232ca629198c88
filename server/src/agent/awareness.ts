import type { CallOptions, Contribution, Module, TurnView } from "@troupe/contracts";
import { hasModule, linkSignal, untilAborted } from "../kit/index.ts";
import { awarenessIn } from "./aware-text.ts";
import type { AgentDeps } from "./deps.ts";
import { within } from "./gather.ts";
import type { SessionView } from "./session-views.ts";

/** Together, whatever many modules bring some: memory and people as much as they do, and room for others. */
const BUDGET_TOKENS = 650;
/** After so long a provider has forgotten the prefix, so nothing is lost by making it anew. */
const PAUSE_MS = 15 * 60_000;
/** A module that failed holds up the turn for which it is asked, so not each. */
const RETRY_MS = 60_000;

/**
 * Makes it anew where a conversation begins or goes on after a pause, and where its readers changed; where a memory was closed,
 * as far as what was said stands no more. Whether it says something else than before; undefined where nobody need be asked.
 */
export function refreshAwareness(
  deps: AgentDeps,
  session: SessionView,
  view: TurnView,
  signal: AbortSignal,
): Promise<boolean> | undefined {
  const known = session.awareness;
  const at = deps.clock.now();
  const isKnown = known !== undefined && at - known.seenAt < PAUSE_MS && isSame(known.readers, view.audience);
  const isWhole = known?.retryAt === undefined || at < known.retryAt;
  if (isKnown && isWhole && !known.mayBeStale) {
    session.awareness = { ...known, seenAt: at };
    return undefined;
  }
  const modules = deps.modules.filter(
    ({ id, aware }) => aware !== undefined && hasModule(view.agent.spec, id),
  );
  return modules.length === 0 ? undefined : make(deps, session, { view, modules, isKnown }, signal);
}

interface Asked {
  readonly view: TurnView;
  readonly modules: readonly Module[];
  /** Each is given what it said last. */
  readonly isKnown: boolean;
}

async function make(
  deps: AgentDeps,
  session: SessionView,
  { view, modules, isKnown }: Asked,
  signal: AbortSignal,
): Promise<boolean> {
  const before = session.awareness;
  const told = new Map<string, Contribution>();
  const answers = await Promise.all(
    modules.map((module) => {
      const last = isKnown ? before?.told.get(module.id) : undefined;
      return ask(deps, module, { view, last }, signal);
    }),
  );
  for (const [at, answer] of answers.entries())
    if (answer !== undefined) told.set(modules[at]?.id ?? "", answer);
  const texts = [...told.values()].flatMap(({ text }) => (text === "" ? [] : [text]));
  const text = within(texts.join("\n\n"), BUDGET_TOKENS);
  const now = deps.clock.now();
  const made = awarenessIn(text, [...view.audience], now);
  const retryAt = told.size === modules.length ? undefined : now + RETRY_MS;
  const isSaid = before?.message !== undefined && before.message.text === text;
  session.awareness = { ...made, told, retryAt, message: isSaid ? before.message : made.message };
  return !isSaid && text !== "";
}

/** What it says now, or said last where that still stands. Fails open: undefined where it is late or broken. */
async function ask(
  { clock, settings, logger }: AgentDeps,
  module: Module,
  { view, last }: { readonly view: TurnView; readonly last: Contribution | undefined },
  parent: AbortSignal,
): Promise<Contribution | undefined> {
  using scope = linkSignal(parent, { clock, afterMs: settings.gatherMs, reason: () => new Error("late") });
  const options: CallOptions = { signal: scope.signal };
  try {
    const asked = module.aware?.(view, options, last) ?? Promise.resolve(NOTHING);
    return (await untilAborted(asked, scope.signal)) ?? last ?? NOTHING;
  } catch (error) {
    if (!parent.aborted) logger.warn("module.unaware", { module: module.id, turnId: view.turnId, error });
    return undefined;
  }
}

const NOTHING: Contribution = { text: "" };

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, at) => name === right[at]);
}

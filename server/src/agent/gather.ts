import type { ContextModule, TurnPreview, TurnView } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { detectLanguage, estimateTokens, hasModule, linkSignal, untilAborted } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { currentKey, type SessionView, type SessionViews, trackOf } from "./session-views.ts";
import { shownFromOf } from "./tracks.ts";
import type { GatheredContribution, Gathering } from "./values.ts";

/**
 * Begins enrichment beside the accepting commit, so that the two waits become one. Only for a session whose view is at
 * hand: without it nobody knows what the prompt will show anyway.
 */
export function gatherAhead(
  deps: AgentDeps,
  views: Pick<SessionViews, "peek">,
  preview: TurnPreview,
  parent: AbortSignal,
): Gathering | undefined {
  const view = views.peek(preview.sessionId);
  const agent = deps.agents.get(preview.spaceId, preview.agentId);
  if (view === undefined || agent === undefined) return undefined;
  const { message, agentId: _, ...known } = preview;
  const language = detectLanguage(textOf(message.parts));
  const turnSeq = view.seenTo + 1;
  const turnView = {
    ...known,
    agent,
    language,
    inbound: [message],
    turnSeq,
    ...shownIn(view, currentKey(view)),
  };
  return gatherAll(deps, turnView, parent);
}

/** What the prompt of a turn in that track shows of its session. */
export function shownIn(view: SessionView, key: string): Pick<TurnView, "shownFromTurnSeq" | "shownTurns"> {
  const track = trackOf(view, key);
  const shownFromTurnSeq = shownFromOf(track);
  if (view.tracks.size === 1) return { shownFromTurnSeq };
  return { shownFromTurnSeq, shownTurns: new Set(track.turns.map(({ turnSeq }) => turnSeq)) };
}

export function gatherAll(deps: AgentDeps, view: TurnView, parent: AbortSignal): Gathering {
  const gathering: Promise<GatheredContribution>[] = [];
  for (const module of deps.modules)
    if (module.gather !== undefined && hasModule(view.agent.spec, module.id))
      gathering.push(gather(deps, module as ContextModule, view, parent));
  return gathering;
}

/** Enrichment fails open: late or failed, it contributes nothing, and the log says why. */
async function gather(
  deps: AgentDeps,
  module: ContextModule,
  view: TurnView,
  parent: AbortSignal,
): Promise<GatheredContribution> {
  const { clock, settings, logger } = deps;
  const afterMs = module.waitMs ?? settings.gatherMs;
  // Made when it is needed: an error with its stack is too dear for every turn.
  const late = () =>
    new TroupeError(`The module "${module.id}" took longer than ${afterMs} ms.`, {
      code: "turn.deadline",
    });
  using scope = linkSignal(parent, { clock, afterMs, reason: late });
  try {
    const contribution = await untilAborted(module.gather(view, { signal: scope.signal }), scope.signal);
    return { ...contribution, moduleId: module.id, text: within(contribution.text, module.budgetTokens) };
  } catch (error) {
    if (!parent.aborted) {
      deps.metrics
        .counter("module_failures_total", "Modules that brought nothing")
        .add(1, { module: module.id });
      logger.warn("module.failed", { module: module.id, turnId: view.turnId, error });
    }
    return { moduleId: module.id, text: "" };
  }
}

/** As many whole lines as the budget holds; a module that keeps to its budget loses none. */
export function within(text: string, budgetTokens: number): string {
  if (estimateTokens(text) <= budgetTokens) return text;
  const lines = text.split("\n");
  while (lines.length > 0 && estimateTokens(lines.join("\n")) > budgetTokens) lines.pop();
  return lines.join("\n");
}

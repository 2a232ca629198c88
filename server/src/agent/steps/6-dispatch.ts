import type { Message, ModelMessage } from "@troupe/contracts";
import { openCallsOf, SUBJECTS, textOf } from "@troupe/contracts";
import { estimateTokens, finishReasonOf, ringFor, ringsOf, SECONDS_BUCKETS } from "../../kit/index.ts";
import type { AgentDeps } from "../deps.ts";
import { doubt, HOME, type SessionViews } from "../session-views.ts";
import { type HistoryTurn, historyTurn, tokensOf } from "../tracks.ts";
import type { CommittedTurn } from "../values.ts";
import { outcomeOf, SUMMARY_EFFECT } from "./5-commit.ts";

/** Turns that look whether a history has been shortened. After them it is tried again, if it is due still. */
const COMPACTION_LOOKS = 10;

/** Step 6: everything is kept; rings the doorbells and tells whoever watches. Nothing here can fail the turn. */
export function dispatch(deps: AgentDeps, views: SessionViews, turn: CommittedTurn): void {
  const { emitter, claimed, startedAtMs } = turn.run;
  const calls = turn.state === "replied" ? openCallsOf(turn.parts) : [];
  const finishReason =
    turn.state !== "replied" ? undefined : calls.length > 0 ? "tool-calls" : finishReasonOf(turn.calls);
  emitter.step("dispatch", "completed");
  emitter.emit({
    type: "end",
    state: turn.state,
    messageId: turn.messageId,
    seq: turn.lastSeq,
    text: turn.reply,
    usage: turn.usage,
    costUsd: turn.costMicroUsd / 1e6,
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(calls.length === 0 ? {} : { calls }),
    ...(turn.error === undefined ? {} : { error: turn.error }),
  });
  remember(deps, views, turn);
  const { id: sessionId, stateless } = claimed.session;
  if (!stateless)
    ring(deps, SUBJECTS.sessionChanged, { sessionId, turnId: claimed.turn.id, by: deps.processId });
  if (turn.outboxed) ring(deps, SUBJECTS.outboxDue, {});
  for (const effect of turn.effects) ring(deps, SUBJECTS.effectDue, { lane: effect.lane });
  ringFor(deps, turn.toolWrites);
  deps.onKept?.(turn);
  const turnMs = deps.clock.monotonicMs() - startedAtMs;
  deps.metrics.counter("turns_total", "Turns by how they ended").add(1, { state: turn.state });
  deps.metrics.histogram("turn_seconds", "Time from claim to commit", SECONDS_BUCKETS).observe(turnMs / 1000);
  deps.logger.info("turn.closed", {
    turnId: claimed.turn.id,
    agentId: claimed.turn.agentId,
    state: turn.state,
    turnMs: Math.round(turnMs),
    modelCalls: turn.calls.length,
    inputTokens: turn.usage.inputTokens,
    outputTokens: turn.usage.outputTokens,
    ...(turn.error === undefined ? {} : { code: turn.error.code }),
  });
}

function ring(deps: AgentDeps, subject: string, payload: Record<string, unknown>): void {
  deps.bus.publish(subject, { id: deps.ids.next(), kind: subject, v: 1, at: deps.clock.now(), payload });
}

/** The session's view moves on only now, after the commit. */
function remember(deps: AgentDeps, views: SessionViews, turn: CommittedTurn): void {
  const { claimed } = turn.run;
  if (claimed.session.stateless) {
    views.forget(claimed.session.id);
    return;
  }
  const { session } = turn;
  const outcome = outcomeOf(turn);
  // In the order that is kept: two messages that joined may have been handed over the other way round.
  const inbound = turn.run.inbound
    .toSorted((a, b) => a.seq - b.seq)
    .map((message) => ({ ...message, outcome }) as const);
  const last = inbound.at(-1);
  if (last === undefined) return;
  const said = turn.state === "replied" || (turn.state === "cancelled" && turn.parts.length > 0);
  const reply = said
    ? [{ ...last, id: turn.messageId, role: "assistant" as const, parts: turn.parts, seq: turn.lastSeq }]
    : [];
  const seqs = [...inbound.map((message) => message.seq), turn.lastSeq];
  const ended = historyTurn([...inbound, ...reply], estimateTokens);
  // Only an answer belongs anywhere else than where its session began.
  const key = turn.state === "replied" ? (turn.track.storylineId ?? HOME) : HOME;
  views.append(session, key, turn.state === "replied" ? withAdded(ended, turn.added) : ended, seqs);
  placeNext(deps, turn, [...inbound, ...reply]);
  if (turn.home.isNew) {
    session.storyline = {
      id: turn.home.id,
      spaceId: claimed.turn.spaceId,
      agentId: claimed.turn.agentId,
      sessionId: claimed.session.id,
      audience: claimed.session.audience,
      title: turn.home.title,
      summary: "",
      summaryTurnSeq: 0,
      updatedAt: deps.clock.now(),
    };
  }
  // Its next turn may come before the bell that is rung for it.
  const rings = ringsOf(turn.toolWrites);
  if (rings.has(SUBJECTS.memoryClosed) || rings.has(SUBJECTS.personsChanged)) doubt(session);
  const summary = turn.effects.find(({ kind }) => kind === SUMMARY_EFFECT);
  if (summary === undefined) return;
  turn.track.turnsSinceSummary = 0;
  if (summary.payload.compactTo !== undefined) turn.track.compactionLooks = COMPACTION_LOOKS;
}

/** What was said counts for where the next turns belong. */
function placeNext(deps: AgentDeps, turn: CommittedTurn, messages: readonly Message[]): void {
  const { claimed } = turn.run;
  if (turn.placement === undefined || turn.state !== "replied") return;
  const isSilent = claimed.turn.payload.direct !== undefined;
  deps.placer?.ended({
    sessionId: claimed.session.id,
    turnSeq: claimed.turn.turnSeq,
    placement: turn.placement,
    texts: isSilent ? [] : messages.map(({ parts }) => textOf(parts)),
    at: deps.clock.now(),
  });
}

/** Where it stood in the prompt, so that the next prompt begins with the same bytes. */
function withAdded(turn: HistoryTurn, added: ModelMessage | undefined): HistoryTurn {
  if (added === undefined) return turn;
  const tokens = turn.tokens + tokensOf([added], estimateTokens);
  return { ...turn, messages: [added, ...turn.messages], tokens };
}

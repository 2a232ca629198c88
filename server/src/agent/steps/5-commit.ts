import type { CallOptions, Effect, MessageOutcome, MessageRole, NewMessage, Write } from "@troupe/contracts";
import { derivedId } from "../../kit/index.ts";
import { afterEndOf } from "../after-end.ts";
import { decidedAtEnd } from "../decided.ts";
import type { AgentDeps } from "../deps.ts";
import { effectsAtEnd } from "../hooks.ts";
import { REFILL_SHARE } from "../prompt.ts";
import { KEPT_TURNS, type Track } from "../tracks.ts";
import type { CommittedTurn, ExecutedTurn } from "../values.ts";

/** Kind of the effect that refreshes a storyline's summary. */
export const SUMMARY_EFFECT = "storyline.summary";
const SUMMARY_VERSION = 1;
/** Serves the command by which a person has the history shortened. */
const COMPACT_TOOL = "compact";
/** A history is shortened when it fills so much of its budget: the rest is room until the summary is there. */
const COMPACT_SHARE = 0.8;
/** So many turns lie between two times, whatever the budget is: one that cannot be kept must not ask for ever. */
const LEAST_TURNS = 4;

/**
 * Step 5: one transaction with messages, usage, money, reply, effects, and the end of every message of the turn, guarded
 * by epoch and by how many messages this process knows of. Rejects with `store.conflict` when either is old.
 */
export async function commit(
  deps: AgentDeps,
  turn: ExecutedTurn,
  options: CallOptions,
): Promise<CommittedTurn> {
  const { run } = turn;
  const { claimed } = run;
  const at = deps.clock.now();
  const messageId = deps.ids.next();
  // Counted before hooks are waited for: whatever joins meanwhile is not in the answer, and the store refuses this commit.
  const inboundCount = run.inbound.length;
  const touched = deps.sessions.take({ id: claimed.session.id, at, count: 1 });
  const asked = effectsAtEnd(deps, turn, options.signal);
  const fromHooks = asked === undefined ? [] : await asked;
  const decided = decidedAtEnd(deps, turn, at);
  const outboxed = claimed.replyTo !== undefined && turn.reply !== "";
  const effects = [
    ...effectsOf(deps, turn, at),
    ...learningOf(deps, turn, at),
    ...afterEndOf(claimed.turn, { state: turn.state, messageId, error: turn.error, at }),
    ...fromHooks,
    ...decided.effects,
  ];
  const writes: Write<unknown>[] = [
    ...run.unkept,
    deps.turns.finish({
      id: claimed.turn.id,
      epoch: claimed.turn.epoch,
      inboundCount,
      state: turn.state,
      agentRevision: turn.agent.revision,
      costMicroUsd: turn.costMicroUsd,
      usage: turn.usage,
      error: turn.error,
      trace: [...run.trace, { at, what: "commit", detail: describe(turn, messageId) }],
      at,
    }),
    touched,
    deps.sessions.append(messageOf(turn, messageId, at)),
    deps.inbox.end(claimed.turn.id, turn.state, at, turn.error?.message),
    ...moneyOf(deps, turn),
    ...storylineOf(deps, turn, at),
    ...turn.toolWrites,
    ...decided.writes,
    ...effects.map((effect) => deps.effects.put(effect)),
  ];
  if (turn.state !== "replied") writes.push(deps.turns.markMessages(claimed.turn.id, outcomeOf(turn)));
  if (outboxed) writes.push(outboxOf(deps, turn, messageId, at));
  const committed = await deps.unit.commit(writes, options);
  run.emitter.step("commit", "completed");
  return { ...turn, messageId, lastSeq: committed.read(touched).lastSeq, outboxed, effects };
}

function describe(turn: ExecutedTurn, messageId: string): string {
  return turn.state === "replied"
    ? `reply ${messageId}`
    : `${turn.state}${turn.error === undefined ? "" : ` ${turn.error.code}`}`;
}

/** Of the turn's messages. */
export function outcomeOf({ state }: Pick<ExecutedTurn, "state">): MessageOutcome {
  if (state === "replied") return "ok";
  return state === "dead" ? "failed" : state;
}

function messageOf(turn: ExecutedTurn, id: string, at: number): NewMessage {
  const { claimed } = turn.run;
  // A turn that ended badly leaves a notice for people; what it had said before being stopped stays the agent's own.
  const saidSomething = turn.state === "replied" || (turn.state === "cancelled" && turn.parts.length > 0);
  const role: MessageRole = saidSomething ? "assistant" : "notice";
  return {
    id,
    spaceId: claimed.turn.spaceId,
    sessionId: claimed.session.id,
    turnId: claimed.turn.id,
    turnSeq: claimed.turn.turnSeq,
    role,
    parts: saidSomething ? turn.parts : turn.reply === "" ? [] : [{ type: "text", text: turn.reply }],
    audience: claimed.session.audience,
    outcome: outcomeOf(turn),
    createdAt: at,
    fromLast: 0,
  };
}

function moneyOf(deps: AgentDeps, turn: ExecutedTurn): Write<unknown>[] {
  const { claimed } = turn.run;
  const writes: Write<unknown>[] = turn.calls.map((call) => deps.ledger.record(call));
  if (claimed.turn.reservedMicroUsd + turn.extraReservedMicroUsd > 0)
    writes.push(deps.ledger.release(claimed.turn.id));
  // A process that held the turn before may have kept calls that nobody here knows of.
  if (claimed.isTakeover) writes.push(deps.turns.recount(claimed.turn.id));
  return writes;
}

/** A turn where its session began writes nothing but, at first, that storyline; only an answer belongs anywhere else. */
function storylineOf(deps: AgentDeps, turn: ExecutedTurn, at: number): Write<unknown>[] {
  const { home, storyline, sideIds } = turn;
  const { id: turnId, spaceId, agentId, turnSeq } = turn.run.claimed.turn;
  const { id: sessionId, audience, peerId } = turn.run.claimed.session;
  const about = { spaceId, agentId, sessionId, peerId, audience, updatedAt: at };
  const writes: Write<unknown>[] = home.isNew
    ? [deps.storylines.open({ ...about, id: home.id, title: home.title })]
    : [];
  if (storyline.id === home.id || turn.state !== "replied") return writes;
  const { id, title, isNew } = storyline;
  return [
    ...writes,
    isNew ? deps.storylines.open({ ...about, id, title, laterId: id }) : deps.storylines.touch({ id, at }),
    deps.storylines.placeTurn({ turnId, storylineId: id, sessionId, turnSeq, sideIds, at }),
  ];
}

function outboxOf(deps: AgentDeps, turn: ExecutedTurn, messageId: string, at: number): Write {
  const { turn: record, session, replyTo } = turn.run.claimed;
  const address = replyTo ?? { channel: session.channel, target: session.peerId };
  return deps.outbox.put({
    id: messageId,
    spaceId: record.spaceId,
    turnId: record.id,
    sessionId: session.id,
    address,
    text: turn.reply,
    createdAt: at,
  });
}

/**
 * A summary is due when enough was said since the last one; and when the history outgrows its budget, or somebody asked for
 * that, it takes the place of the oldest turns in later prompts.
 */
function effectsOf(deps: AgentDeps, turn: ExecutedTurn, at: number): Omit<Effect, "attempt" | "epoch">[] {
  const { claimed } = turn.run;
  const { track, storyline } = turn;
  if (turn.state !== "replied" || claimed.session.stateless) return [];
  const compactTo = compactToOf(turn);
  if (compactTo === undefined && track.turnsSinceSummary + 1 < deps.settings.summaryEveryTurns) return [];
  const { spaceId, id: turnId, turnSeq } = claimed.turn;
  const { id: sessionId } = claimed.session;
  const about = { sessionId, storylineId: storyline.id, uptoTurnSeq: turnSeq, title: storyline.title };
  return [
    {
      id: derivedId(SUMMARY_EFFECT, storyline.id, turnId),
      spaceId,
      kind: SUMMARY_EFFECT,
      v: SUMMARY_VERSION,
      lane: "background",
      turnId,
      sessionId,
      payload: compactTo === undefined ? about : { ...about, compactTo },
      createdAt: at,
    },
  ];
}

/** The last turn that a summary is to stand for, if the history is to be shortened. */
function compactToOf(turn: ExecutedTurn): number | undefined {
  const { track, session, historyBudget, path } = turn;
  if (session.startsAt !== 1) return undefined;
  if (path.kind === "direct") return path.call.tool === COMPACT_TOOL ? lastToSummarise(track, 0) : undefined;
  const isDue = historyBudget !== undefined && track.shownTokens > historyBudget * COMPACT_SHARE;
  // It is on its way; or there is so little to shorten that each of the next turns would begin it again.
  if (!isDue || track.compactionLooks > 0 || track.turnsSinceSummary < LEAST_TURNS) return undefined;
  return lastToSummarise(track, historyBudget * REFILL_SHARE);
}

/** So that the turns after it have at most so many tokens; the newest stay as they are. */
function lastToSummarise({ turns, shownTokens, summaryTo }: Track, keepTokens: number): number | undefined {
  let left = shownTokens;
  let last: number | undefined;
  for (const { turnSeq, tokens } of turns.slice(0, -KEPT_TURNS)) {
    if (left <= keepTokens) break;
    left -= tokens;
    last = turnSeq;
  }
  return last === undefined || last <= summaryTo ? undefined : last;
}

/** What the words of a person teach is kept after the reply; what they told a tool is the tool's affair. */
function learningOf(deps: AgentDeps, turn: ExecutedTurn, at: number): Omit<Effect, "attempt" | "epoch">[] {
  const { claimed, inbound } = turn.run;
  const { spaceId, id: turnId, turnSeq, trigger, payload } = claimed.turn;
  const { id: sessionId, stateless } = claimed.session;
  if (turn.state !== "replied" || stateless || payload.direct !== undefined) return [];
  const draft = deps.learning?.({ agent: turn.agent.spec, trigger, sessionId, turnSeq, inbound });
  if (draft === undefined) return [];
  const { delayMs, kind, v, payload: about } = draft;
  const id = derivedId(kind, turnId);
  const due = delayMs === undefined ? {} : { dueAt: at + delayMs };
  return [
    { kind, v, payload: about, id, spaceId, lane: "background", turnId, sessionId, createdAt: at, ...due },
  ];
}

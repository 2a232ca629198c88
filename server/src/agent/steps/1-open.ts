import type { ClaimedTurn, Turn, TurnView } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { detectLanguage } from "../../kit/index.ts";
import { refreshAwareness } from "../awareness.ts";
import type { AgentDeps } from "../deps.ts";
import { createEmitter } from "../emitter.ts";
import { gatherAll, shownIn } from "../gather.ts";
import { briefOf, handoffTo } from "../handed.ts";
import { currentKey, type SessionViews } from "../session-views.ts";
import { gatherStanding } from "../standing.ts";
import { createRecording, type TapeRecording } from "../tape.ts";
import type { Gathering, OpenedTurn, TurnRun } from "../values.ts";

/** All of it for each attempt: a turn that waited in line, or for its process to come back, is not to blame for that. */
export function allowedMs({ deadlineAt, dueAt }: Turn): number {
  return Math.max(0, deadlineAt - dueAt);
}

/** Begins an attempt: the first live event, the first lines of its trace. */
export function beginRun(deps: AgentDeps, claimed: ClaimedTurn, prepared: Gathering | undefined): TurnRun {
  const now = deps.clock.now();
  return {
    claimed,
    emitter: createEmitter(
      deps.feed,
      claimed.turn.id,
      claimed.turn.attempt,
      claimed.turn.payload.maySayNothing,
    ),
    trace: [{ at: now, what: "open", detail: `attempt ${claimed.turn.attempt}` }],
    inbound: [...claimed.inbound],
    arrived: [],
    calls: [],
    unkept: [],
    startedAtMs: deps.clock.monotonicMs(),
    deadlineAt: now + allowedMs(claimed.turn),
    tape: recordingOf(deps, claimed),
    prepared,
    before: { reservedMicroUsd: 0 },
  };
}

function recordingOf({ recorder, clock }: AgentDeps, claimed: ClaimedTurn): TapeRecording | undefined {
  const maxBytes = recorder?.limitOf(claimed.turn.spaceId, claimed.turn.agentId);
  return maxBytes === undefined ? undefined : createRecording(claimed, maxBytes, clock);
}

/** Step 1: loads agent, journal and session, and starts gathering at once. */
export async function open(
  deps: AgentDeps,
  views: SessionViews,
  run: TurnRun,
  signal: AbortSignal,
): Promise<OpenedTurn> {
  const { claimed } = run;
  const { turn, session } = claimed;
  if (turn.cancelRequested) throw new TroupeError("Stopped.", { code: "turn.cancelled" });
  if (turn.attempt > deps.settings.maxAttempts) {
    throw new TroupeError(`Given up after ${turn.attempt - 1} attempts.`, {
      code: "turn.attempts_exhausted",
    });
  }
  const agent = deps.agents.get(turn.spaceId, turn.agentId);
  if (agent === undefined)
    throw new TroupeError(`There is no agent "${turn.agentId}" any more.`, { code: "request.not_found" });
  const handoff = await handoffTo(deps, claimed, { signal });
  const [view, journal, paidBefore] = await Promise.all([
    views.load(session, turn.turnSeq, { signal }, handoff === undefined ? undefined : handoff.turnSeq + 1),
    claimed.isTakeover ? deps.turns.steps(turn.id, { signal }) : [],
    claimed.isTakeover ? deps.ledger.callsOfTurn(turn.id, { signal }) : [],
  ]);
  const text = run.inbound.map((message) => textOf(message.parts)).join("\n");
  const language = detectLanguage(text);
  const turnView: TurnView = {
    turnId: turn.id,
    spaceId: turn.spaceId,
    agent,
    sessionId: session.id,
    turnSeq: turn.turnSeq,
    trigger: turn.trigger,
    audience: session.audience,
    peerId: session.peerId,
    inbound: run.inbound,
    language,
    ...shownIn(view, currentKey(view)),
  };
  const modules =
    turn.payload.direct === undefined ? (run.prepared ?? gatherAll(deps, turnView, signal)) : [];
  const gathering =
    handoff === undefined ? modules : [Promise.resolve(briefOf(deps, handoff, claimed, agent)), ...modules];
  const becomingAware =
    turn.payload.direct === undefined && !session.stateless && handoff === undefined
      ? refreshAwareness(deps, view, turnView, signal)
      : undefined;
  const standing = turn.payload.direct === undefined ? gatherStanding(deps, turnView, signal) : [];
  run.emitter.step("open", "completed", `attempt ${turn.attempt}`);
  const about = { paidBefore, view: turnView, gathering, standing, becomingAware };
  return { run, agent, language, text, session: view, journal, ...about };
}

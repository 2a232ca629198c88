import type {
  Admission,
  LaneTicket,
  RunningTurn,
  SessionControl,
  TurnControl,
  TurnIntake,
} from "@troupe/contracts";
import { estimateTokens, LANES, type Metrics } from "../kit/index.ts";
import { type ActiveTurns, createActiveTurns } from "./active-turns.ts";
import { createClaimer } from "./claimer.ts";
import { createControl } from "./control.ts";
import type { AgentDeps } from "./deps.ts";
import { LeftForTakeover } from "./failure.ts";
import { gatherAhead } from "./gather.ts";
import { createPrompts } from "./prompt.ts";
import { createTurnRunner, join } from "./run-turn.ts";
import { createSessionControl } from "./session-control.ts";
import { createSessionViews, currentKey, type SessionViews, trackOf } from "./session-views.ts";
import { createSlots, type Place, type Slots } from "./slots.ts";
import { createTurnBells } from "./turn-bells.ts";
import type { Gathering } from "./values.ts";

/** Runs the turns of this process: many agents, one consumer, no timer per agent. */
export interface Supervisor {
  readonly intake: TurnIntake;
  readonly control: TurnControl;
  readonly sessions: SessionControl;
  /** Claims what is due and what dead processes left, now and from time to time. */
  start(): void;
  /** Refuses further messages from this moment on; turns go on. */
  closeIntake(): void;
  /** Takes no more, waits `graceMs` for what runs, leaves the rest for takeover. */
  drain(options: { readonly graceMs: number }): Promise<void>;
  /** Tokens of history that the session's next prompt shows, as far as it is in memory. */
  shownTokens(sessionId: string): number | undefined;
  /** Reads conversations anew: turns belong to other storylines than they did. */
  forgetHistories(): void;
  stats(): { readonly running: number; readonly waiting: number; readonly sessionViews: number };
}

const FULL_RETRY_MS = 1_000;

export function createSupervisor(deps: AgentDeps): Supervisor {
  const { settings } = deps;
  const views = createSessionViews({ ...deps, estimateTokens, maxBytes: settings.viewCacheBytes });
  const slots = createSlots(settings.concurrency);
  const custody = new AbortController();
  const runner = createTurnRunner(deps, views, createPrompts());
  const active = createActiveTurns(deps, { runner, slots, custody, onFree: () => claimer.freed() });
  const claimer = createClaimer(deps, {
    slots,
    start: active.start,
    onCancelled: (turnId) => control.stopLocal(turnId, "somebody asked for it"),
    onMissed: (sessionId, lane) => bells.missed(sessionId, lane),
    signal: custody.signal,
  });
  const control = createControl({ ...deps, active });
  const bells = createTurnBells(deps, { slots, active, claimer, control, views, signal: custody.signal });
  let isClosing = false;

  const ticketOf = (place: Place): LaneTicket => {
    let prepared: Gathering | undefined;
    return {
      prepare(preview) {
        prepared = gatherAhead(deps, views, preview, custody.signal);
      },
      start: (claimed) => active.start(claimed, place, prepared),
      release() {
        place.free();
        claimer.freed();
      },
    };
  };

  measure(deps.metrics, slots, views);
  const intake: TurnIntake = {
    admit(sessionId, lane): Admission {
      if (isClosing) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
      const place = slots.take(sessionId, lane);
      if (place !== undefined) return { kind: "run", ticket: ticketOf(place) };
      if (slots.waiting >= settings.maxWaiting) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
      return { kind: "queue", running: runningIn(active, sessionId) };
    },
    wake(sessionId, lane, dueAt) {
      slots.wait(sessionId, lane, dueAt);
      claimer.pump();
    },
    steer(turnId, message) {
      const one = active.get(turnId);
      if (one !== undefined) join(one.run, message);
    },
  };

  return {
    intake,
    control,
    sessions: createSessionControl({ ...deps, views, control }),
    start() {
      bells.start();
      claimer.begin();
    },
    closeIntake() {
      isClosing = true;
    },
    async drain({ graceMs }) {
      isClosing = true;
      bells.stop();
      await claimer.stop();
      await active.drain(graceMs);
      custody.abort(new LeftForTakeover("the process stops"));
    },
    shownTokens: (sessionId) => shownTokens(views, sessionId),
    forgetHistories: views.forgetAll,
    stats: () => ({ running: active.size, waiting: slots.waiting, sessionViews: views.stats.sessions }),
  };
}

function shownTokens(views: SessionViews, sessionId: string): number | undefined {
  const view = views.peek(sessionId);
  return view === undefined ? undefined : trackOf(view, currentKey(view)).shownTokens;
}

function runningIn(active: ActiveTurns, sessionId: string): RunningTurn | undefined {
  const claimed = active.ofSession(sessionId)?.run.claimed;
  // A direct call answers itself alone: a message that joined it would get no answer.
  if (claimed === undefined || claimed.turn.payload.direct !== undefined) return undefined;
  const { id: turnId, turnSeq, epoch, payload } = claimed.turn;
  const isAwaited = payload.afterEnd !== undefined;
  return { turnId, turnSeq, epoch, audience: claimed.session.audience, isAwaited };
}

function measure(metrics: Metrics, slots: Slots, views: SessionViews): void {
  metrics.probe("turns_running", "Turns that run just now, by lane.", () =>
    LANES.map((lane) => ({ labels: { lane }, value: slots.running(lane) })),
  );
  metrics.probe("turns_waiting", "Turns that wait for their session or lane.", () => slots.waiting);
  metrics.probe("session_views", "Sessions whose history is in memory.", () => views.stats.sessions);
  metrics.probe("session_views_bytes", "Memory that these histories take, about.", () => views.stats.bytes);
}

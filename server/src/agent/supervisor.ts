import type { Admission, LaneTicket, TurnControl, TurnIntake } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { estimateTokens } from "../kit/index.ts";
import { createActiveTurns } from "./active-turns.ts";
import { createClaimer } from "./claimer.ts";
import { createControl } from "./control.ts";
import type { AgentDeps } from "./deps.ts";
import { LeftForTakeover } from "./failure.ts";
import { gatherAhead } from "./gather.ts";
import { createPrompts } from "./prompt.ts";
import { createTurnRunner, join } from "./run-turn.ts";
import { createSessionViews } from "./session-views.ts";
import { createSlots, type Place } from "./slots.ts";
import type { Gathering } from "./values.ts";

/** Runs the turns of this process: many agents, one consumer, no timer per agent. */
export interface Supervisor {
  readonly intake: TurnIntake;
  readonly control: TurnControl;
  /** Claims what is due and what dead processes left, now and from time to time. */
  start(): void;
  /** Takes no more, waits `graceMs` for what runs, leaves the rest for takeover. */
  drain(options: { readonly graceMs: number }): Promise<void>;
  stats(): { readonly running: number; readonly waiting: number; readonly sessionViews: number };
}

const FULL_RETRY_MS = 1_000;

export function createSupervisor(deps: AgentDeps): Supervisor {
  const { settings } = deps;
  const views = createSessionViews({ ...deps, estimateTokens, maxBytes: settings.viewCacheBytes });
  const slots = createSlots(settings.concurrency);
  const custody = new AbortController();
  const runner = createTurnRunner(deps, views, createPrompts());
  const active = createActiveTurns(deps, { runner, slots, custody, onFree: () => claimer.pump() });
  const claimer = createClaimer(deps, { slots, start: active.start, signal: custody.signal });
  const control = createControl({ ...deps, active });
  let isClosing = false;
  let cancellations: Disposable | undefined;

  const ticketOf = (place: Place): LaneTicket => {
    let prepared: Gathering | undefined;
    return {
      prepare(preview) {
        prepared = gatherAhead(deps, views, preview, custody.signal);
      },
      start: (claimed) => active.start(claimed, place, prepared),
      release() {
        place.free();
        claimer.pump();
      },
    };
  };

  const intake: TurnIntake = {
    admit(sessionId, lane): Admission {
      if (isClosing) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
      const place = slots.take(sessionId, lane);
      if (place !== undefined) return { kind: "run", ticket: ticketOf(place) };
      if (slots.waiting >= settings.maxWaiting) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
      const running = active.ofSession(sessionId)?.run.claimed.turn;
      // A direct call answers itself alone: a message that joined it would get no answer.
      if (running === undefined || running.payload.direct !== undefined)
        return { kind: "queue", running: undefined };
      return {
        kind: "queue",
        running: { turnId: running.id, turnSeq: running.turnSeq, epoch: running.epoch },
      };
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
    start() {
      cancellations = deps.bus.subscribe(SUBJECTS.turnCancel, ({ payload }) =>
        control.stopLocal(String(payload.turnId), String(payload.reason)),
      );
      claimer.begin();
    },
    async drain({ graceMs }) {
      isClosing = true;
      cancellations?.[Symbol.dispose]();
      await claimer.stop();
      await active.drain(graceMs);
      custody.abort(new LeftForTakeover("the process stops"));
    },
    stats: () => ({ running: active.size, waiting: slots.waiting, sessionViews: views.stats.sessions }),
  };
}

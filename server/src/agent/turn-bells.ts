import type { Envelope, Lane } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import type { ActiveTurns } from "./active-turns.ts";
import type { Claimer } from "./claimer.ts";
import type { Control } from "./control.ts";
import type { AgentDeps } from "./deps.ts";
import { join } from "./run-turn.ts";
import type { SessionViews } from "./session-views.ts";
import type { Slots } from "./slots.ts";

/** What a process that runs turns hears of the others, and tells them. Losing any of it costs a sweep's time. */
export interface TurnBells {
  start(): void;
  /** A turn that was rung for could not be claimed: another process may run its session, and then has the next one. */
  missed(sessionId: string, lane: Lane): void;
  stop(): void;
}

const LANES: readonly string[] = ["realtime", "background", "heavy"] satisfies readonly Lane[];
/** Within that time one session is asked for once, or processes would pass it round. */
const QUIET_MS = 1_000;
const MOST_QUIET = 1_000;

type TurnBellsDeps = Pick<AgentDeps, "bus" | "turns" | "clock" | "ids" | "logger" | "processId" | "settings">;

interface TurnBellsParts {
  readonly slots: Slots;
  readonly active: Pick<ActiveTurns, "get" | "ofSession">;
  readonly claimer: Pick<Claimer, "pump" | "begin">;
  readonly control: Pick<Control, "stopLocal">;
  readonly views: Pick<SessionViews, "peek" | "forget" | "doubtAll">;
  readonly signal: AbortSignal;
}

type Bell = readonly [subject: string, heard: (envelope: Envelope) => void];

/** What makes known sessions otherwise than they are known. */
function viewBells(views: TurnBellsParts["views"]): readonly Bell[] {
  return [
    [SUBJECTS.sessionRemoved, ({ payload }) => views.forget(String(payload.sessionId))],
    [SUBJECTS.memoryClosed, () => views.doubtAll()],
    [SUBJECTS.personsChanged, () => views.doubtAll()],
    [SUBJECTS.busBack, () => views.doubtAll()],
  ];
}

export function createTurnBells(deps: TurnBellsDeps, parts: TurnBellsParts): TurnBells {
  const { bus, clock, processId } = deps;
  const { slots, active, claimer, views, control } = parts;
  const quiet = createQuiet(deps);
  const wait = ({ sessionId, lane, dueAt }: Due): void => {
    slots.wait(sessionId, lane, dueAt);
    claimer.pump();
  };
  const take =
    (whenFull: (payload: Envelope["payload"]) => boolean) =>
    async ({ payload }: Envelope): Promise<Envelope> => {
      const due = dueOf(payload);
      const hasRoom = due !== undefined && slots.running(due.lane) < deps.settings.concurrency[due.lane];
      const isTaken = due !== undefined && (hasRoom || whenFull(payload));
      if (isTaken) wait(due);
      return envelope(deps, SUBJECTS.turnDue, { isTaken });
    };
  const onWaiting = ({ payload }: Envelope): void => {
    const due = dueOf(payload);
    if (due === undefined || payload.from === processId || slots.isWaiting(due.sessionId)) return;
    quiet.hush(due.sessionId);
    if (active.ofSession(due.sessionId) !== undefined || views.peek(due.sessionId) !== undefined) wait(due);
  };
  let held: DisposableStack | undefined;

  return {
    start() {
      held = new DisposableStack();
      // The others may have room, so one that has none passes it on, unless it is asked as the last.
      held.use(
        bus.respond(
          SUBJECTS.turnDue,
          take(({ whenFull }) => whenFull !== false),
        ),
      );
      held.use(
        bus.respond(
          `${SUBJECTS.turnDue}.${processId}`,
          take(() => false),
        ),
      );
      const heard: readonly Bell[] = [
        [SUBJECTS.turnWaiting, onWaiting],
        [SUBJECTS.turnSteered, ({ payload }) => catchUp(deps, parts, String(payload.turnId))],
        [
          SUBJECTS.turnCancel,
          ({ payload }) => control.stopLocal(String(payload.turnId), String(payload.reason)),
        ],
        // Doorbells may have been missed.
        [SUBJECTS.busBack, () => claimer.begin()],
        ...viewBells(views),
      ];
      for (const [subject, handle] of heard) held.use(bus.subscribe(subject, handle));
    },
    missed(sessionId, lane) {
      if (held === undefined || quiet.is(sessionId)) return;
      quiet.hush(sessionId);
      const payload = { sessionId, lane, dueAt: clock.now(), from: processId };
      bus.publish(SUBJECTS.turnWaiting, envelope(deps, SUBJECTS.turnWaiting, payload));
    },
    stop() {
      held?.[Symbol.dispose]();
      held = undefined;
    },
  };
}

function envelope({ ids, clock }: TurnBellsDeps, kind: string, payload: Envelope["payload"]): Envelope {
  return { id: ids.next(), kind, v: 1, at: clock.now(), payload };
}

/** Messages that joined a turn of this process elsewhere. */
function catchUp({ turns, logger }: TurnBellsDeps, { active, signal }: TurnBellsParts, turnId: string): void {
  const run = active.get(turnId)?.run;
  if (run === undefined) return;
  turns.inbound(turnId, { signal }).then(
    (kept) => {
      for (const message of kept) join(run, message);
    },
    (error: unknown) => logger.warn("turn.steer_unread", { turnId, error }),
  );
}

/** Sessions that were asked for just now. */
function createQuiet({ clock }: TurnBellsDeps): {
  is(sessionId: string): boolean;
  hush(sessionId: string): void;
} {
  const since = new Map<string, number>();
  return {
    is: (sessionId) => clock.monotonicMs() < (since.get(sessionId) ?? Number.NEGATIVE_INFINITY) + QUIET_MS,
    hush(sessionId) {
      since.delete(sessionId);
      since.set(sessionId, clock.monotonicMs());
      for (const oldest of since.keys()) {
        if (since.size <= MOST_QUIET) break;
        since.delete(oldest);
      }
    },
  };
}

interface Due {
  readonly sessionId: string;
  readonly lane: Lane;
  readonly dueAt: number;
}

/** What a doorbell says, as far as it can be read; the bus carries what anybody on it says. */
function dueOf({ sessionId, lane, dueAt }: Envelope["payload"]): Due | undefined {
  if (typeof sessionId !== "string" || typeof lane !== "string" || !LANES.includes(lane)) return undefined;
  return { sessionId, lane: lane as Lane, dueAt: typeof dueAt === "number" ? dueAt : 0 };
}

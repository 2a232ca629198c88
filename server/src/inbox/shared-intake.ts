import type {
  Admission,
  CallOptions,
  Clock,
  IdGenerator,
  Lane,
  Logger,
  MessageBus,
  RunningTurn,
  Stores,
  TurnIntake,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createHolders } from "./holders.ts";

/**
 * The way to the turns of a Troupe of several processes: a message is kept here, and its turn runs here or elsewhere. The
 * process that ran a session's last turn is asked first, since it has the conversation in memory; where it is gone, full
 * or silent, whoever has room; where nobody is heard, the sweeps find the row.
 */
export interface SharedIntake {
  readonly intake: TurnIntake;
  start(): void;
  /** Takes no more. */
  stop(): void;
}

export interface SharedIntakeDeps {
  readonly bus: MessageBus;
  readonly turns: Pick<Stores["turns"], "list" | "countQueued">;
  readonly sessions: Pick<Stores["sessions"], "get">;
  readonly spaceId: string;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly processId: string;
  /** Turns that run in this process; absent where none do. */
  readonly local: TurnIntake | undefined;
  /** Turns that may wait, over all processes, before new messages are refused. */
  readonly maxWaiting: () => number;
}

/** Whoever lives answers at once; so long is waited for one that stands still. */
const ASK_MS = 300;
/** Of those that are asked one after the other, the last takes it though it has no room. */
const MOST_ASKED = 3;
const FULL_RETRY_MS = 1_000;
const COUNT_EVERY_MS = 1_000;

export function createSharedIntake(deps: SharedIntakeDeps): SharedIntake {
  const { bus, clock, ids, processId, local } = deps;
  const holders = createHolders(bus);
  const waiting = createWaitingCount(deps);
  const life = new AbortController();

  const isElsewhere = (sessionId: string): boolean =>
    local === undefined || (holders.of(sessionId) ?? processId) !== processId;
  const envelope = (kind: string, payload: Readonly<Record<string, unknown>>) => ({
    ...{ id: ids.next(), kind, v: 1, at: clock.now(), payload },
  });
  const ask = async (subject: string, payload: Readonly<Record<string, unknown>>): Promise<boolean> => {
    const asked = envelope(SUBJECTS.turnDue, payload);
    try {
      const answer = await bus.request(subject, asked, { timeoutMs: ASK_MS, signal: life.signal });
      return answer.payload.isTaken === true;
    } catch (error) {
      if (!TroupeError.is(error)) deps.logger.debug("turn.bell_failed", { subject, error });
      return false;
    }
  };
  const ring = async (sessionId: string, lane: Lane, dueAt: number): Promise<void> => {
    const payload = { sessionId, lane, dueAt };
    const holder = holders.of(sessionId);
    if (holder !== undefined && holder !== processId) {
      if (await ask(`${SUBJECTS.turnDue}.${holder}`, payload)) return;
      holders.forget(sessionId, holder);
    }
    if (local !== undefined) return local.wake(sessionId, lane, dueAt);
    for (let asked = 1; asked <= MOST_ASKED; asked++)
      if (await ask(SUBJECTS.turnDue, { ...payload, whenFull: asked === MOST_ASKED })) return;
  };
  const running = async (sessionId: string, options: CallOptions): Promise<RunningTurn | undefined> => {
    const query = { spaceId: deps.spaceId, sessionId, states: ["running"], limit: 1 } as const;
    const [turn] = (await deps.turns.list(query, options)).items;
    // A direct call answers itself alone: a message that joined it would get no answer.
    if (turn === undefined || turn.payload.direct !== undefined) return undefined;
    const session = await deps.sessions.get(sessionId, options);
    if (session === undefined) return undefined;
    const isAwaited = turn.payload.afterEnd !== undefined;
    return {
      turnId: turn.id,
      turnSeq: turn.turnSeq,
      epoch: turn.epoch,
      audience: session.audience,
      isAwaited,
    };
  };

  return {
    intake: {
      admit(sessionId, lane): Admission {
        if (life.signal.aborted) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
        if (!isElsewhere(sessionId))
          return local?.admit(sessionId, lane) ?? { kind: "queue", running: undefined };
        if (waiting.isFull()) return { kind: "full", retryAfterMs: FULL_RETRY_MS };
        return { kind: "queue", running: undefined };
      },
      wake(sessionId, lane, dueAt) {
        if (isElsewhere(sessionId)) void ring(sessionId, lane, dueAt);
        else local?.wake(sessionId, lane, dueAt);
      },
      steer(turnId, message) {
        local?.steer(turnId, message);
        // Whoever runs it reads what joined; without the bus, the commit that would end the turn finds it.
        bus.publish(SUBJECTS.turnSteered, envelope(SUBJECTS.turnSteered, { turnId }));
      },
      running,
    },
    start: () => holders.start(),
    stop() {
      life.abort(new Error("Troupe stops."));
      holders.stop();
    },
  };
}

/** How many turns wait over all processes: counted now and then, and what was accepted here since is added. */
function createWaitingCount({ turns, clock, logger, maxWaiting }: SharedIntakeDeps): { isFull(): boolean } {
  let counted = 0;
  let since = 0;
  let countedAtMs = Number.NEGATIVE_INFINITY;
  let isCounting = false;
  const count = async (): Promise<void> => {
    isCounting = true;
    try {
      const before = since;
      counted = await turns.countQueued(maxWaiting(), { signal: new AbortController().signal });
      since -= before;
    } catch (error) {
      // A store that cannot be read refuses the message itself.
      logger.debug("turn.count_failed", { error });
    } finally {
      countedAtMs = clock.monotonicMs();
      isCounting = false;
    }
  };
  return {
    isFull() {
      if (!isCounting && clock.monotonicMs() >= countedAtMs + COUNT_EVERY_MS) void count();
      if (counted + since >= maxWaiting()) return true;
      since += 1;
      return false;
    },
  };
}

import type { CallOptions, ClaimedTurn, Lane } from "@troupe/contracts";
import type { AgentDeps } from "./deps.ts";
import type { Place, Slots } from "./slots.ts";
import { createSweep, type OneTimer } from "./sweep.ts";

/** Finds turns to run: those that wait in this process, and whatever the store knows of beyond. */
export interface Claimer {
  /** Starts what waits, is due and has room; sets the one timer for what is due later. */
  pump(): void;
  /** A turn has ended: its place may be wanted, by what waits here or in the store. */
  freed(): void;
  /** Sweeps the store now and from time to time. */
  begin(): void;
  /** No claim begins any more; resolves when the last one has ended. */
  stop(): Promise<void>;
}

type ClaimerDeps = Pick<AgentDeps, "unit" | "turns" | "clock" | "logger" | "processId" | "settings">;

interface ClaimerParts {
  readonly slots: Slots;
  readonly start: (claimed: ClaimedTurn, place: Place) => void;
  /** Somebody wants a turn of this process to stop. */
  readonly onCancelled: (turnId: string) => void;
  /** A session was asked for its next turn, and there was none that this process may have. */
  readonly onMissed?: (sessionId: string, lane: Lane) => void;
  readonly signal: AbortSignal;
}

export function createClaimer(deps: ClaimerDeps, parts: ClaimerParts): Claimer {
  const { unit, turns, clock, logger, settings, processId } = deps;
  const { slots, start } = parts;
  const options: CallOptions = { signal: parts.signal };
  const timer = createOneTimer(deps, () => track(isStopped ? Promise.resolve() : sweep.run()));
  const underWay = createUnderWay();
  const trail = createTrail(deps, slots);
  let isStopped = false;

  const track = (work: Promise<void>): void =>
    underWay.add(work, (error) => {
      if (!isStopped) logger.error("turn.claim_failed", { error });
    });

  const sweep = createSweep(deps, {
    ...parts,
    timer,
    options,
    onClaimed: trail.follow,
    onSwept: () => pump(),
  });

  const pump = (): void => {
    if (isStopped || slots.waiting === 0) return;
    for (const { sessionId, lane } of slots.ready(clock.now())) track(claimOne(sessionId, lane));
    const dueAt = slots.nextDueAt();
    if (dueAt !== undefined && dueAt > clock.now()) timer.at(dueAt);
  };

  const claimOne = async (sessionId: string, lane: Lane): Promise<void> => {
    const place = slots.force(sessionId, lane);
    const claim = turns.claim({ owner: processId, limit: 1, sessionId });
    let claimed: ClaimedTurn | undefined;
    try {
      [claimed] = (await unit.commit([claim], options)).read(claim);
    } catch (error) {
      place.free();
      timer.at(clock.now() + settings.sweepMs);
      throw error;
    }
    slots.unwait(sessionId, claimed === undefined);
    trail.asked(sessionId, lane, claimed !== undefined);
    if (claimed !== undefined) start(claimed, place);
    else {
      // Its burst goes on, it was cancelled, or another process has it.
      place.free();
      parts.onMissed?.(sessionId, lane);
      await scheduleNextDue();
    }
    pump();
  };

  const scheduleNextDue = async (): Promise<void> => sweep.scheduleAt(await turns.nextDue(options));

  return {
    pump,
    freed() {
      sweep.freed();
      pump();
    },
    begin: () => timer.at(clock.now()),
    async stop() {
      isStopped = true;
      timer.cancel();
      await underWay.ended();
    },
  };
}

/** Work that somebody waits for in the end, so that nothing floats. */
function createUnderWay() {
  const running = new Set<Promise<void>>();
  return {
    add(work: Promise<void>, onError: (error: unknown) => void): void {
      const watched = work.catch(onError).finally(() => running.delete(watched));
      running.add(watched);
    },
    async ended(): Promise<void> {
      await Promise.all(running);
    },
  };
}

/**
 * Sessions of which a sweep brought a turn: who queued it is gone or elsewhere, and nobody tells of those behind it. Each
 * is asked for its next turn when one has ended, until there is none.
 */
interface Trail {
  follow(sessionId: string, lane: Lane): void;
  asked(sessionId: string, lane: Lane, found: boolean): void;
}

function createTrail({ clock }: Pick<ClaimerDeps, "clock">, slots: Slots): Trail {
  const followed = new Set<string>();
  const follow = (sessionId: string, lane: Lane): void => {
    followed.add(sessionId);
    if (!slots.isWaiting(sessionId)) slots.wait(sessionId, lane, clock.now());
  };
  return {
    follow,
    asked(sessionId, lane, found) {
      if (!found) followed.delete(sessionId);
      else if (followed.has(sessionId)) follow(sessionId, lane);
    },
  };
}

/** One timer for all: the earliest time asked for wins. */
function createOneTimer(deps: Pick<AgentDeps, "clock">, run: () => void): OneTimer & { cancel(): void } {
  const { clock } = deps;
  let timer: Disposable | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let isCancelled = false;
  return {
    at(time: number): void {
      if (isCancelled || time >= dueAt) return;
      timer?.[Symbol.dispose]();
      dueAt = time;
      timer = clock.schedule(Math.max(0, time - clock.now()), () => {
        dueAt = Number.POSITIVE_INFINITY;
        run();
      });
    },
    cancel(): void {
      isCancelled = true;
      timer?.[Symbol.dispose]();
    },
  };
}

import type { CallOptions, ClaimedTurn, Lane } from "@troupe/contracts";
import { LANES } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { Place, Slots } from "./slots.ts";

/** Runs what it was made for at the earliest time that was asked for, UTC milliseconds. */
export interface OneTimer {
  at(time: number): void;
}

/** Looks for what no doorbell told of: turns that are due or orphaned, and cancels. */
export interface Sweep {
  /** One look, and a claim where it would give something. Asks the timer for the next one. Two at once are one. */
  run(): Promise<void>;
  /** A turn has ended: where the last look left something for want of room, the next one comes now. */
  freed(): void;
  /** The next look comes when a turn is due that is known to wait. */
  scheduleAt(dueAt: number | undefined): void;
}

type SweepDeps = Pick<AgentDeps, "unit" | "turns" | "clock" | "logger" | "processId" | "settings">;

interface SweepParts {
  readonly slots: Slots;
  readonly timer: OneTimer;
  readonly options: CallOptions;
  readonly start: (claimed: ClaimedTurn, place: Place) => void;
  readonly onCancelled: (turnId: string) => void;
  readonly onClaimed: (sessionId: string, lane: Lane) => void;
  readonly onSwept: () => void;
}

const SWEEP_LIMIT = 256;
/** Due by our clock and not yet by the database's, or due while the store was asked: looked at again so soon. */
const EARLY_MS = 250;

export function createSweep(deps: SweepDeps, parts: SweepParts): Sweep {
  const { turns, clock, settings, processId } = deps;
  const { slots, timer, options } = parts;
  /** Lanes that had no room for all that is due in the store. */
  let crowded: readonly Lane[] = [];
  let isRunning = false;

  const scheduleAt = (dueAt: number | undefined): void => {
    if (dueAt !== undefined) timer.at(Math.max(dueAt, clock.now() + EARLY_MS));
  };
  const freed = (): void => {
    if (!crowded.some((lane) => roomOf(deps, slots, lane) > 0)) return;
    crowded = [];
    timer.at(clock.now());
  };
  const look = async (): Promise<void> => {
    const { isDue, nextDueAt, cancelled } = await turns.outlook(processId, options);
    for (const turnId of cancelled) parts.onCancelled(turnId);
    if (!isDue) return scheduleAt(nextDueAt);
    crowded = await claimDue(deps, parts);
    // A lane without room is looked at again when one of its places is free.
    if (crowded.length === 0) scheduleAt(await turns.nextDue(options));
  };
  return {
    async run() {
      if (isRunning) return;
      isRunning = true;
      try {
        await look();
        parts.onSwept();
      } finally {
        isRunning = false;
        freed();
        timer.at(clock.now() + settings.sweepMs);
      }
    },
    freed,
    scheduleAt,
  };
}

/** Claims whatever is due or orphaned, told of by a doorbell or not. Resolves with the lanes that may hold more. */
async function claimDue(
  deps: SweepDeps,
  { slots, start, onClaimed, options }: SweepParts,
): Promise<readonly Lane[]> {
  const claims = LANES.map((lane) => {
    const limit = Math.min(roomOf(deps, slots, lane), SWEEP_LIMIT);
    return { lane, limit, claim: deps.turns.claim({ owner: deps.processId, limit, lane }) };
  });
  const wanted = claims.filter(({ limit }) => limit > 0);
  if (wanted.length === 0) return LANES;
  const committed = await deps.unit.commit(
    wanted.map(({ claim }) => claim),
    options,
  );
  const crowded: Lane[] = claims.flatMap(({ lane, limit }) => (limit > 0 ? [] : [lane]));
  for (const { lane, limit, claim } of wanted) {
    const claimed = committed.read(claim);
    if (claimed.length >= limit) crowded.push(lane);
    for (const one of claimed) {
      slots.unwait(one.session.id, false);
      if (one.isTakeover)
        deps.logger.info("turn.taken_over", { turnId: one.turn.id, attempt: one.turn.attempt });
      start(one, slots.force(one.session.id, one.turn.lane));
      onClaimed(one.session.id, one.turn.lane);
    }
  }
  return crowded;
}

function roomOf({ settings }: Pick<SweepDeps, "settings">, slots: Slots, lane: Lane): number {
  return Math.max(0, settings.concurrency[lane] - slots.running(lane));
}

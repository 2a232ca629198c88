import type { ClaimedTurn } from "@troupe/contracts";
import type { AgentDeps } from "./deps.ts";
import type { Place, Slots } from "./slots.ts";

/** Turns of this process whose attempt broke off: each is claimed anew a little later, and its session waits for it. */
export interface Reruns {
  later(claimed: ClaimedTurn): void;
  /** None begins any more; resolves when no claim is under way. */
  stop(): Promise<void>;
}

/** After an unexpected end the same process tries the turn again so much later. */
const RERUN_MS = 5_000;

/**
 * A claim, and not a second run of the first one: by now somebody may have cancelled the turn, joined it, or taken it over,
 * and each try counts towards the bound of attempts.
 */
export function createReruns(
  deps: Pick<AgentDeps, "unit" | "turns" | "clock" | "logger" | "processId">,
  parts: {
    readonly slots: Slots;
    readonly signal: AbortSignal;
    readonly start: (claimed: ClaimedTurn, place: Place) => void;
    readonly onFree: () => void;
  },
): Reruns {
  const { unit, turns, clock, logger, processId } = deps;
  const { slots, signal, start, onFree } = parts;
  const waiting = new Map<Place, Disposable>();
  const underWay = new Set<Promise<void>>();
  let isStopped = false;

  const wait = (claimed: ClaimedTurn, place: Place): void => {
    const timer = clock.schedule(RERUN_MS, () => {
      waiting.delete(place);
      const work = rerun(claimed, place).finally(() => underWay.delete(work));
      underWay.add(work);
    });
    waiting.set(place, timer);
  };
  const rerun = async (claimed: ClaimedTurn, place: Place): Promise<void> => {
    const { id, epoch } = claimed.turn;
    const reclaim = turns.reclaim({ id, epoch, owner: processId });
    try {
      const anew = (await unit.commit([reclaim], { signal })).read(reclaim);
      if (anew !== undefined) return start(anew, place);
    } catch (error) {
      logger.warn("turn.reclaim_failed", { turnId: id, error });
      if (!isStopped) return wait(claimed, place);
    }
    place.free();
    onFree();
  };

  return {
    later: (claimed) => wait(claimed, slots.force(claimed.session.id, claimed.turn.lane)),
    async stop() {
      isStopped = true;
      for (const [place, timer] of waiting) {
        timer[Symbol.dispose]();
        place.free();
      }
      waiting.clear();
      await Promise.all(underWay);
    },
  };
}

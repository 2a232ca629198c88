import type { Clock } from "@troupe/contracts";
import type { Reader } from "../reads.ts";

/** The way that commits go. */
export interface Outgoing {
  /** A commit goes out at the end of this tick, and nothing is done beside it yet. */
  readonly hasRoom: boolean;
  /** Calls `work` once, as soon as it is known whether a few commits went out, or many or none. */
  beside(work: (few: boolean) => void): void;
}

/** What takes longer holds up all other turns of this process. */
const MOST_MS = 1;
/**
 * So long after one that did, questions go to the reader thread; twice as long after each further one. The first searches after a
 * start take long for once, since nothing is compiled and no page is read.
 */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 60_000;

/**
 * Answers a question that is asked while a commit is about to go out on this thread, right behind the commit: until the writer has
 * it on the disk this thread would have nothing to do, and waking the reader thread costs as much as a small search. Only what `mayStay`
 * says, which is small as a rule; where one was not, beside many commits, and for everything else, `far` answers.
 */
export function createBesideReader(deps: {
  readonly outgoing: Outgoing;
  readonly near: Reader;
  readonly far: Reader;
  readonly clock: Clock;
  readonly mayStay: (index: number) => boolean;
}): Reader {
  const { outgoing, near, far, clock, mayStay } = deps;
  let restMs = FIRST_REST_MS;
  let restsUntilMs = Number.NEGATIVE_INFINITY;
  const learn = (tookMs: number): void => {
    if (tookMs <= MOST_MS) {
      restMs = FIRST_REST_MS;
      return;
    }
    restsUntilMs = clock.monotonicMs() + restMs;
    restMs = Math.min(LONGEST_REST_MS, 2 * restMs);
  };
  const timed: Reader["query"] = (index, values, options) => {
    const beganMs = clock.monotonicMs();
    const found = near.query(index, values, options);
    learn(clock.monotonicMs() - beganMs);
    return found;
  };
  return {
    query(index, values, options) {
      const { signal } = options;
      if (!outgoing.hasRoom || signal.aborted || !mayStay(index) || clock.monotonicMs() < restsUntilMs)
        return far.query(index, values, options);
      return new Promise((resolve, reject) => {
        outgoing.beside((few) => {
          const query = few && !signal.aborted ? timed : far.query;
          query(index, values, options).then(resolve, reject);
        });
      });
    },
  };
}

import type { Clock } from "@troupe/contracts";
import type { Reader } from "../reads.ts";
import type { Question } from "./questions.ts";

/** A question that may go to the writer thread with a commit. */
export interface Companion extends Question {
  /** It did not go: no commit went out after all, or too many. */
  missed(): void;
}

/** The way that commits go. */
export interface Carrier {
  /** A commit goes out at the end of this tick, and nothing goes along with it yet. */
  readonly hasRoom: boolean;
  takeAlong(companion: Companion): void;
  /** How long the writer thread took for the last companion, milliseconds. */
  readonly lastTookMs: number;
}

/** What takes longer holds up the commits behind it. */
const MOST_MS = 1;
/**
 * So long after one that did, questions go to the reader thread; twice as long after each further one. The first searches after a
 * start take long for once, since nothing is compiled and no page is read.
 */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 60_000;

/**
 * Sends a question that is asked while a commit is about to go out along with it: one message there and one back instead of two
 * each, and the writer's connection has the pages in its cache that every commit takes from the reader's. Only what `mayGo`
 * says, which is small as a rule; where one was not, and for everything else, `far` answers.
 */
export function createAlongReader(deps: {
  readonly carrier: Carrier;
  readonly far: Reader;
  readonly clock: Clock;
  readonly mayGo: (index: number) => boolean;
}): Reader {
  const { carrier, far, clock, mayGo } = deps;
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
  return {
    query(index, values, options) {
      const { signal } = options;
      if (!carrier.hasRoom || signal.aborted || !mayGo(index) || clock.monotonicMs() < restsUntilMs)
        return far.query(index, values, options);
      return new Promise((resolve, reject) => {
        const answer = (found: unknown): void => {
          learn(carrier.lastTookMs);
          resolve(found);
        };
        const missed = (): void => void far.query(index, values, options).then(resolve, reject);
        carrier.takeAlong({ index, values, signal, resolve: answer, reject, missed });
      });
    },
  };
}

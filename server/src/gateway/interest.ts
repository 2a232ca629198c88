/** Who waits for a turn that is worth nothing without its client, and which of those were given up. */
export interface Interest {
  enter(turnId: string): void;
  /** True when nobody is left. */
  leave(turnId: string): boolean;
  /** The turn is being cancelled because its last client left. */
  giveUp(turnId: string): void;
  wasGivenUp(turnId: string): boolean;
}

/** A client comes back within seconds, so a few are enough. */
const MOST_GIVEN_UP = 1_024;

export function createInterest(): Interest {
  const waiting = new Map<string, number>();
  const givenUp = new Set<string>();
  return {
    enter: (turnId) => void waiting.set(turnId, (waiting.get(turnId) ?? 0) + 1),
    leave(turnId) {
      const left = (waiting.get(turnId) ?? 1) - 1;
      if (left > 0) waiting.set(turnId, left);
      else waiting.delete(turnId);
      return left <= 0;
    },
    giveUp(turnId) {
      givenUp.add(turnId);
      if (givenUp.size <= MOST_GIVEN_UP) return;
      const oldest = givenUp.values().next();
      if (oldest.done !== true) givenUp.delete(oldest.value);
    },
    wasGivenUp: (turnId) => givenUp.has(turnId),
  };
}

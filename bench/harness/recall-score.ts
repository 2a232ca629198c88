/** How well lists of hits hold what answers their questions. */
export interface Answered {
  readonly category: number;
  /** Place of each piece of evidence in the list, from 1; absent where it was not found. */
  readonly places: readonly (number | undefined)[];
}

/** Shares of evidence among the first `limit` hits, mean over questions, percent. */
export function recallAt(answered: readonly Answered[], limit: number): number {
  return percentOf(answered, ({ places }) => {
    const found = places.filter((place) => place !== undefined && place <= limit);
    return found.length / places.length;
  });
}

/** Mean of one over the place of the first piece of evidence, percent. */
export function meanReciprocalRank(answered: readonly Answered[]): number {
  return percentOf(answered, ({ places }) => {
    const known = places.filter((place) => place !== undefined);
    return known.length === 0 ? 0 : 1 / Math.min(...known);
  });
}

function percentOf(answered: readonly Answered[], share: (one: Answered) => number): number {
  if (answered.length === 0) return 0;
  return (100 * answered.reduce((sum, one) => sum + share(one), 0)) / answered.length;
}

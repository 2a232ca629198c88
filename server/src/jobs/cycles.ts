/** One job waits for another. */
export interface Need {
  readonly jobId: string;
  readonly needsId: string;
}

/** The ids of a circle that these needs go round in, beginning and ending with `from`; undefined when there is none. */
export function cycleFrom(from: string, needs: readonly Need[]): readonly string[] | undefined {
  const byJob = Map.groupBy(needs, ({ jobId }) => jobId);
  const seen = new Set<string>();
  const walk = (id: string, path: readonly string[]): readonly string[] | undefined => {
    for (const { needsId } of byJob.get(id) ?? []) {
      if (needsId === from) return [...path, from];
      if (seen.has(needsId)) continue;
      seen.add(needsId);
      const found = walk(needsId, [...path, needsId]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(from, [from]);
}

import type { Clock, MemoryStore, TraceEntry, UnitOfWork } from "@troupe/contracts";

/** What was shown is counted so seldom; a write for each turn would cost each turn the pages of what it showed. */
const EVERY_MS = 10_000;
/** Records that wait to be counted. */
const MOST_WAITING = 1_000;

/**
 * Counts the memories that turns were shown: with the first turn after some seconds, all at once, and nobody waits for that to be
 * kept. What waits when a process ends is not counted: it says how useful a record is, not what is so.
 */
export function createUseCounter(
  deps: {
    readonly unit: UnitOfWork;
    readonly memories: Pick<MemoryStore, "use">;
    readonly clock: Clock;
  },
  spaceId: string,
): (trace: readonly TraceEntry[]) => void {
  const { unit, memories, clock } = deps;
  const waiting = new Map<string, number>();
  let keptAtMs = clock.monotonicMs();
  const keep = (): void => {
    const at = clock.now();
    const rounds = Math.max(...waiting.values());
    const writes = Array.from({ length: rounds }, (_, round) => {
      const ids = [...waiting].flatMap(([id, times]) => (times > round ? [id] : []));
      return memories.use({ spaceId, ids, at });
    });
    waiting.clear();
    keptAtMs = clock.monotonicMs();
    unit.ride(writes);
  };
  return (trace) => {
    const shown = trace.flatMap(({ sources = [] }) =>
      sources.flatMap(({ kind, id }) => (kind === "memory" ? [id] : [])),
    );
    for (const id of new Set(shown)) waiting.set(id, Math.min((waiting.get(id) ?? 0) + 1, 100));
    const isTime = clock.monotonicMs() - keptAtMs >= EVERY_MS || waiting.size >= MOST_WAITING;
    if (waiting.size > 0 && isTime) keep();
  };
}

import type { Clock, DreamStore, MemoryStore, Message, TraceEntry, UnitOfWork } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { derivedId, wordsOf } from "../kit/index.ts";

/** What was shown is counted so seldom; a write for each turn would cost each turn the pages of what it showed. */
const EVERY_MS = 10_000;
/** Records that wait to be counted. */
const MOST_WAITING = 1_000;
const MOST_TIMES = 100;

/** How often a record was shown for one question, and how well it fitted. */
interface Shown {
  readonly memoryId: string;
  readonly asked: string;
  times: number;
  weight: number;
}

/**
 * Counts the memories that turns were shown, and for which questions: with the first turn after some seconds, all at once, and
 * nobody waits for that to be kept. What waits when a process ends is not counted: it says how useful a record is, not what is so.
 */
export function createUseCounter(
  deps: {
    readonly unit: UnitOfWork;
    readonly memories: Pick<MemoryStore, "use">;
    readonly dreams: Pick<DreamStore, "recalled">;
    readonly clock: Clock;
  },
  spaceId: string,
): (trace: readonly TraceEntry[], inbound: readonly Message[]) => void {
  const { unit, memories, dreams, clock } = deps;
  const waiting = new Map<string, Shown>();
  let keptAtMs = clock.monotonicMs();
  const keep = (): void => {
    const at = clock.now();
    const recalls = [...waiting.values()];
    const times = new Map<string, number>();
    for (const one of recalls) times.set(one.memoryId, (times.get(one.memoryId) ?? 0) + one.times);
    const rounds = Math.min(Math.max(...times.values()), MOST_TIMES);
    const writes = Array.from({ length: rounds }, (_, round) => {
      const ids = [...times].flatMap(([id, count]) => (count > round ? [id] : []));
      return memories.use({ spaceId, ids, at });
    });
    waiting.clear();
    keptAtMs = clock.monotonicMs();
    unit.ride([...writes, dreams.recalled({ spaceId, at, recalls })]);
  };
  return (trace, inbound) => {
    const best = bestPlaces(trace);
    if (best.size > 0) {
      const asked = questionOf(inbound);
      for (const [memoryId, place] of best) {
        const key = `${memoryId} ${asked}`;
        const shown = waiting.get(key) ?? { memoryId, asked, times: 0, weight: 0 };
        shown.times++;
        shown.weight += 1 / (1 + place / 2);
        waiting.set(key, shown);
      }
    }
    const isTime = clock.monotonicMs() - keptAtMs >= EVERY_MS || waiting.size >= MOST_WAITING;
    if (waiting.size > 0 && isTime) keep();
  };
}

/** Each memory that a turn was shown, with its best place: what shows several shows the best first. */
function bestPlaces(trace: readonly TraceEntry[]): ReadonlyMap<string, number> {
  const best = new Map<string, number>();
  for (const { sources } of trace) {
    if (sources === undefined) continue;
    for (const [place, { kind, id }] of sources.entries())
      if (kind === "memory") best.set(id, Math.min(place, best.get(id) ?? place));
  }
  return best;
}

/** The same for the same words in whatever order; no word can be read out of it. */
function questionOf(inbound: readonly Message[]): string {
  const words = wordsOf(inbound.map(({ parts }) => textOf(parts)).join(" "));
  return derivedId("question", words.toSorted().join(" "));
}

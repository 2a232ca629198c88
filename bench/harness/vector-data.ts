export interface MadeVectors {
  readonly queries: readonly Float32Array[];
  /** One after another, never all at once: the same object each time. */
  each(take: (key: number, vector: Float32Array) => void): void;
}

/** Unit vectors around centres, as texts lie around their subjects; each question lies near one of them. */
export function madeVectors(size: number, dimensions: number, queries: number, seed: number): MadeVectors {
  const random = randomFrom(seed);
  const centres = Array.from({ length: Math.ceil(Math.sqrt(size)) }, () =>
    Float32Array.from({ length: dimensions }, () => 2 * random() - 1),
  );
  const near = (centre: Float32Array, spread: number, out: Float32Array): Float32Array => {
    for (let j = 0; j < dimensions; j++) out[j] = (centre[j] as number) + spread * (2 * random() - 1);
    return unit(out);
  };
  return {
    queries: Array.from({ length: queries }, () =>
      near(pick(random, centres), 1, new Float32Array(dimensions)),
    ),
    each(take) {
      const vector = new Float32Array(dimensions);
      for (let key = 0; key < size; key++) take(key, near(pick(random, centres), 1, vector));
    },
  };
}

function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = 1 / Math.sqrt(squares);
  for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) * scale;
  return vector;
}

/** The nearest of all unit vectors that are offered, by their exact cosine with each question. */
export function exactNearest(queries: readonly Float32Array[], limit: number) {
  const best = queries.map(() => [] as { key: number; score: number }[]);
  return {
    offer(key: number, vector: Float32Array): void {
      for (const [at, query] of queries.entries()) {
        let score = 0;
        for (let j = 0; j < vector.length; j++) score += (query[j] as number) * (vector[j] as number);
        const list = best[at] ?? [];
        if (list.length === limit && score <= (list.at(-1)?.score ?? 0)) continue;
        list.push({ key, score });
        list.sort((one, other) => other.score - one.score);
        if (list.length > limit) list.pop();
      }
    },
    /** How much of the nearest was found. */
    shareOf(found: readonly (readonly { readonly key: number }[])[]): number {
      let shared = 0;
      for (const [at, list] of best.entries()) {
        const keys = new Set(found[at]?.map(({ key }) => key));
        shared += list.filter(({ key }) => keys.has(key)).length;
      }
      return shared / (limit * queries.length);
    },
  };
}

const SUBJECTS =
  "cat dog garden river train doctor guitar birthday kitchen holiday school bicycle winter movie letter";
const REST =
  "i you we they yesterday today really never again with about after before the a my your went saw bought forgot liked painted called fixed old small new two three friend sister велосипед річка вчора";

/** Short messages of made-up talk. */
export function madeTexts(count: number, seed: number): string[] {
  const random = randomFrom(seed);
  const [subjects, rest] = [SUBJECTS.split(" "), REST.split(" ")];
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 6 + Math.floor(random() * 19) }, () =>
      random() < 0.3 ? pick(random, subjects) : pick(random, rest),
    );
    return `${words.join(" ")}.`;
  });
}

/** Source: Mulberry32, by Tommy Ettinger, public domain. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

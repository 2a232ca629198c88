import { afterEach, describe, expect, test } from "vitest";
import { Bitmap } from "./bitmap.ts";
import { clustered, randomFrom } from "./fixture-vectors.ts";
import { plainScan } from "./kernel.ts";
import { cosine } from "./quantise.ts";
import { searchExactly } from "./rescore.ts";
import { createVectorIndex, type VectorIndex, type VectorIndexOptions } from "./vector-index.ts";

const signal = new AbortController().signal;
let opened: VectorIndex[] = [];
afterEach(async () => {
  await Promise.all(opened.map((index) => index[Symbol.asyncDispose]()));
  opened = [];
});

/** An index of vectors by their places as keys. */
function indexOf(vectors: readonly Float32Array[], options: Partial<VectorIndexOptions> = {}): VectorIndex {
  const index = createVectorIndex({ dimensions: vectors[0]?.length ?? 1, ...options });
  opened.push(index);
  for (const [key, vector] of vectors.entries()) index.set(key, vector);
  return index;
}

/** What is nearest, by the vectors themselves. */
function nearest(vectors: readonly Float32Array[], query: Float32Array, limit: number): number[] {
  return vectors
    .map((vector, key) => ({ key, score: cosine(query, vector) }))
    .sort((one, other) => other.score - one.score)
    .slice(0, limit)
    .map(({ key }) => key);
}

const keysOf = (hits: readonly { readonly key: number }[]): number[] => hits.map(({ key }) => key);

describe("finding", () => {
  const vectors = clustered(9_000, 96, 11);
  const queries = clustered(30, 96, 12).map((noise, at) =>
    noise.map((value, j) => 0.6 * value + (vectors[at * 250]?.[j] ?? 0)),
  );

  test("rounded rows, and the best of them scored exactly, find what an exact search finds", async () => {
    const index = indexOf(vectors);
    let same = 0;
    for (const vector of queries) {
      const exactOf = async (keys: readonly number[]) =>
        new Map(keys.map((key) => [key, vectors[key] as Float32Array]));
      const hits = await searchExactly(index, { vector, limit: 10, exactOf }, { signal });
      const wanted = nearest(vectors, vector, 10);
      same += keysOf(hits).filter((key) => wanted.includes(key)).length;
      expect(hits[0]?.score).toBeCloseTo(cosine(vector, vectors[hits[0]?.key ?? 0] as Float32Array), 6);
    }
    expect(same / (10 * queries.length)).toBeGreaterThan(0.995);
  });

  test("scores are the cosine, but for rounding", () => {
    const index = indexOf(vectors);
    const [vector = new Float32Array(96)] = queries;

    for (const { key, score } of index.searchNow({ vector, limit: 20 }))
      expect(score).toBeCloseTo(cosine(vector, vectors[key] as Float32Array), 2);
  });

  test("a machine without SIMD finds the same", () => {
    const [fast, plain] = [indexOf(vectors), indexOf(vectors, { openScan: plainScan })];

    for (const vector of queries)
      expect(plain.searchNow({ vector, limit: 10 })).toEqual(fast.searchNow({ vector, limit: 10 }));
  });

  test("lengths do not count, and what has no direction is found last", () => {
    const [one, ...others] = vectors.slice(0, 4) as [Float32Array, ...Float32Array[]];
    const index = indexOf([one.map((value) => value * 1000), ...others, new Float32Array(96)]);

    const hits = index.searchNow({ vector: one.map((value) => value / 1000), limit: 5 });

    expect(hits[0]?.key).toBe(0);
    expect(hits[0]?.score).toBeCloseTo(1, 2);
    expect(hits.find(({ key }) => key === 4)?.score).toBe(0);
  });

  test("only what is allowed is ranked: a bitmap of a few finds the best of those few", () => {
    const index = indexOf(vectors);
    const random = randomFrom(3);
    for (const share of [0.001, 0.1]) {
      const allowed = new Bitmap();
      const keys = vectors.map((_, key) => key).filter(() => random() < share);
      for (const key of keys) allowed.add(index.slotOf(key) as number);
      const [vector = new Float32Array(96)] = queries;
      const found = keysOf(index.searchNow({ vector, limit: 5, allowed }));

      expect(found.every((key) => keys.includes(key))).toBe(true);
      expect(found[0]).toBe(nearest(vectors, vector, vectors.length).find((key) => keys.includes(key)));
    }
    const nobody = index.searchNow({ vector: queries[0] as Float32Array, limit: 5, allowed: new Bitmap() });
    expect(nobody).toEqual([]);
  });
});

describe("changing", () => {
  test("what is replaced or deleted is found no more, and its room is used again", () => {
    const vectors = clustered(100, 32, 5);
    const index = indexOf(vectors);
    const [first, second] = vectors as [Float32Array, Float32Array];
    const { bytes } = index;

    index.set(
      0,
      second.map((value) => -value),
    );
    const replaced = index.searchNow({ vector: first, limit: 1 });
    expect(index.delete(1)).toBe(true);
    expect(index.delete(1)).toBe(false);
    const without = keysOf(index.searchNow({ vector: second, limit: 100 }));
    index.set(500, first);

    expect(replaced[0]?.key).not.toBe(0);
    expect(without).not.toContain(1);
    expect(without.at(-1)).toBe(0);
    expect(index.searchNow({ vector: first, limit: 1 })[0]?.key).toBe(500);
    expect([index.count, index.slotOf(1), index.bytes]).toEqual([100, undefined, bytes]);
  });

  test("more than its memory holds is refused, and it says its bytes", () => {
    const index = indexOf(clustered(1, 256, 1), { maxBytes: 3_000_000 });
    const vector = new Float32Array(256).fill(1);
    let taken = 1;
    while (index.set(taken, vector)) taken += 1;

    expect(taken).toBe(8192);
    expect(index.bytes).toBeLessThanOrEqual(3_000_000);
    expect(index.bytes).toBeGreaterThan(8192 * 256);
    expect(index.set(5, vector)).toBe(true);
    expect(index.delete(6) && index.set(9000, vector)).toBe(true);
  });

  test("vectors of another length are a defect of the caller", () => {
    const index = indexOf(clustered(1, 32, 1));

    expect(() => index.set(1, new Float32Array(16))).toThrow(/16 numbers came to an index of 32/);
    expect(() => index.searchNow({ vector: new Float32Array(16), limit: 1 })).toThrow();
    expect(() => createVectorIndex({ dimensions: 5000 })).toThrow(/5000/);
  });
});

describe("on a thread of its own, where it is large", () => {
  const vectors = clustered(24_600, 256, 21);
  const [vector] = vectors as [Float32Array];

  test("it finds what this thread finds, also after it has grown", async () => {
    const index = indexOf(vectors);
    const before = await index.search({ vector, limit: 10 }, { signal });
    expect(before).toEqual(index.searchNow({ vector, limit: 10 }));

    for (let key = 30_000; key < 50_000; key++) index.set(key, vectors[key % 1000] as Float32Array);
    index.set(60_000, vector);
    const allowed = new Bitmap();
    for (const key of [5, 60_000]) allowed.add(index.slotOf(key) as number);

    expect(keysOf(await index.search({ vector, limit: 10, allowed }, { signal }))).toEqual([60_000, 5]);
    expect(await index.search({ vector, limit: 50 }, { signal })).toEqual(
      index.searchNow({ vector, limit: 50 }),
    );
  });

  test("what is deleted meanwhile is not told, and nobody takes its place before the search ends", async () => {
    const index = indexOf(vectors);
    const allowed = new Bitmap();
    allowed.add(index.slotOf(0) as number);

    const searching = index.search({ vector, limit: 10, allowed }, { signal });
    index.delete(0);
    index.set(70_000, vector);
    const found = await searching;
    index.delete(1);
    index.set(70_001, vector);

    expect(found).toEqual([]);
    expect(index.slotOf(70_000)).not.toBe(0);
    expect(index.slotOf(70_001)).toBeLessThan(2);
  });

  test("a search that nobody waits for ends with the signal's reason, and the next one is right", async () => {
    const index = indexOf(vectors);
    const controller = new AbortController();
    const left = index.search({ vector, limit: 10 }, { signal: controller.signal });
    controller.abort(new Error("left"));

    await expect(left).rejects.toThrow("left");
    expect(keysOf(await index.search({ vector, limit: 1 }, { signal }))).toEqual([0]);
  });
});

import { expect, test } from "vitest";
import { randomFrom } from "./fixture-vectors.ts";
import { createMemory, type KernelMemory, plainScan, type Scan, STRIDE, simdScan } from "./kernel.ts";

const COUNT = 200;
const WANTED_BYTES = 32;

/** Random rows of so many numbers; what the function under test writes is read back whole. */
function stage(dimensions: number, seed: number, wantedShare: number) {
  const random = randomFrom(seed);
  const memory = createMemory(8);
  const scales = COUNT * dimensions;
  const wanted = scales + 4 * COUNT;
  const query = wanted + WANTED_BYTES;
  const hits = query + 2 * dimensions;
  const { buffer } = memory;
  const whole = (limit: number) => Math.round((2 * random() - 1) * limit);
  new Int8Array(buffer, 0, scales).set(Array.from({ length: scales }, () => whole(127)));
  new Float32Array(buffer, scales, COUNT).set(Array.from({ length: COUNT }, random));
  new Int16Array(buffer, query, dimensions).set(Array.from({ length: dimensions }, () => whole(4095)));
  const bits = new Uint8Array(buffer, wanted, WANTED_BYTES);
  for (let row = 0; row < COUNT; row++)
    if (random() < wantedShare) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  const scan = (open: (memory: KernelMemory) => Scan, threshold: number) => {
    const out = new Uint32Array(buffer, hits, 2 * COUNT);
    out.fill(0);
    const found = open(memory)({ rows: 0, scales, wanted, query, hits }, COUNT, dimensions, threshold);
    return { found, written: [...out] };
  };
  const rows = Array.from({ length: COUNT }, (_, row) => row);
  return { scan, wanted: rows.filter((row) => ((bits[row >> 3] ?? 0) >> (row & 7)) & 1) };
}

test("SIMD and JavaScript find the same rows with the same scores, whatever is wanted", () => {
  for (const [at, share] of [0, 0.02, 0.5, 1].entries()) {
    for (const dimensions of [STRIDE, 128, 384]) {
      const { scan } = stage(dimensions, 1 + at, share);
      for (const threshold of [Number.NEGATIVE_INFINITY, 0, 1e5]) {
        expect(scan(simdScan, threshold)).toEqual(scan(plainScan, threshold));
      }
    }
  }
});

test("only wanted rows are found, each once, in their order", () => {
  for (const share of [0, 0.01, 0.3, 1]) {
    const { scan, wanted } = stage(64, 7, share);
    const { found, written } = scan(simdScan, Number.NEGATIVE_INFINITY);

    expect(written.filter((_, at) => at % 2 === 0).slice(0, found)).toEqual(wanted);
  }
});

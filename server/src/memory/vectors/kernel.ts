import * as w from "./wasm-assembler.ts";

/** Numbers of a row that one turn of the inner loop takes; rows are padded with zeros to a multiple. */
export const STRIDE = 32;
/** Of 64 KiB: all that 32 bits address. */
export const MAX_PAGES = 65_536;

/** Places in the memory, in bytes. */
export interface ScanPlaces {
  /** Rows of signed bytes. */
  readonly rows: number;
  /** A 32-bit float a row. */
  readonly scales: number;
  /** A bit a row, in whole groups of 64: whether it is looked at. */
  readonly wanted: number;
  /** The question's numbers, 16 bits each. */
  readonly query: number;
  /** Where hits are written: place of the row and score, 32 bits each. */
  readonly hits: number;
}

/**
 * Goes over `count` rows and writes those whose score is above `threshold`. A score is the whole-number dot product with the
 * question, as a 32-bit float, times the row's scale. Gives how many were written.
 */
export type Scan = (places: ScanPlaces, count: number, dimensions: number, threshold: number) => number;

/** What this needs of WebAssembly; TypeScript declares it with the browser's library alone. */
interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
};

/** Grows by pages of 64 KiB and is seen by every thread that has it. */
export type KernelMemory = WasmMemory;

export function createMemory(pages: number): KernelMemory {
  return new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });
}

/** By SIMD instructions where the machine has them, otherwise in JavaScript; both give the same hits and scores. */
export function openScan(memory: KernelMemory): Scan {
  const bytes = scanModule();
  return WebAssembly.validate(bytes) ? simdScan(memory, bytes) : plainScan(memory);
}

export function simdScan(memory: KernelMemory, bytes: Uint8Array<ArrayBuffer> = scanModule()): Scan {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const scan = exports[SCAN] as (...values: readonly number[]) => number;
  return ({ rows, scales, wanted, query, hits }, count, dimensions, threshold) =>
    scan(rows, scales, wanted, count, dimensions, query, threshold, hits);
}

export function plainScan(memory: KernelMemory): Scan {
  return (places, count, dimensions, threshold) => {
    const { buffer } = memory;
    const wanted = new Uint8Array(buffer, places.wanted, Math.ceil(count / 8));
    const scales = new Float32Array(buffer, places.scales, count);
    const query = new Int16Array(buffer, places.query, dimensions);
    const hitPlaces = new Uint32Array(buffer, places.hits, 2 * count);
    const hitScores = new Float32Array(buffer, places.hits, 2 * count);
    const rows = new Int8Array(buffer, places.rows, count * dimensions);
    let found = 0;
    for (let row = 0; row < count; row++) {
      if ((((wanted[row >> 3] as number) >> (row & 7)) & 1) === 0) continue;
      const at = row * dimensions;
      let dot = 0;
      for (let j = 0; j < dimensions; j++) dot += (rows[at + j] as number) * (query[j] as number);
      const score = Math.fround(Math.fround(dot) * (scales[row] as number));
      if (score <= threshold) continue;
      hitPlaces[2 * found] = row;
      hitScores[2 * found + 1] = score;
      found += 1;
    }
    return found;
  };
}

const SCAN = "scan";

// Parameters and locals of the function, by number.
const [ROWS, SCALES, WANTED, COUNT, DIMENSIONS, QUERY, THRESHOLD, HITS] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const [ROW, AT, END, ASKED, FOUND, SUMS, SCORE] = [8, 9, 10, 11, 12, 13, 14] as const;

/** The bytes of the function as a module; a few hundred. */
export function scanModule(): Uint8Array<ArrayBuffer> {
  const next = [w.get(ROW), w.i32(1), w.add, w.set(ROW), w.branch(0)].flat();
  return w.assemble(
    {
      name: SCAN,
      parameters: [w.I32, w.I32, w.I32, w.I32, w.I32, w.I32, w.F32, w.I32],
      result: w.I32,
      locals: [w.I32, w.I32, w.I32, w.I32, w.I32, w.V128, w.F32],
      body: [
        w.block(
          w.loop(
            [...w.get(ROW), ...w.get(COUNT), ...w.isNotBelow, ...w.branchIf(1)],
            skipEmptyGroup(),
            // Is its bit set?
            [...w.get(WANTED), ...w.get(ROW), ...w.i32(3), ...w.shiftRight, ...w.add, ...w.loadByte],
            [...w.get(ROW), ...w.i32(7), ...w.and, ...w.shiftRight, ...w.i32(1), ...w.and],
            w.when(dotProduct(), keepAbove()),
            next,
          ),
        ),
        w.get(FOUND),
      ],
    },
    MAX_PAGES,
  );
}

/** At the beginning of 64 rows of which none is wanted, go on behind them. */
function skipEmptyGroup(): w.Code {
  return [
    ...[...w.get(ROW), ...w.i32(63), ...w.and, ...w.isZero],
    ...w.when(
      [...w.get(WANTED), ...w.get(ROW), ...w.i32(3), ...w.shiftRight, ...w.add],
      [...w.loadLong, ...w.isZeroLong],
      // Two levels out of both conditions is the loop.
      w.when([...w.get(ROW), ...w.i32(64), ...w.add, ...w.set(ROW)], w.branch(2)),
    ),
  ];
}

/** Leaves four sums, whose sum is the dot product, in SUMS. */
function dotProduct(): w.Code {
  const step = (at: number): w.Code => [
    ...[...w.get(AT), ...w.loadWidened(at)],
    ...[...w.get(ASKED), ...w.loadVector(2 * at)],
    ...[...w.dotPairs, ...w.get(SUMS), ...w.addVector, ...w.set(SUMS)],
  ];
  const steps = Array.from({ length: STRIDE / 8 }, (_, n) => step(8 * n)).flat();
  return [
    ...[...w.get(ROWS), ...w.get(ROW), ...w.get(DIMENSIONS), ...w.multiply, ...w.add, ...w.set(AT)],
    ...[...w.get(AT), ...w.get(DIMENSIONS), ...w.add, ...w.set(END)],
    ...[...w.get(QUERY), ...w.set(ASKED), ...w.zeroVector, ...w.set(SUMS)],
    ...w.loop(
      steps,
      [...w.get(AT), ...w.i32(STRIDE), ...w.add, ...w.set(AT)],
      [...w.get(ASKED), ...w.i32(2 * STRIDE), ...w.add, ...w.set(ASKED)],
      [...w.get(AT), ...w.get(END), ...w.isBelow, ...w.branchIf(0)],
    ),
  ];
}

function keepAbove(): w.Code {
  return [
    ...[0, 1, 2, 3].flatMap((index) => [...w.get(SUMS), ...w.lane(index)]),
    ...[...w.add, ...w.add, ...w.add, ...w.toFloat],
    ...[...w.get(SCALES), ...w.get(ROW), ...w.i32(2), ...w.shiftLeft, ...w.add, ...w.loadFloat],
    ...[...w.multiplyFloat, ...w.set(SCORE)],
    ...[...w.get(SCORE), ...w.get(THRESHOLD), ...w.isAboveFloat],
    ...w.when(
      [...w.get(HITS), ...w.get(ROW), ...w.storeInt],
      [...w.get(HITS), ...w.get(SCORE), ...w.storeFloat(4)],
      [...w.get(HITS), ...w.i32(8), ...w.add, ...w.set(HITS)],
      [...w.get(FOUND), ...w.i32(1), ...w.add, ...w.set(FOUND)],
    ),
  ];
}

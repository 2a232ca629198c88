// Vectors: searching them in memory, and the embedding models that ship.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { EmbeddingModel } from "@troupe/contracts";
import { createEmbeddedModels, createWordVectors, loadVectors } from "../server/src/memory/index.ts";
import { type Figure, figure, type Target } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median } from "./harness/statistics.ts";
import { exactNearest, madeTexts, madeVectors } from "./harness/vector-data.ts";

const SUBJECT = "vectors";
const LIMIT = 10;
const QUERIES = 40;
const ROUNDED_RECALL = 0.99;
/** Processor time of a search by how many vectors of 384 numbers there are. Source: design §9. */
const MOST_MS: Readonly<Record<number, number>> = { 10000: 0.5, 100000: 3.5, 1000000: 35 };
const MAX_BYTES = 2 ** 31;

export interface VectorBenchOptions extends Pick<BenchOptions, "scale" | "rounds" | "progress"> {
  /** Vectors in each search. Default 10,000 and 100,000, and 1,000,000 at full scale. */
  readonly sizes?: readonly number[];
}

export async function run(options: VectorBenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const sizes = options.sizes ?? (options.scale < 1 ? [10_000, 100_000] : [10_000, 100_000, 1_000_000]);
  const figures: Figure[] = [];
  for (const size of sizes) {
    for (const dimensions of [384, 128]) {
      options.progress(`vectors: ${size} × ${dimensions}`);
      figures.push(...(await searchFigures(size, dimensions, options.rounds)));
    }
  }
  options.progress("vectors: embedding");
  return [...figures, ...(await embeddingFigures(options)), load];
}

// ── searching ───────────────────────────────────────────────────────────────────────────────────────────────────

async function searchFigures(size: number, dimensions: number, rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-vectors-"));
  const file = openSync(join(folder, "exact"), "w+");
  const { Bitmap, createVectorIndex, searchExactly } = await loadVectors();
  await using index = createVectorIndex({ dimensions, maxBytes: MAX_BYTES });
  try {
    const { queries, each } = madeVectors(size, dimensions, QUERIES, 7);
    const exact = exactNearest(queries, LIMIT);
    const buildUs = cpuUs();
    let othersUs = 0;
    each((key, vector) => {
      const from = cpuUs();
      exact.offer(key, vector);
      writeSync(file, vector, 0, vector.byteLength, key * vector.byteLength);
      othersUs += cpuUs() - from;
      index.set(key, vector);
    });
    const builtUs = cpuUs() - buildUs - othersUs;
    /** What the store would do: the rows themselves are not resident. */
    const exactOf = async (keys: readonly number[]) =>
      new Map(keys.map((key) => [key, readVector(file, key, dimensions)]));
    const search = (vector: Float32Array, allowed?: InstanceType<typeof Bitmap>) =>
      searchExactly(index, { vector, limit: LIMIT, exactOf, allowed }, NEVER);

    const found = await inTurn(queries, (vector) => search(vector));
    const rounded = queries.map((vector) => index.searchNow({ vector, limit: LIMIT }));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const { cpuMs, wallMs } = await measured(rounds, queries, (vector) => search(vector));
    delay.disable();
    /** A thousand of them, spread over all. */
    const few = new Bitmap(size);
    for (let n = 0; n < 1000; n++) few.add(index.slotOf(Math.floor((n * size) / 1000)) as number);
    const filtered = await measured(rounds, queries, (vector) => search(vector, few));

    const name = `${size / 1000}k × ${dimensions}`;
    const most = MOST_MS[size];
    const bound: Target | undefined = most === undefined ? undefined : { atMost: most };
    return [
      figure(SUBJECT, `top ${LIMIT} of ${name}, CPU`, cpuMs, "ms", bound),
      figure(SUBJECT, `recall of ${name}`, exact.shareOf(found), "share", { atLeast: ROUNDED_RECALL }),
      figure(SUBJECT, `recall of ${name}, rounded rows alone`, exact.shareOf(rounded), "share"),
      figure(SUBJECT, `top ${LIMIT} of ${name}, p50`, wallMs, "ms"),
      figure(SUBJECT, `top ${LIMIT} of ${name}, loop held up, p99`, delay.percentile(99) / 1e6, "ms"),
      figure(SUBJECT, `top ${LIMIT} of 1,000 allowed of ${name}, CPU`, filtered.cpuMs, "ms"),
      figure(SUBJECT, `memory of ${name}`, index.bytes / 1e6, "MB"),
      figure(SUBJECT, `taking one of ${name} in, CPU`, builtUs / size, "µs"),
    ];
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

const NEVER = { signal: new AbortController().signal };

function readVector(file: number, key: number, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  readSync(file, vector, 0, vector.byteLength, key * vector.byteLength);
  return vector;
}

async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Medians over rounds of what one call takes, this process's other threads included. */
async function measured<Item>(
  rounds: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<{ readonly cpuMs: number; readonly wallMs: number }> {
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = cpuUs();
    for (const item of items) {
      const begunMs = performance.now();
      await work(item);
      wall.push(performance.now() - begunMs);
    }
    cpu.push((cpuUs() - from) / 1000 / items.length);
  }
  return { cpuMs: median(cpu), wallMs: median(wall) };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

// ── embedding ───────────────────────────────────────────────────────────────────────────────────────────────────

async function embeddingFigures({ scale, rounds }: VectorBenchOptions): Promise<Figure[]> {
  const texts = madeTexts(Math.ceil(20_000 * scale), 3);
  let bytes = 0;
  const source = createEmbeddedModels({
    wordVectors: createWordVectors({ onLoad: (loaded) => (bytes = loaded.bytes) }),
  });
  const [words, hashes] = ["words-128", "hash-256"].map((id) => source.embedding(id)) as [
    EmbeddingModel,
    EmbeddingModel,
  ];
  const before = process.memoryUsage();
  const from = cpuUs();
  await words.embed({ texts: ["first"] }, NEVER);
  const loadMs = (cpuUs() - from) / 1000;
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  const rate = async (model: EmbeddingModel): Promise<number> => {
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = cpuUs();
      for (let at = 0; at < texts.length; at += model.maxTexts)
        await model.embed({ texts: texts.slice(at, at + model.maxTexts) }, NEVER);
      rates.push(texts.length / ((cpuUs() - start) / 1e6));
    }
    return median(rates);
  };
  return [
    figure(SUBJECT, "words-128, reading its table, CPU", loadMs, "ms"),
    figure(SUBJECT, "words-128, its table", bytes / 1e6, "MB"),
    figure(SUBJECT, "words-128, memory with its table", grown / 1e6, "MB"),
    figure(SUBJECT, "words-128, texts embedded in a CPU second", await rate(words), "texts"),
    figure(SUBJECT, "hash-256, texts embedded in a CPU second", await rate(hashes), "texts"),
  ];
}

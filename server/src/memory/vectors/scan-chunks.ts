import type { KernelMemory, Scan } from "./kernel.ts";
import { CHUNK_ROWS, type Layout } from "./layout.ts";
import { TopHits } from "./top-hits.ts";

const WORDS_A_CHUNK = CHUNK_ROWS / 32;
/** The kernel is called so often that what is too far away to come in is soon left out by it. */
const BLOCK_ROWS = 512;

export interface ChunkSearch {
  readonly chunks: number;
  /** Numbers of the question, as the kernel takes them. */
  readonly query: Int16Array;
  readonly limit: number;
  /** A bit a slot; undefined: all. */
  readonly allowed: Uint32Array | undefined;
}

/** The slots whose rows are most like the question, best first, their scores in the kernel's unit. Runs on any thread. */
export function scanChunks(
  on: { readonly memory: KernelMemory; readonly scan: Scan; readonly layout: Layout; readonly desk: number },
  { chunks, query, limit, allowed }: ChunkSearch,
): { readonly place: number; readonly score: number }[] {
  const { memory, scan, layout, desk } = on;
  const { buffer } = memory;
  const asked = new Int16Array(buffer, layout.queryAt(desk), layout.rowBytes);
  asked.fill(0);
  asked.set(query);
  const { wanted, hits } = layout.places(desk, 0, 0);
  const wantedWords = new Uint32Array(buffer, wanted, WORDS_A_CHUNK);
  const hitPlaces = new Uint32Array(buffer, hits, 2 * CHUNK_ROWS);
  const hitScores = new Float32Array(buffer, hits, 2 * CHUNK_ROWS);
  const top = new TopHits(limit);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const live = new Uint32Array(buffer, layout.liveAt(chunk), WORDS_A_CHUNK);
    if (!want(wantedWords, live, allowed, chunk)) continue;
    for (let from = 0; from < CHUNK_ROWS; from += BLOCK_ROWS) {
      const found = scan(layout.places(desk, chunk, from), BLOCK_ROWS, layout.rowBytes, top.threshold);
      const before = chunk * CHUNK_ROWS + from;
      for (let hit = 0; hit < found; hit++)
        top.offer(before + (hitPlaces[2 * hit] as number), hitScores[2 * hit + 1] as number);
    }
  }
  return top.sorted();
}

/** Marks what is live and allowed in a chunk; whether there is any. */
function want(
  wanted: Uint32Array,
  live: Uint32Array,
  allowed: Uint32Array | undefined,
  chunk: number,
): boolean {
  if (allowed === undefined) {
    wanted.set(live);
    return true;
  }
  const from = chunk * WORDS_A_CHUNK;
  let some = 0;
  for (let at = 0; at < WORDS_A_CHUNK; at++) {
    const bits = (live[at] as number) & (allowed[from + at] ?? 0);
    wanted[at] = bits;
    some |= bits;
  }
  return some !== 0;
}

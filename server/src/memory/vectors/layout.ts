import type { ScanPlaces } from "./kernel.ts";
import { STRIDE } from "./kernel.ts";
import { MAX_DIMENSIONS } from "./quantise.ts";

/** Rows of a chunk: what one call of the kernel goes over. */
export const CHUNK_ROWS = 4096;
export const PAGE_BYTES = 65_536;

const QUERY_BYTES = 2 * MAX_DIMENSIONS;
const HIT_BYTES = 8 * CHUNK_ROWS;
const WANTED_BYTES = CHUNK_ROWS / 8;
const DESK_BYTES = QUERY_BYTES + HIT_BYTES + WANTED_BYTES;
/** A thread that searches writes to its own desk alone; there are two. */
export const DESKS = { main: 0, worker: 1 } as const;
const FIRST_CHUNK = Math.ceil((2 * DESK_BYTES) / PAGE_BYTES) * PAGE_BYTES;

/** Where things lie in the memory that threads share: two desks, then chunk after chunk of rows, scales and live bits. */
export interface Layout {
  /** Of a row, with what pads it. */
  readonly rowBytes: number;
  readonly chunkBytes: number;
  chunkAt(chunk: number): number;
  scalesAt(chunk: number): number;
  /** A bit a row: whether it holds a vector. */
  liveAt(chunk: number): number;
  queryAt(desk: number): number;
  /** Where the kernel finds and leaves things when a desk goes over a chunk from some row on, a multiple of 64. */
  places(desk: number, chunk: number, from: number): ScanPlaces;
  /** Bytes of memory that so many chunks need. */
  bytesOf(chunks: number): number;
}

export function layoutOf(dimensions: number): Layout {
  const rowBytes = Math.ceil(dimensions / STRIDE) * STRIDE;
  const scales = CHUNK_ROWS * rowBytes;
  const live = scales + 4 * CHUNK_ROWS;
  const chunkBytes = live + WANTED_BYTES;
  const chunkAt = (chunk: number): number => FIRST_CHUNK + chunk * chunkBytes;
  return {
    rowBytes,
    chunkBytes,
    chunkAt,
    scalesAt: (chunk) => chunkAt(chunk) + scales,
    liveAt: (chunk) => chunkAt(chunk) + live,
    queryAt: (desk) => desk * DESK_BYTES,
    places: (desk, chunk, from) => ({
      rows: chunkAt(chunk) + from * rowBytes,
      scales: chunkAt(chunk) + scales + 4 * from,
      query: desk * DESK_BYTES,
      hits: desk * DESK_BYTES + QUERY_BYTES,
      wanted: desk * DESK_BYTES + QUERY_BYTES + HIT_BYTES + from / 8,
    }),
    bytesOf: (chunks) => chunkAt(chunks),
  };
}

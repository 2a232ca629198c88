const MAGIC = "TWV1";
const HEADER_BYTES = 16;

/** Word vectors in memory. Rows are signed bytes; a row times its scale is the weighted vector of its word. */
export interface WordTable {
  readonly dimensions: number;
  /** Unit vector of what nearly every text has. */
  readonly common: Float32Array;
  readonly scales: Float32Array;
  readonly rows: Int8Array;
  readonly places: ReadonlyMap<string, number>;
  /** Of the file, kept whole. */
  readonly bytes: number;
}

/** Reads the file that `scripts/word-table/make.mjs` writes, without copying its rows. Throws for anything else. */
export function readWordTable(file: Uint8Array): WordTable {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < HEADER_BYTES || String.fromCharCode(...file.subarray(0, 4)) !== MAGIC) throw damaged();
  const words = view.getUint32(4, true);
  const dimensions = view.getUint32(8, true);
  const textBytes = view.getUint32(12, true);
  const commonAt = HEADER_BYTES;
  const scalesAt = commonAt + 4 * dimensions;
  const rowsAt = scalesAt + 4 * words;
  const textAt = rowsAt + words * dimensions;
  if (file.length !== textAt + textBytes) throw damaged();
  const text = new TextDecoder().decode(file.subarray(textAt));
  const places = new Map<string, number>();
  for (let place = 0, from = 0; place < words; place++) {
    const end = text.indexOf("\n", from);
    if (end < 0) throw damaged();
    places.set(text.slice(from, end), place);
    from = end + 1;
  }
  return {
    dimensions,
    common: floats(view, commonAt, dimensions),
    scales: floats(view, scalesAt, words),
    rows: new Int8Array(file.buffer, file.byteOffset + rowsAt, words * dimensions),
    places,
    bytes: file.length,
  };
}

function floats(view: DataView, at: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, place) => view.getFloat32(at + 4 * place, true));
}

function damaged(): Error {
  return new Error("It is no table of word vectors, or not a whole one.");
}

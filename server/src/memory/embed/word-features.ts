import { stemOf } from "./word-stems.ts";

/** From so many letters on a word counts whole; short ones are mostly those that every text has. */
const WHOLE_LENGTH = 6;
const GRAM_LENGTHS = [3, 4] as const;

/**
 * What a word is made of, as 32-bit hashes with a weight each: its stem, and its runs of three and four characters, which
 * together count as much as the stem. Words of one root share most of it, in any script.
 */
export function eachFeature(word: string, take: (hash: number, weight: number) => void): void {
  const weight = Math.min(1, ((word.length - 1) / (WHOLE_LENGTH - 1)) ** 2);
  if (weight === 0) return;
  const stem = stemOf(word);
  take(hashOf(stem, 0, stem.length, STEM_SEED), weight);
  const edged = `<${word}>`;
  const grams = Math.max(1, 2 * edged.length - 5);
  const share = weight / Math.sqrt(grams);
  for (const length of GRAM_LENGTHS) {
    for (let at = 0; at + length <= edged.length; at++)
      take(hashOf(edged, at, at + length, GRAM_SEED), share);
  }
}

const GRAM_SEED = 0x811c9dc5;
const STEM_SEED = 0x9747b28c;

/** FNV-1a over UTF-16 units, then the end of MurmurHash3, so that every bit depends on all. Unsigned. */
function hashOf(text: string, from: number, to: number, seed: number): number {
  let hash = seed;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Makes the vector as long as 1; one of zeros stays so. */
export function toUnit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] as number) * scale;
  return vector;
}

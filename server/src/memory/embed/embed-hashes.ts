import { embeddedWords } from "./text-words.ts";
import { eachFeature, toUnit } from "./word-features.ts";

export const HASH_DIMENSIONS = 256;

/** The vector of a text by the stems and letters of its words alone: no weights, any language. Unit length, or all zeros. */
export function embedByHashes(text: string): Float32Array {
  const sum = new Float32Array(HASH_DIMENSIONS);
  for (const word of embeddedWords(text)) {
    eachFeature(word, (hash, weight) => {
      const place = hash % HASH_DIMENSIONS;
      sum[place] = (sum[place] as number) + (hash & 0x8000_0000 ? -weight : weight);
    });
  }
  return toUnit(sum);
}

/** A shorter one of the same text: numbers that are so many apart are added. */
export function folded(vector: Float32Array, dimensions: number): Float32Array {
  const short = new Float32Array(dimensions);
  for (const [at, value] of vector.entries())
    short[at % dimensions] = (short[at % dimensions] as number) + value;
  return toUnit(short);
}

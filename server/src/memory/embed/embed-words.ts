import { embeddedWords } from "./text-words.ts";
import { eachFeature, toUnit } from "./word-features.ts";
import { baseForms } from "./word-stems.ts";
import type { WordTable } from "./word-table.ts";

/** What a word that the table lacks counts beside one that it has: it says which word it is and nothing of its meaning. */
const UNKNOWN_SHARE = 0.25;

/**
 * The vector of a text: its words' vectors summed, each by how rare its word is, less what all texts share. Unit length,
 * all zeros where the text has no words. Sources: Arora, Liang and Ma, ICLR 2017 (weights and common component);
 * memory-study §1.
 */
export function embedByWords(table: WordTable, text: string): Float32Array {
  const { dimensions, rows, scales } = table;
  const sum = new Float32Array(dimensions);
  for (const word of embeddedWords(text)) {
    const place = placeOf(table, word);
    if (place === undefined) {
      addUnknown(sum, word);
      continue;
    }
    const scale = scales[place] as number;
    const at = place * dimensions;
    for (let j = 0; j < dimensions; j++) sum[j] = (sum[j] as number) + scale * (rows[at + j] as number);
  }
  let along = 0;
  for (let j = 0; j < dimensions; j++) along += (sum[j] as number) * (table.common[j] as number);
  for (let j = 0; j < dimensions; j++) sum[j] = (sum[j] as number) - along * (table.common[j] as number);
  return toUnit(sum);
}

function placeOf({ places }: WordTable, word: string): number | undefined {
  const known = places.get(word);
  if (known !== undefined) return known;
  for (const form of baseForms(word)) {
    const place = places.get(form);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Signs that follow from the hash of each feature: words of one root point the same way, others nowhere in common. */
function addUnknown(sum: Float32Array, word: string): void {
  const share = UNKNOWN_SHARE / Math.sqrt(2 * sum.length);
  eachFeature(word, (hash, weight) => {
    const step = weight * share;
    let bits = hash | 1;
    for (let j = 0; j < sum.length; j++) {
      // Xorshift. Source: Marsaglia, Journal of Statistical Software 8(14), 2003.
      bits ^= bits << 13;
      bits ^= bits >>> 17;
      bits ^= bits << 5;
      sum[j] = (sum[j] as number) + (bits < 0 ? -step : step);
    }
  });
}

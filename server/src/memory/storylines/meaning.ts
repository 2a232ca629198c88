import { embedByWords } from "../embed/embed-words.ts";
import { createWordVectors, type WordVectors } from "../embed/word-vectors.ts";

/** What a text is about, as a vector of unit length; all zeros for a text without words. */
export type MeaningOf = (text: string) => Float32Array;

/** By the word vectors that ship with Troupe, where none are given. Rejects where they are damaged or not there. */
export async function loadMeaning(wordVectors: WordVectors = createWordVectors()): Promise<MeaningOf> {
  const words = await wordVectors();
  return (text) => embedByWords(words, text);
}

/** How near two meanings are: 1 for the same, 0 for nothing in common. */
export function nearness(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += (left[at] as number) * (right[at] as number);
  return sum;
}

/** What messages are about together, the newest one most; each older one counts `fading` of the one after it. */
export function blendOf(meanings: readonly Float32Array[], fading: number): Float32Array {
  const blend = new Float32Array(meanings[0]?.length ?? 0);
  let share = 1;
  for (const meaning of meanings.toReversed()) {
    for (let at = 0; at < blend.length; at++)
      blend[at] = (blend[at] as number) + share * (meaning[at] as number);
    share *= fading;
  }
  const length = Math.sqrt(nearness(blend, blend));
  if (length > 0) for (let at = 0; at < blend.length; at++) blend[at] = (blend[at] as number) / length;
  return blend;
}

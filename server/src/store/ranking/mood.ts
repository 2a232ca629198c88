import type { MemoryEmotion } from "@troupe/contracts";
import type { Found } from "./hits.ts";

/** The most that feeling alike adds to a rank: less than a rare word, or half of what an answer in the right person's words does. */
const MOOD_GAIN = 0.1;

/**
 * What a memory gains by feeling as the asker does: the more the nearer, by the weaker of both. Nothing for one that feels otherwise,
 * or says nothing of it, so none is put back for how it felt.
 */
export function moodGain([, , , , , , , , , , , , emotion]: Found, mood: MemoryEmotion | undefined): number {
  if (mood === undefined || emotion === null) return 0;
  const felt = JSON.parse(emotion) as MemoryEmotion;
  if (felt.valence * mood.valence <= 0) return 0;
  const nearness = 1 - Math.abs(felt.valence - mood.valence);
  return MOOD_GAIN * nearness * Math.min(felt.intensity, mood.intensity);
}

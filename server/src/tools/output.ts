import { tell } from "./catalogue/index.ts";

/** Most that a result may put into a prompt and a message. */
const MAX_OUTPUT_BYTES = 32 * 1024;

/** The text, or its beginning and a note when it is longer than 32 KiB. */
export function cutOutput(text: string, language: string): string {
  // Three bytes hold any UTF-16 unit, so short texts need no counting.
  if (text.length * 3 <= MAX_OUTPUT_BYTES) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_OUTPUT_BYTES) return text;
  const note = `\n\n${tell(language, "run.cut", { bytes })}`;
  const kept = Buffer.from(text).subarray(0, MAX_OUTPUT_BYTES - Buffer.byteLength(note));
  // A character that the cut goes through becomes a replacement mark; it is dropped.
  return kept.toString("utf8").replace(/\uFFFD$/, "") + note;
}

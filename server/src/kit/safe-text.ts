import { stripVTControlCharacters } from "node:util";

const STEERING = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/** Text from outside, without what would steer a terminal: only line breaks and tabs stay of the control characters. */
export function safeText(text: string): string {
  return stripVTControlCharacters(text).replace(STEERING, "");
}

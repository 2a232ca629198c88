/** An escaped backslash, which is no part of what follows it, or half a letter: JSON has a whole one as it is. */
const HALF_LETTER = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

/**
 * JSON of ours as providers take it. A text that a client sent, or that was cut, may hold half a letter (a lone surrogate): some
 * providers refuse the request for it, and with it every later one of its conversation. It becomes a letter that nothing can show.
 */
export function wellFormedJson(json: string): string {
  if (!json.includes("\\ud")) return json;
  return json.replace(HALF_LETTER, (found) => (found === "\\\\" ? found : "\ufffd"));
}

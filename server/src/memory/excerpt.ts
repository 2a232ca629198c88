/** Room before the first asked word, so that it does not stand without what leads to it. */
const LEAD_CHARACTERS = 80;
/** What keeps a text from being one line as it is. Most need nothing, and each hit of each turn is looked at. */
const LOOSE_SPACE = /[^\S ]| {2}/;

/** One line of at most `limit` characters: the whole text, or the part around the first of `words` that it holds. */
export function excerptOf(text: string, words: readonly string[], limit: number): string {
  const line = (LOOSE_SPACE.test(text) ? text.replace(/\s+/g, " ") : text).trim();
  if (line.length <= limit) return line;
  const lower = line.toLowerCase();
  const places = words.map((word) => lower.indexOf(word)).filter((place) => place >= 0);
  const first = places.length === 0 ? 0 : Math.min(...places);
  const wanted = first <= LEAD_CHARACTERS ? 0 : first - LEAD_CHARACTERS;
  // Cut between words where there is a space near; the marks count towards the limit.
  const start = wanted === 0 ? 0 : boundaryAfter(line, wanted);
  const end = start + limit - (start > 0 ? 2 : 1);
  if (end >= line.length) return `…${line.slice(start)}`;
  return `${start > 0 ? "…" : ""}${line.slice(start, end).trimEnd()}…`;
}

function boundaryAfter(line: string, at: number): number {
  const space = line.indexOf(" ", at);
  return space >= 0 && space - at <= 20 ? space + 1 : at;
}

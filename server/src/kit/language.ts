/** Languages whose catalogue exists. */
export type Language = "en" | "uk";

const UKRAINIAN_LETTERS = /[іїєґ]/i;
const RUSSIAN_LETTERS = /[ыэёъ]/i;
const CYRILLIC = /\p{Script=Cyrillic}/u;

/** The language to answer in. Cyrillic text without letters that only Russian has counts as Ukrainian. */
export function detectLanguage(text: string): Language {
  if (UKRAINIAN_LETTERS.test(text)) return "uk";
  return CYRILLIC.test(text) && !RUSSIAN_LETTERS.test(text) ? "uk" : "en";
}

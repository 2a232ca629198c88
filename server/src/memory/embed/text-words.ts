/** Longer texts are cut: their beginning says what they are about, and a call stays short. */
const MAX_CHARACTERS = 32_000;

const WORD = /[\p{L}\p{N}\p{M}]+(?:['’ʼ][\p{L}\p{M}]+)*/gu;
/** Scripts that write no spaces between words: each pair of neighbours counts as a word. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const ASCII = /^[\0-\x7f]*$/;

/**
 * The words of a text in their order, lower case, repeats kept. Vectors are kept with the id of their model, so a change
 * here needs a new id.
 */
export function embeddedWords(text: string): readonly string[] {
  const cut = text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text;
  const plain = ASCII.test(cut) ? cut.toLowerCase() : cut.normalize("NFKC").toLowerCase();
  const found = plain.match(WORD) ?? [];
  return plain.length === cut.length && ASCII.test(plain) ? found : found.flatMap(spaced);
}

function spaced(run: string): readonly string[] {
  const word = run.replace(/[’ʼ]/g, "'");
  if (!UNSPACED.test(word)) return [word];
  const characters = [...word];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, at) => `${characters[at]}${character}`);
}

/** Shorter words are kept as they are. */
const LEAST_ENGLISH = 4;
const LEAST_UKRAINIAN = 4;
/** What an ending leaves is never shorter. */
const LEAST_LEFT = 3;

/** Forms that no rule makes from their base, English. */
const IRREGULAR: ReadonlyMap<string, string> = new Map(
  [
    "ate eaten eat|became become|began begun begin|bought buy|broke broken break|brought bring|built build|came come|caught catch",
    "children child|chose chosen choose|drank drunk drink|drew drawn draw|drove driven drive|feet foot|fell fallen fall|felt feel",
    "flew flown fly|forgot forgotten forget|fought fight|found find|gave given give|gone went goes go|got gotten get|grew grown grow",
    "halves half|heard hear|held hold|hid hidden hide|kept keep|knew known know|knives knife|leaves leaf|led lead|left leave|lives life",
    "lost lose|made make|meant mean|men man|met meet|mice mouse|paid pay|ran run|rode ridden ride|rose risen rise|said say|sang sung sing",
    "sat sit|saw seen see|sent send|shot shoot|shown show|slept sleep|sold sell|spent spend|spoke spoken speak|stolen stole steal",
    "stood stand|stuck stick|swam swum swim|taken took take|taught teach|teeth tooth|thought think|threw thrown throw|told tell",
    "understood understand|wives wife|woke woken wake|women woman|won win|wore worn wear|written wrote write",
  ]
    .flatMap((line) => line.split("|"))
    .flatMap((family) => {
      const forms = family.split(" ");
      const base = forms.at(-1) as string;
      return forms.slice(0, -1).map((form): [string, string] => [form, base]);
    }),
);

/** Endings that make one word from another, and what takes their place; the first that fits. */
const ENGLISH_ENDINGS: readonly (readonly [ending: string, instead: string])[] = [
  ["ization", "ize"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["iveness", "ive"],
  ["ation", "ate"],
  ["ment", ""],
  ["ness", ""],
  ["able", ""],
  ["ship", ""],
  ["ing", ""],
  ["ion", ""],
  ["ful", ""],
  ["ive", ""],
  ["ity", ""],
  ["ly", ""],
  ["al", ""],
];

/** Longest first within each line; of nouns, adjectives and verbs. */
const UKRAINIAN_ENDINGS: readonly string[] = [
  "ювати увати ається юється ються уться ишся ється лися лась лось лися тися ться",
  "ового овому ьного ами ями ові еві ємо імо ють уть ать ять ала або ила ило или али ала ало ого ому ими іми ати ити іти яти ути",
  "ою ею єю ів їв ам ям ах ях ом ем єм ий ій їй их ої ає ує ює ла ло ли ав ив ть",
  "а я о е є у ю и і ї ь й",
].flatMap((line) => line.split(" "));

const CYRILLIC = /^[\u0400-\u04ff]+$/;
const LATIN = /^[a-z]+$/;
const VOWEL = /[aeiouy]/;
const UKRAINIAN_VOWEL = /[аеєиіїоуюя]/;
const DOUBLE = /([^aeiouslz])\1$/;
/** The vowel of a closed last syllable changes with the ending: кіт, кота. */
const CLOSED_SYLLABLE = /і([бвгґджзклмнпрстфхцчшщ])$/;

/**
 * What the forms of one word share: light, fast, the same everywhere, and no word of the language. English and Ukrainian; a
 * word in another script, or with digits, is kept. Of a lower-case word.
 */
export function stemOf(word: string): string {
  if (LATIN.test(word))
    return word.length < LEAST_ENGLISH ? (IRREGULAR.get(word) ?? word) : englishStem(word);
  if (word.length >= LEAST_UKRAINIAN && CYRILLIC.test(word)) return ukrainianStem(word);
  return word.length === 3 && CYRILLIC.test(word) ? word.replace(CLOSED_SYLLABLE, "о$1") : word;
}

function englishStem(word: string): string {
  let stem = withoutInflection(IRREGULAR.get(word) ?? word);
  for (const [ending, instead] of ENGLISH_ENDINGS) {
    if (!stem.endsWith(ending) || stem.length - ending.length < LEAST_LEFT + (ending.length < 3 ? 1 : 0))
      continue;
    stem = stem.slice(0, -ending.length) + instead;
    break;
  }
  if (stem.length > 4 && stem.endsWith("e")) stem = stem.slice(0, -1);
  return stem.length > LEAST_LEFT && stem.endsWith("y") ? `${stem.slice(0, -1)}i` : stem;
}

/** Without the marks of plural and tense. */
function withoutInflection(word: string): string {
  const plain = singular(word);
  if (plain.endsWith("ied")) return `${plain.slice(0, -3)}y`;
  const ending = plain.endsWith("ing") ? 3 : plain.endsWith("ed") && !plain.endsWith("eed") ? 2 : 0;
  const rest = plain.slice(0, plain.length - ending);
  if (ending === 0 || rest.length < 2 || !VOWEL.test(rest)) return plain;
  if (DOUBLE.test(rest) || (rest.length > 4 && rest.endsWith("ll"))) return rest.slice(0, -1);
  return rest;
}

function singular(word: string): string {
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (word.endsWith("ies")) return word.length > 4 ? `${word.slice(0, -3)}y` : word.slice(0, -1);
  return word.endsWith("s") && !/[sui]s$/.test(word) ? word.slice(0, -1) : word;
}

function ukrainianStem(word: string): string {
  const ending = UKRAINIAN_ENDINGS.find(
    (one) => word.length - one.length >= LEAST_LEFT && word.endsWith(one),
  );
  const rest = ending === undefined ? word : word.slice(0, -ending.length);
  return UKRAINIAN_VOWEL.test(rest) ? rest.replace(CLOSED_SYLLABLE, "о$1") : word;
}

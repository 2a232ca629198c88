const CYRILLIC = /\p{Script=Cyrillic}/u;

/** English endings, and what may have stood in their place. */
const ENGLISH: readonly (readonly [ending: string, instead: readonly string[]])[] = [
  ["n't", [""]],
  ["ies", ["y", "ie"]],
  ["ied", ["y", "ie"]],
  ["ier", ["y"]],
  ["iest", ["y"]],
  ["ily", ["y"]],
  ["es", ["", "e"]],
  ["s", [""]],
  ["ing", ["", "e"]],
  ["ed", ["", "e"]],
  ["er", ["", "e"]],
  ["est", ["", "e"]],
  ["ly", [""]],
  ["ness", [""]],
  ["ful", [""]],
  ["less", [""]],
];
const MIN_STEM = 2;

/** Words that an English word which a table lacks may be a form of, the likeliest first. */
export function baseForms(word: string): readonly string[] {
  const apostrophe = word.indexOf("'");
  const forms: string[] = [];
  for (const [ending, instead] of ENGLISH) {
    if (!word.endsWith(ending) || word.length - ending.length < MIN_STEM) continue;
    const stem = word.slice(0, -ending.length);
    for (const end of instead) forms.push(stem + end);
    if (stem.at(-1) === stem.at(-2)) forms.push(stem.slice(0, -1));
  }
  if (apostrophe >= MIN_STEM) forms.push(word.slice(0, apostrophe));
  return forms;
}

/** Endings of Ukrainian nouns, adjectives and verbs, longer ones first. */
const CYRILLIC_ENDING =
  /(?:ування|ювання|остями|ення|ання|ться|тися|ість|ості|істю|ього|ьому|ими|ами|ями|ому|ого|ові|еві|єві|ємо|емо|имо|їмо|ють|уть|ать|ять|їти|ити|ати|яти|ути|іти|ала|ило|али|или|ила|ало|ів|їв|ий|ій|ою|ею|єю|ої|їх|их|ам|ям|ах|ях|ом|ем|єм|им|ла|ло|ли|ти|ть|а|е|и|і|о|у|ю|я|є|ї|й|ь|в)$/u;

/** What forms of one word mostly have in common, cheaply; no word of its own. */
export function stemOf(word: string): string {
  if (CYRILLIC.test(word)) {
    const stem = word.replace(CYRILLIC_ENDING, "");
    return [...stem].length >= 3 ? stem : word;
  }
  const plain = word.replace(/'\p{L}*$/u, "");
  const stem = plain.length > 4 ? plain.replace(/(?:ies|ied|ing|ed|es|ly|s|e|y)$/, "") : plain;
  const single = /([b-df-hj-np-tv-z])\1$/.test(stem) ? stem.slice(0, -1) : stem;
  return single.length >= 3 ? single : plain;
}

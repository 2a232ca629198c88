import type { MemoryEmotion, SearchStore } from "@troupe/contracts";

/** Of a long text its beginning says how it feels. */
const MAX_CHARACTERS = 1_000;
/** Words between a negation and what it turns round. */
const NEGATION_REACH = 2;
/** What is not good is not as bad as what is bad. */
const NEGATED = -0.5;
const INTENSIFIED = 1.25;
/** What feels both ways feels neither. */
const MIN_VALENCE = 0.15;

/** Beginnings of words, each with how it feels; a whole word ends with a full stop. */
const BEGINNINGS: readonly (readonly [valence: number, intensity: number, beginnings: string])[] = [
  [0.9, 0.8, "delight joy overjoyed thrill ecstatic щаслив радіс радію радіє захоплен обожню"],
  [0.7, 0.5, "happy happi glad love loving wonderful amazing excit celebrat proud grateful congrat"],
  [0.7, 0.5, "радий радісн люблю любить чудов прекрасн пишаюс вдячн святкув насолод кохаю перемог"],
  [0.5, 0.4, "fun. enjoy beautiful relax relieved laugh smil весел сміюс сміялис усміх приємн"],
  [-0.9, 0.9, "grief grieving devastat heartbroken funeral terrified died. помер смерт похорон горе. розпач"],
  [-0.7, 0.8, "furious angry anger hate. hated hates hatred scared afraid terribl horribl awful panic"],
  [-0.7, 0.8, "ненавид ненавидж злюс лютую страшн боюс боїться жах паніку"],
  [
    -0.6,
    0.6,
    "sad. sadly sadness cry. crying cried tears anxious worr afraid stress hurt pain. pains. painful lonely upset",
  ],
  [-0.6, 0.6, "сумн сумую плач плакал тривож тривог хвилююс хвилюєт боляче болить образил самотн засмучен"],
  [
    -0.4,
    0.4,
    "disappoint tired exhaust annoy sick. bored miserable розчаров втомлен втомив втомил хвор роздрат шкода нудно",
  ],
];
const NEGATION = /^(?:not|no|never|without|hardly|\p{L}+n't|не|ні|ніколи|без)$/u;
const INTENSIFIER = /^(?:very|so|really|extremely|totally|incredibly|дуже|так|надзвичайно|страшенно|вкрай)$/u;
const WORD = /[\p{L}]+(?:['’ʼ]\p{L}+)*/gu;

type Feeling = readonly [valence: number, intensity: number];

/** By the first two letters, so that a word is compared with a few. */
const BY_LETTERS: ReadonlyMap<string, readonly (readonly [beginning: string, feeling: Feeling])[]> =
  Map.groupBy(
    BEGINNINGS.flatMap(([valence, intensity, line]) =>
      line.split(" ").map((beginning): readonly [string, Feeling] => [beginning, [valence, intensity]]),
    ),
    ([beginning]) => beginning.slice(0, 2),
  );

/**
 * How a text feels, by a small list of plain words in English and Ukrainian; undefined where it says nothing of that, or both. Arithmetic
 * over the words; irony and what has to be understood escape it.
 */
export function feelingOf(text: string): MemoryEmotion | undefined {
  const beginning = text.slice(0, MAX_CHARACTERS);
  const words = beginning.toLowerCase().replace(/[’ʼ]/g, "'").match(WORD) ?? [];
  let [sum, weight, strongest] = [0, 0, 0];
  for (const [at, word] of words.entries()) {
    const feeling = feelingOfWord(word);
    if (feeling === undefined) continue;
    const [valence, intensity] = feeling;
    const before = words.slice(Math.max(0, at - NEGATION_REACH), at);
    const isNegated = before.some((one) => NEGATION.test(one));
    const strength = before.some((one) => INTENSIFIER.test(one)) ? INTENSIFIED : 1;
    sum += valence * intensity * (isNegated ? NEGATED : 1);
    weight += intensity;
    strongest = Math.max(strongest, intensity * strength * (isNegated ? -NEGATED : 1));
  }
  if (weight === 0) return undefined;
  const valence = sum / weight;
  if (Math.abs(valence) < MIN_VALENCE) return undefined;
  const louder = beginning.includes("!") ? INTENSIFIED : 1;
  return { valence: rounded(valence), intensity: rounded(Math.min(1, strongest * louder)) };
}

function feelingOfWord(word: string): Feeling | undefined {
  const known = BY_LETTERS.get(word.slice(0, 2));
  return known?.find(([beginning]) => `${word}.`.startsWith(beginning))?.[1];
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A search whose questions bring how they feel, while `isWanted`; what feels alike then comes a little earlier. */
export function withFeelings(
  search: Pick<SearchStore, "search">,
  isWanted: () => boolean,
): Pick<SearchStore, "search"> {
  return {
    search(query, options) {
      const mood = isWanted() && query.text !== undefined ? feelingOf(query.text) : undefined;
      return search.search(mood === undefined ? query : { ...query, mood }, options);
    },
  };
}

const WORD = /[\p{L}\p{N}]+(?:['’ʼ][\p{L}]+)*/gu;
const MAX_TEXT_CHARACTERS = 4_000;

/** Words that stand in almost every message and so tell nothing about its subject. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  [
    "a about after again all also am an and any are as at be because been before being but by can could did do does doing",
    "don't for from get had has have he her here him his how i if in into is it its just let like me more most my no not now",
    "of off on once only or our out over please she should so some tell than thank thanks that the their them then there",
    "these they this those to too up us very was we were what when where which who whom why will with would yes you your",
    "i'm i've it's what's that's can't",
    "а або аби але б без би бо був буде була були було бути в вам вас ваш ваша ваше ваші вже ви від він вона вони воно все",
    "всі для до дуже є ж за зі з і й із її їх його коли кого кому ли лише має мене мені ми мій мої моя моє моє моїй мого моєї",
    "мною на над нам нас наш не нехай ні ніж ну о об от ось під по при про саме свій своє своя себе та так там те теж ти тим",
    "тобі то той тому ту тут у усе хай хто це цей ці ця чи чий чого чому що щоб щось я як яка який яке які якщо скажи будь ласка",
  ].flatMap((line) => line.split(" ")),
);

/** The words of a text that say what it is about, lower case, without repeats; of a long text the longest `limit`. */
export function wordsOf(text: string, limit = 12): readonly string[] {
  const found = new Set<string>();
  for (const match of text.slice(0, MAX_TEXT_CHARACTERS).toLowerCase().match(WORD) ?? []) {
    const plain = match.replace(/[’ʼ]/g, "'");
    const word = plain.replace(/'s$/, "");
    if (STOP_WORDS.has(plain) || STOP_WORDS.has(word)) continue;
    if (word.length > 1 || /\p{N}/u.test(word)) found.add(word);
  }
  if (found.size <= limit) return [...found];
  const longest = new Set([...found].sort((left, right) => right.length - left.length).slice(0, limit));
  return [...found].filter((word) => longest.has(word));
}

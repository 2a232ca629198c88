/** Words of English and Ukrainian that carry no subject of their own. */
const PLAIN = [
  "a about after again all already also always am an and another any anything are as at away back be because been before being",
  "but by came can come could did do does doing done down each else even ever every everyone everything few first for from get",
  "gets getting give go goes going gone gonna good got great guess had has have having he hello her here hey hi him his how i if",
  "in into is it its just keep kind know last less let like likes little lol look lot lots made make makes making many may maybe",
  "me might mine more most much must my myself need never new next nice no none not nothing now of off oh ok okay on once one",
  "only or other our out over own people pretty probably put really right said same say see she should since so some someone",
  "something soon sorry still stuff such sure take tell than thank thanks that the their them then there these they thing things",
  "think this those though thought through time to today too try two up us use used very wait want wanted was way we well were",
  "what when where which while who why will with without wow would yeah year years yes yet you your yours yourself able cool",
  "actually already around better bit definitely either enough far find fun happy hear hope interesting job least long love",
  "mean mine oh please quite rather sounds start stay true usually hmm haha awesome",
  "а або аби але б без бо був буде була були було бути в вам вас ваш ваша ваше ваші вже ви від він вона вони воно все всі для до",
  "дуже є ж за зі з і й із її їх його коли кого кому ли лише має мене мені ми мій мої моя моє моїй мого моєї мною на над нам нас",
  "наш не нехай ні ніж ну о об от ось під по при про саме свій своє своя себе та так там те теж ти тим тобі то той тому ту тут у",
  "усе хай хто це цей ці ця чи чий чого чому що щоб щось я як яка який яке які якщо добре дякую привіт",
];
const PLAIN_WORDS: ReadonlySet<string> = new Set(PLAIN.flatMap((line) => line.split(" ")));

export function isPlain(word: string): boolean {
  return PLAIN_WORDS.has(word);
}

const ENDINGS =
  /(?:ational|ization|fulness|ousness|iveness|ements?|ments?|nesses|ness|ings?|edly|ies|ied|ers?|ors?|ed|es|ly|s|y|e)$/;
const UKRAINIAN_ENDINGS =
  /(?:ування|ення|ання|ями|ами|ого|ому|ими|их|ій|ою|ею|ах|ях|ів|ам|ям|ити|ати|ила|ила|ив|ав|ла|ть|ти|ий|а|я|і|ї|у|ю|о|е|и|ь)$/;

/** What is left of a word without its ending; two forms of one word give the same in most cases. */
export function stemOf(word: string): string {
  if (word.length <= 3) return word;
  const isLatin = /^[a-z]/.test(word);
  const stem = word.replace(isLatin ? ENDINGS : UKRAINIAN_ENDINGS, "");
  if (stem.length < 3) return word;
  return isLatin && /([^aeiousl])\1$/.test(stem) ? stem.slice(0, -1) : stem;
}

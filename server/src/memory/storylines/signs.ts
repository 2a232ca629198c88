/** What the first and other small words of a message say about what it belongs to. */
export const SIGN_NAMES = [
  "greets",
  "thanks",
  "leaves",
  "agrees",
  "denies",
  "cheers",
  "connects",
  "pointsBack",
  "opens",
  "returns",
  "asksYou",
  "asksWhat",
  "asksYesNo",
  "tellsOfSelf",
  "tellsOfYou",
  "requests",
  "asksBack",
  "reacts",
] as const;
export type Sign = (typeof SIGN_NAMES)[number];

type Words = readonly string[];
const set = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const GREETINGS = set("hi hello hey greetings привіт вітаю доброго добрий");
const THANKS = set("thanks thank thx ty cheers дякую спасибі");
const BYES = set("bye goodbye night later cya farewell бувай папа");
const YES = set(
  "yes yeah yep yup sure right exactly true indeed absolutely definitely так авжеж звісно точно",
);
const NO = set("no nope nah not never ні нє");
const CHEERS = set(
  "wow cool nice great awesome neat interesting lol haha oh ah ooh amazing sweet good lovely excellent fun sorry круто класно ого чудово гарно",
);
const CONNECTORS = set(
  "and but or so because also then plus though however та і й але або бо тож також потім",
);
const POINTERS = set(
  "it that they them those these this he she him her his its their one ones there same such це цей ця ці той та те він вона воно вони їх його її там",
);
const WH = set(
  "what where when who why how which whose що де коли хто чому як який яка яке які скільки куди",
);
const AUX = set("do does did are is was were have has had can could would will should am чи");
const SUBJECTS = set("you your u i we they it he she there that this ти ви");
const SELF = set("i my we our me я мій моя моє мої ми у мене мені");
const REQUESTS = set(
  "please help need find show give tell set schedule remind book order want looking add send make write check будь треба потрібно хочу знайди покажи дай нагадай запиши",
);
/** Found only between spaces. */
const spaced = (phrase: string): string => ` ${phrase} `;
const OPENERS = [
  "by the way",
  "btw",
  "anyway",
  "another thing",
  "something else",
  "new question",
  "unrelated",
  "on another",
  "different topic",
  "different question",
  "change of",
  "lets talk",
  "let us talk",
  "one more thing",
  "speaking of",
  "до речі",
  "інше питання",
  "ще одне",
  "кстати",
].map(spaced);
const RETURNS = [
  "back to",
  "as for",
  "regarding",
  "about the",
  "you said",
  "earlier",
  "going back",
  "again about",
  "remember when",
  "like i said",
  "щодо",
  "повертаючись",
  "ти казав",
  "раніше",
].map(spaced);

const has = (words: Words, list: ReadonlySet<string>, within = words.length): boolean => {
  for (let i = 0; i < Math.min(within, words.length); i++) if (list.has(words[i] as string)) return true;
  return false;
};

/** Whether a sentence is put as a question, mark or no mark. */
export function asks(sentence: Words): boolean {
  const [first = "", second = ""] = sentence;
  if (WH.has(first) && sentence.length > 1 && !(first === "what" && second === "a")) return true;
  return AUX.has(first) && SUBJECTS.has(second);
}

export function signsOf(words: Words, lastSentenceAt: number): Record<Sign, boolean> {
  const [first = ""] = words;
  const last = words.slice(lastSentenceAt);
  const [lastFirst = ""] = last;
  const text = ` ${words.slice(0, 12).join(" ")} `;
  return {
    greets: has(words, GREETINGS, 2),
    thanks: has(words, THANKS, 4),
    leaves: has(words, BYES, 4),
    agrees: YES.has(first),
    denies: NO.has(first),
    cheers: has(words, CHEERS, 3),
    connects: CONNECTORS.has(first),
    pointsBack: has(words, POINTERS, 5),
    opens: OPENERS.some((phrase) => text.includes(phrase)),
    returns: RETURNS.some((phrase) => text.includes(phrase)),
    asksYou: asks(last) && last.slice(0, 5).some((word) => word === "you" || word === "your"),
    asksWhat: WH.has(lastFirst),
    asksYesNo: AUX.has(lastFirst),
    tellsOfSelf: SELF.has(first),
    tellsOfYou: first === "you" || first === "your" || first === "ти" || first === "ви",
    requests: has(words, REQUESTS, 5),
    asksBack: / (what|how) about (you|yours) | and you | а (ти|ви|тебе|вас) /.test(
      ` ${words.slice(-5).join(" ")} `,
    ),
    reacts: words.length <= 4,
  };
}

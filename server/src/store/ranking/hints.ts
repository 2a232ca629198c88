import { type Span, spansOf } from "./times.ts";

/** What the form of a question says of its answer beyond its words: whose words are meant, and that a time is asked for. */
export interface Hints {
  /** The asker's own words, or the agent's; undefined where neither or both are meant. */
  readonly asksOf: "user" | "assistant" | undefined;
  readonly asksWhen: boolean;
  /** Times that the question names. */
  readonly spans: readonly Span[];
}

const SELF =
  /(?<![\p{L}\p{N}])(i|me|my|mine|we|our|us|я|мене|мені|мій|моя|моє|мої|мого|моєї|мою|моїх|ми|нас|нам|наш|наша|наше|наші)(?![\p{L}\p{N}])/iu;
const OTHER =
  /(?<![\p{L}\p{N}])(you|your|yours|ти|тебе|тобі|твій|твоя|твоє|твої|ви|вас|вам|ваш|ваша|ваше|ваші)(?![\p{L}\p{N}])/iu;
const WHEN =
  /(?<!\p{L})(when|how long|how old|how recently|(what|which) (day|date|month|year|time|week|weekend|season)|коли|відколи|скільки років|як довго|як давно|(якого|котрого) (дня|числа|року|місяця)|о котрій)(?!\p{L})/iu;
const MONTH =
  "january|february|march|april|may|june|july|august|september|october|november|december|січ\\p{L}+|лют\\p{L}+|берез\\p{L}+|квіт\\p{L}+|трав\\p{L}+|черв\\p{L}+|лип\\p{L}+|серп\\p{L}+|верес\\p{L}+|жовт\\p{L}+|листопад\\p{L}*|груд\\p{L}+";
const DAY =
  "monday|tuesday|wednesday|thursday|friday|saturday|sunday|понеділ\\p{L}+|вівтор\\p{L}+|серед[аиуі]|четвер\\p{L}*|п.?ятниц\\p{L}+|субот\\p{L}+|неділ\\p{L}+";
/** Words that place what is told in time. */
const TIME = new RegExp(
  `(?<![\\p{L}\\p{N}])(yesterday|today|tomorrow|tonight|ago|since|(last|next|past|this) (week|weekend|month|year|night|summer|winter|spring|fall|autumn|few|${DAY}|${MONTH}|morning|evening)|(on|in|by|until) (the )?(${DAY}|${MONTH}|(19|20)\\d\\d)|\\d+(st|nd|rd|th)|for (\\p{L}+|\\d+) (days|weeks|months|years)|(few|couple of|\\d+) (days|weeks|months|years)|вчора|сьогодні|завтра|позавчора|тому|відтоді|(минул|наступн|цього|цієї)\\p{L}* (тиж\\p{L}+|місяц\\p{L}+|ро[кц]\\p{L}+|вихідн\\p{L}+|літ\\p{L}+|зим\\p{L}+|весн\\p{L}+|осен\\p{L}+)|(у|в|на|до|з) (${DAY}|${MONTH}))(?![\\p{L}\\p{N}])`,
  "iu",
);

const QUESTION_WORD =
  "(?:who|whom|whose|what|which|when|where|why|how|хто|кого|кому|чий|чия|чиє|чиї|що|чого|чому|який|яка|яке|які|якого|якої|якому|яку|яким|коли|де|куди|звідки|як|скільки|навіщо|чи)";
/** A question word in the middle of a sentence mostly joins two halves of it, but after these it asks. */
const ASKING_BEFORE =
  "(?:tell me|remind me|know|remember|recall|wonder|скажи|скажіть|нагадай|знаєш|знаєте|пам.?ятаєш|пам.?ятаєте)";
const ASKS = new RegExp(
  `[?？]|(?:^|[.!\\n]|${ASKING_BEFORE})[\\s,]*${QUESTION_WORD}(?![\\p{L}\\p{N}])`,
  "iu",
);

/** Whether it asks for something; what only tells or wants something done is looked up by its words alone. */
export function asks(text: string): boolean {
  return ASKS.test(text);
}

export function hintsOf(text: string, askedAt: number | undefined): Hints {
  const isOfSelf = SELF.test(text);
  const isOfOther = OTHER.test(text);
  return {
    asksOf: isOfSelf === isOfOther ? undefined : isOfSelf ? "user" : "assistant",
    asksWhen: WHEN.test(text),
    spans: askedAt === undefined ? [] : spansOf(text, askedAt),
  };
}

export function tellsTime(text: string): boolean {
  return TIME.test(text);
}

const SPEAKER = /^([\p{L}\p{M}][\p{L}\p{M}\p{N} .'’-]{0,39}):\s/u;

/** The name before the first colon of a line of a group's conversation. */
export function speakerOf(text: string): string | undefined {
  return SPEAKER.exec(text)?.[1];
}

/** What a bracket at the end of a message shows is neither asked nor answered. */
const SHOWN_AT_END = /\s*\[[^\]]*\]\s*$/u;
const QUESTION_AT_END = /[?？][\s"'»”’)]*$/u;
const SENTENCE = /[^.!?…。？！\n]+[.!?…。？！\n]*/gu;

/** Whether it ends by asking, so that what comes next is likely its answer. */
export function isAsking(text: string): boolean {
  return QUESTION_AT_END.test(text.replace(SHOWN_AT_END, ""));
}

/** The sentences that ask nothing. */
export function statementsOf(text: string): string {
  if (!/[?？]/.test(text)) return text;
  return (text.match(SENTENCE) ?? []).filter((sentence) => !/[?？]/.test(sentence)).join(" ");
}

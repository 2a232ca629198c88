import { redactText } from "../kit/index.ts";
import { type PeopleCase, peopleCases } from "./people-cases.ts";

/** Something that a sentence tells, as a record will hold it. */
export interface PlainCase {
  /** The sentence, as it was written. */
  readonly text: string;
  /** Which rule read it. */
  readonly rule: string;
  /** What only one thing can be true of; absent: others may be true beside it. */
  readonly slot?: string;
  readonly value?: string;
  readonly salience: number;
  /** Default: a fact. Then of whom it tells, as attributes of the record: `person`, and `relation` or `knows`. */
  readonly kind?: "relationship";
  readonly of?: Readonly<Record<"person" | "relation" | "knows", string | undefined>>;
  /** It begins with a no: what was known before was wrong. */
  readonly isCorrection: boolean;
}

interface Rule {
  readonly name: string;
  /** Of a whole sentence with straight apostrophes, without its last sign; group `value`, and `about` where the slot needs it. */
  readonly pattern: RegExp;
  readonly slot?: (about: string) => string;
  /** What the value must look like beside the pattern. */
  readonly accepts?: (value: string) => boolean;
  /** Where the value is what the rule itself means. */
  readonly value?: string;
  /** What it is about is a human, whose name the value is. */
  readonly isOfHuman?: (about: string) => boolean;
  readonly salience?: number;
}

const MAX_CHARACTERS = 4_000;
const MAX_SENTENCES = 24;
const MAX_SENTENCE_CHARACTERS = 200;
const DEFAULT_SALIENCE = 0.5;

const NAME = String.raw`(?<value>\p{Lu}[\p{L}'-]{0,30}(?: \p{Lu}[\p{L}'-]{0,30}){0,2})`;
const PLACE = String.raw`(?<value>\p{Lu}[\p{L}'-]+(?:,? (?:(?:de|la|the|of|on|upon) )?\p{Lu}[\p{L}'-]+){0,3})`;
const REST = String.raw`(?<value>[^?]{2,80})`;
const MONTH =
  /january|february|march|april|may|june|july|august|september|october|november|december|січ|лют|берез|квіт|трав|черв|лип|серп|верес|жовт|листоп|груд|\d/i;
const KIN =
  "wife|husband|partner|son|daughter|mother|father|mom|mum|dad|brother|sister|boyfriend|girlfriend|boss|dog|cat";

const HUMAN = new RegExp(
  `(?:^|[ -])(?:${KIN}|friend|neighbou?r|colleague|manager|teacher|doctor|dentist)$`,
  "iu",
);

/** Of someone or something that is not in the sentence, or only supposed. */
const VAGUE =
  /^(?:it|that|this|these|those|them|him|her|you|your|u|how|what|when|where|who|why|to know|the way|the idea|ідею|це|те|його|її|їх|тебе|вас|як|що|коли|де|хто|твій|твою|твоє|ваш)(?![\p{L}'])/iu;
/** What takes no value back: `No, that's all.` */
const CONTENT =
  /^(?:all|enough|everything|nothing|fine|good|great|ok|okay|right|alright|true|все|усе|нічого|добре|гаразд|правда|так)(?![\p{L}'])/iu;
const SUPPOSED =
  /(?<!\p{L})(?:if|would|could|maybe|perhaps|wish|якби|якщо|може|мабуть|хотів би|хотіла б)(?!\p{L})/iu;

const LONGER = /,| and i | but | because | so | але | бо | тому /iu;
const isDefinite = (value: string): boolean =>
  !VAGUE.test(value) && !LONGER.test(value) && value.split(" ").length <= 8;
const isOfHuman = (about: string): boolean =>
  !/(?<!\p{L})(?:dog|cat|boat|car|house|band|team)$/iu.test(about) && HUMAN.test(about);
const isDate = (value: string): boolean => MONTH.test(value) && value.length <= 40;
const named = (what: string) => () => what;
const rule = (name: string, pattern: string, more: Omit<Rule, "name" | "pattern"> = {}): Rule => ({
  ...{ name, ...more },
  pattern: new RegExp(`^${pattern}$`, "u"),
});
const ENGLISH: readonly Rule[] = [
  rule("name", `(?:(?i:my name is)|(?i:my name's)) ${NAME}`, { slot: named("name"), salience: 0.9 }),
  rule("called", `(?:(?i:please ))?(?:(?i:you can ))?(?i:call me) ${NAME}`, {
    ...{ slot: named("called"), salience: 0.9 },
  }),
  rule("home", `(?i:i)(?:(?i: live in)|(?i:'m living in)|(?i: am living in)) ${PLACE}`, {
    ...{ slot: named("home"), salience: 0.8 },
  }),
  rule("home", `(?i:i)(?:'(?i:ve)| (?i:have))?(?: (?i:just))? (?i:moved to) ${PLACE}`, {
    ...{ slot: named("home"), salience: 0.8 },
  }),
  rule("origin", `(?i:i)(?:'(?i:m)| (?i:am)) (?i:from) ${PLACE}`, {
    slot: named("origin"),
  }),
  rule(
    "named",
    `(?i:my) (?<about>[\\p{L}' -]{2,40}?)(?: (?i:is) (?:(?i:called)|(?i:named))|'(?i:s name is)) ${NAME}`,
    {
      slot: (about) => `named ${about}`,
      ...{ salience: 0.7, isOfHuman },
    },
  ),
  rule("named", `(?i:my) (?<about>${KIN}) (?i:is) ${NAME}`, {
    slot: (about) => `named ${about}`,
    ...{ salience: 0.7, isOfHuman },
  }),
  rule("birthday", `(?i:my birthday is)(?: (?i:on)| (?i:in))? ${REST}`, {
    ...{ slot: named("birthday"), accepts: isDate, salience: 0.8 },
  }),
  rule("birthday", `(?i:i was born) (?:(?i:on)|(?i:in)) ${REST}`, {
    ...{ slot: named("born"), accepts: isDate, salience: 0.8 },
  }),
  rule("age", `(?i:i)(?:'(?i:m)| (?i:am)) (?<value>\\d{1,3}) (?i:years old)`, { slot: named("age") }),
  rule("work", `(?i:i work) (?:(?i:as)|(?i:at)|(?i:for)) ${REST}`, {
    ...{ slot: named("work"), accepts: isDefinite, salience: 0.7 },
  }),
  rule("allergy", `(?i:i)(?:'(?i:m)| (?i:am)) (?i:allergic to) ${REST}`, {
    ...{ accepts: isDefinite, salience: 0.9 },
  }),
  rule("diet", `(?i:i)(?:'(?i:m)| (?i:am)) (?:(?i:a ))?(?<value>(?i:vegan)|(?i:vegetarian))`, {
    ...{ slot: named("diet"), salience: 0.8 },
  }),
  rule("favourite", `(?i:my fav)(?:(?i:ou)|(?i:o))(?i:rite) (?<about>[\\p{L} -]{2,30}?) (?i:is) ${REST}`, {
    ...{ slot: (about) => `favourite ${about}`, accepts: isDefinite },
  }),
  rule(
    "likes",
    `(?i:i)(?: (?i:really)| (?i:absolutely))? (?:(?i:like)|(?i:love)|(?i:enjoy)) (?<about>[^?]{2,60})`,
    {
      ...{ slot: (about) => `taste ${about}`, accepts: isDefinite, value: "likes" },
    },
  ),
  rule(
    "dislikes",
    `(?i:i)(?: (?i:really)| (?i:absolutely))? (?:(?i:hate)|(?i:dislike)|(?i:can't stand)|(?i:don't like)|(?i:do not like)) (?<about>[^?]{2,60})`,
    {
      ...{ slot: (about) => `taste ${about}`, accepts: isDefinite, value: "dislikes" },
    },
  ),
];

const UKRAINIAN: readonly Rule[] = [
  rule("name", `(?:(?i:мене) (?:(?i:звуть)|(?i:звати))|(?i:моє ім'я))(?: [—–-])? ${NAME}`, {
    ...{ slot: named("name"), salience: 0.9 },
  }),
  rule("called", `(?:(?i:називай)|(?i:називайте)|(?i:клич)|(?i:кличте)) (?i:мене) ${NAME}`, {
    ...{ slot: named("called"), salience: 0.9 },
  }),
  rule(
    "home",
    `(?i:я) (?:(?i:зараз )|(?i:тепер ))?(?:(?i:живу)|(?i:мешкаю)) (?:(?i:в)|(?i:у)|(?i:на)) ${PLACE}`,
    {
      ...{ slot: named("home"), salience: 0.8 },
    },
  ),
  rule("home", `(?i:я переїха)(?:(?i:в)|(?i:ла)) (?:(?i:до)|(?i:в)|(?i:у)|(?i:на)) ${PLACE}`, {
    ...{ slot: named("home"), salience: 0.8 },
  }),
  rule("origin", `(?i:я) (?:(?i:родом ))?(?:(?i:з)|(?i:із)|(?i:зі)) ${PLACE}`, { slot: named("origin") }),
  rule(
    "named",
    `(?:(?i:мого)|(?i:мою)|(?i:моє)|(?i:мої)|(?i:моїх)) (?<about>[\\p{L}' -]{2,40}?) (?:(?i:звати)|(?i:звуть)) ${NAME}`,
    {
      ...{ slot: (about) => `named ${about}`, salience: 0.7 },
    },
  ),
  rule("birthday", `(?:(?i:мій)|(?i:у мене)) (?i:день народження)(?: [—–-])? ${REST}`, {
    ...{ slot: named("birthday"), accepts: isDate, salience: 0.8 },
  }),
  rule("birthday", `(?i:я народи)(?:(?i:вся)|(?i:лася)) ${REST}`, {
    ...{ slot: named("born"), accepts: isDate, salience: 0.8 },
  }),
  rule("age", `(?i:мені) (?<value>\\d{1,3}) (?:(?i:роки)|(?i:років)|(?i:рік))`, { slot: named("age") }),
  rule("work", `(?i:я працюю) (?!(?i:зараз)|(?i:над)|(?i:сьогодні)|(?i:завтра)|(?i:з )|(?i:до ))${REST}`, {
    ...{ slot: named("work"), accepts: isDefinite, salience: 0.7 },
  }),
  rule("allergy", `(?i:у мене алергія на) ${REST}`, { accepts: isDefinite, salience: 0.9 }),
  rule("diet", `(?i:я)(?: [—–-])? (?<value>(?i:веган)(?:(?i:ка))?|(?i:вегетаріан)(?:(?i:ець)|(?i:ка)))`, {
    ...{ slot: named("diet"), salience: 0.8 },
  }),
  rule(
    "favourite",
    `(?:(?i:мій)|(?i:моя)|(?i:моє)) (?i:улюблен)(?:(?i:ий)|(?i:а)|(?i:е)) (?<about>[\\p{L} ]{2,30}?)(?: [—–-]| (?i:це)| [—–-] (?i:це)) ${REST}`,
    {
      ...{ slot: (about) => `favourite ${about}`, accepts: isDefinite },
    },
  ),
  rule("likes", `(?i:я)(?: (?i:дуже))? (?:(?i:люблю)|(?i:обожнюю)) (?<about>[^?]{2,60})`, {
    ...{ slot: (about) => `taste ${about}`, accepts: isDefinite, value: "likes" },
  }),
  rule("dislikes", `(?i:я)(?: (?i:дуже))? (?:(?i:не люблю)|(?i:ненавиджу)) (?<about>[^?]{2,60})`, {
    ...{ slot: (about) => `taste ${about}`, accepts: isDefinite, value: "dislikes" },
  }),
];

const RULES = [...ENGLISH, ...UKRAINIAN];
const GREETING =
  /^(?:(?:hi|hello|hey|well|so|oh|ok|okay|and|by the way|also|привіт|вітаю|добрий день|ну|а|до речі|також|отже)(?: there| all)?[,!.]? +)+/iu;
const CORRECTION =
  /^(?:no|nope|actually|sorry|correction|i meant|ні|насправді|точніше|вибач|вибачте|помилка)[,.!:]? +/iu;
const REMEMBER =
  /^(?:please,? )?(?:remember(?: that|:)|don't forget(?: that|:)|keep in mind(?: that|:)|запам'ята(?:й|йте),? що|запам'ята(?:й|йте):|не забу(?:дь|дьте),? що) +(?<rest>.{4,180})$/iu;
/** May a text tell something at all? Cheap, for it is asked of every message. */
const HINT =
  /(?<!\p{L})(?:my|i|call me|remember|forget|mind|мене|мені|мій|моя|моє|мої|мого|мою|моїх|я|запам'\p{L}+|забудь\p{L}*)(?!\p{L})/iu;

/** The same of people whom a text names. */
const PEOPLE_HINT =
  /(?<!\p{L})(?:knows|expert|specialist|good|great|ask|can help|знається|розуміється|розбирається|знає)(?!\p{L})/iu;

/** The plain cases that a person's own words tell of that person, and of those whom they name. Few and precise: what is unclear is left out. */
export function plainCases(text: string): readonly PlainCase[] {
  const straight = text.slice(0, MAX_CHARACTERS).replace(/[’ʼ‘`]/g, "'");
  if (!HINT.test(straight) && !PEOPLE_HINT.test(straight)) return [];
  return sentencesOf(straight).flatMap(casesOf);
}

/** Between two things that a person tells of themselves in one sentence. */
const AND_I =
  /,? (?:and|і|й|та) (?=(?:i|i'm|i've|my|я|мене|мені|мій|моя|моє|моїй|мого|мою|у мене)(?![\p{L}']))/iu;

/** What a sentence tells; of one that tells two things both, and nothing where only one of them is plain. */
function casesOf(sentence: string): readonly PlainCase[] {
  const found = caseOf(sentence);
  // Who asks to remember what somebody is to them, tells what they are.
  const people = found === undefined || found.rule === "remember" ? peopleIn(sentence) : [];
  if (people.length > 0) return people;
  if (found !== undefined) return [found];
  const parts = sentence.split(AND_I);
  const told = parts.flatMap((part) => caseOf(part) ?? []);
  return parts.length > 1 && told.length === parts.length ? told : [];
}

/** `no, it is Oleh`: what took the place of what was said before, where nothing else says of what. */
export function correctedValue(text: string): string | undefined {
  if (text.length > MAX_SENTENCE_CHARACTERS) return undefined;
  const straight = text
    .replace(/[’ʼ‘`]/g, "'")
    .trim()
    .replace(/[.!]+$/, "");
  const found =
    /^(?:no|nope|actually|sorry|correction)[,.!:]? +(?:it is|it's|it was|that is|that's|i meant|i mean) +(?<value>[^?]{1,60})$/iu.exec(
      straight,
    ) ??
    /^(?:ні|насправді|точніше|вибач|вибачте|помилка)[,.!:]? +(?:це|то|я ма(?:в|ла) на увазі)(?: [—–-])? +(?<value>[^?]{1,60})$/iu.exec(
      straight,
    );
  const value = found?.groups?.value?.trim();
  if (value === undefined || VAGUE.test(value) || CONTENT.test(value)) return undefined;
  return redactText(value) === value ? value : undefined;
}

/** Sentences that state something; questions and quotations are none of the person's own. */
function sentencesOf(text: string): readonly string[] {
  return text
    .split(/(?<=[.!?…])\s+|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "" && sentence.length <= MAX_SENTENCE_CHARACTERS)
    .filter((sentence) => !/[?]["»”)]*$/u.test(sentence) && !/^[>"«„“]/u.test(sentence))
    .slice(0, MAX_SENTENCES);
}

interface Statement {
  readonly told: string;
  readonly isCorrection: boolean;
  /** What somebody asks to remember. */
  readonly asked: string | undefined;
}

/** A sentence without what comes before its matter; undefined for one with a secret in it. */
function statementIn(sentence: string): Statement | undefined {
  const greeted = sentence.replace(GREETING, "");
  const stated = greeted.replace(CORRECTION, "");
  const asked = REMEMBER.exec(stated)?.groups?.rest;
  const told = asked ?? stated;
  return redactText(told) === told ? { told, isCorrection: stated !== greeted, asked } : undefined;
}

function plainOf(told: string): string {
  return told.replace(/[.!…,;\s]+$/u, "").replace(/\s+/g, " ");
}

function peopleIn(sentence: string): readonly PlainCase[] {
  const statement = statementIn(sentence);
  if (statement === undefined) return [];
  const plain = plainOf(statement.told);
  if (SUPPOSED.test(plain)) return [];
  return peopleCases(plain).map((one) => ofPeople(one, statement.isCorrection));
}

function ofPeople({ text, rule, person, relation, knows }: PeopleCase, isCorrection: boolean): PlainCase {
  const salience = rule === "relation" ? 0.7 : 0.5;
  return { text, rule, salience, isCorrection, kind: "relationship", of: { person, relation, knows } };
}

function caseOf(sentence: string): PlainCase | undefined {
  const statement = statementIn(sentence);
  if (statement === undefined) return undefined;
  const { told, isCorrection, asked } = statement;
  const found = matchOf(told, isCorrection);
  if (found !== undefined || asked === undefined) return found;
  return { text: asSentence(asked), rule: "remember", salience: 0.8, isCorrection };
}

function matchOf(told: string, isCorrection: boolean): PlainCase | undefined {
  const plain = plainOf(told);
  if (SUPPOSED.test(plain)) return undefined;
  for (const { name, pattern, slot, accepts, value, isOfHuman: isOf, salience = DEFAULT_SALIENCE } of RULES) {
    const groups = pattern.exec(plain)?.groups;
    if (groups === undefined) continue;
    const about = (groups.about ?? "").toLowerCase();
    const found = (value ?? groups.value ?? "").trim();
    if (accepts?.(value === undefined ? found : about) === false) continue;
    return {
      ...{ text: asSentence(told), rule: name, salience, isCorrection, value: found },
      ...(slot === undefined ? {} : { slot: slot(about) }),
      ...(isOf?.(about) === true
        ? { kind: "relationship" as const, of: { person: found, relation: about, knows: undefined } }
        : {}),
    };
  }
  return undefined;
}

function asSentence(text: string): string {
  const plain = text.trim().replace(/\s+/g, " ");
  const whole = plain.slice(0, 1).toUpperCase() + plain.slice(1);
  return /[.!…]$/u.test(whole) ? whole : `${whole}.`;
}

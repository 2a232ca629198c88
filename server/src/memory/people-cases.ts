/** What a sentence tells of people among themselves, as rules read it. */
export interface PeopleCase {
  /** In words that are the same whatever sentence told it, so that telling it again is telling the same. */
  readonly text: string;
  readonly rule: "relation" | "expertise";
  /** Whom it is about, by name; absent: whoever says it. */
  readonly person?: string;
  /** What they are to whoever says it: `sister`. */
  readonly relation?: string;
  /** What they can be asked about. */
  readonly knows?: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly language: "en" | "uk";
  readonly about: "relation" | "expertise";
}

const NAME = String.raw`(?<person>\p{Lu}[\p{L}'-]{1,30}(?: \p{Lu}[\p{L}'-]{1,30})?)(?![\p{L}'])`;
const SUBJECT = String.raw`(?<knows>[^?.!,;:]{2,60})`;
/** Humans, and what somebody has one or few of. */
const KIN = [
  "wife|husband|partner|fiancé|fiancée|son|daughter|mother|father|mom|mum|dad|brother|sister|grandmother|grandfather|grandma|grandpa",
  "aunt|uncle|cousin|niece|nephew|stepmother|stepfather|boyfriend|girlfriend|friend|neighbour|neighbor|colleague|boss|manager|teacher",
  "doctor|dentist|lawyer|accountant|coach|flatmate|roommate|classmate|godmother|godfather",
].join("|");
const KIN_UK = [
  "дружина|чоловік|партнер|партнерка|син|донька|дочка|мама|мати|тато|батько|брат|сестра|бабуся|дідусь|тітка|дядько|племінник|племінниця",
  "хлопець|дівчина|друг|подруга|сусід|сусідка|колега|начальник|начальниця|керівник|керівниця|вчитель|вчителька|лікар|лікарка|кум|кума",
].join("|");
const KIND_OF = "(?:best|good|old|older|elder|eldest|young|younger|youngest|little|big|twin|dear) ";
const relation = (kin: string): string => String.raw`(?<relation>(?i:${kin}))`;
const rule = (language: Rule["language"], about: Rule["about"], pattern: string): Rule => ({
  ...{ language, about },
  pattern: new RegExp(pattern, "u"),
});

/** First those that read a whole sentence. */
const RULES: readonly Rule[] = [
  rule("en", "relation", `^${NAME} (?i:is my) (?i:${KIND_OF})?${relation(KIN)}$`),
  rule("en", "relation", `(?<!\\p{L})(?i:my) (?i:${KIND_OF})?${relation(KIN)},? ${NAME}`),
  rule(
    "en",
    "expertise",
    `^${NAME} (?i:knows) (?i:(?:a lot|a great deal|everything|much|all|plenty) )?(?i:about) ${SUBJECT}$`,
  ),
  rule(
    "en",
    "expertise",
    `^${NAME} (?i:is) (?i:an? |the |our |very )?(?i:expert|specialist|good|great) (?i:in|on|at|with|for) ${SUBJECT}$`,
  ),
  rule(
    "en",
    "expertise",
    `^(?i:(?:please |just |better |you can |you should |we can |we should ))*(?i:ask) ${NAME} (?i:about) ${SUBJECT}$`,
  ),
  rule("en", "expertise", `^${NAME} (?i:can help) (?i:you |us |me )?(?i:with) ${SUBJECT}$`),
  rule(
    "en",
    "expertise",
    `^(?i:i know) (?i:a lot|a great deal|everything|all|plenty) (?i:about) ${SUBJECT}$`,
  ),
  rule("en", "expertise", `^(?i:i'm|i am) (?i:an expert|a specialist) (?i:in|on|at|with) ${SUBJECT}$`),
  rule("uk", "relation", `^${NAME}(?: [—–-]|,)? (?i:це )?(?i:моя|мій) ${relation(KIN_UK)}$`),
  rule("uk", "relation", `(?<!\\p{L})(?i:моя|мій) ${relation(KIN_UK)},? ${NAME}`),
  rule(
    "uk",
    "expertise",
    `^${NAME} (?i:(?:добре|чудово|багато|все|усе) )?(?i:знається на|розуміється на|розбирається в|розбирається у|знає про|знає все про|знає багато про) ${SUBJECT}$`,
  ),
  rule(
    "uk",
    "expertise",
    `^(?i:я) (?i:(?:добре|чудово) )?(?i:знаюся на|розуміюся на|розбираюся в|розбираюся у|багато знаю про|все знаю про|знаю все про) ${SUBJECT}$`,
  ),
];

/** Words that begin a sentence, or follow a word for somebody, and are no names. */
const NO_NAME =
  /^(?:he|she|they|we|you|it|everybody|everyone|nobody|no|somebody|someone|anybody|anyone|who|what|which|that|this|these|those|there|here|one|god|heaven|is|was|has|had|said|will|would|and|but|or|my|your|our|his|her|their|the|monday|tuesday|wednesday|thursday|friday|saturday|sunday|він|вона|воно|вони|ми|ви|ти|хто|що|це|ніхто|хтось|усі|всі|кожен|мій|моя|твій|твоя|наш|наша|бог|вчора|сьогодні|завтра)(?![\p{L}'])/iu;
const NO_SUBJECT =
  /^(?:it|that|this|these|those|them|him|her|you|me|us|everything|something|nothing|how|what|when|where|who|why|whether|це|те|його|її|них|нас|вас|мене|тебе|все|усе|як|що|де|коли|хто|чому|чи)(?![\p{L}'])/iu;
const HINT =
  /(?<!\p{L})(?:my|knows?|expert|specialist|good|great|ask|can help|моя|мій|зна\p{L}+|розумі\p{L}+|розбира\p{L}+)(?!\p{L})/iu;

/** What one plain statement, with straight apostrophes and without its last sign, tells of people. Few and precise. */
export function peopleCases(statement: string): readonly PeopleCase[] {
  if (!HINT.test(statement)) return [];
  for (const { pattern, language, about } of RULES) {
    const groups = pattern.exec(statement)?.groups;
    if (groups === undefined) continue;
    const found = about === "relation" ? relationOf(groups, language) : expertiseOf(groups, language);
    if (found !== undefined) return [found];
  }
  return [];
}

type Groups = Readonly<Record<string, string | undefined>>;

function relationOf(groups: Groups, language: Rule["language"]): PeopleCase | undefined {
  const { person = "", relation: said = "" } = groups;
  if (NO_NAME.test(person)) return undefined;
  const relation = said.toLowerCase();
  const text =
    language === "en" ? `${person} is my ${relation}.` : `${person}: це ${ownOf(relation)} ${relation}.`;
  return { text, rule: "relation", person, relation };
}

/** `мій брат`, `моя сестра`: by the ending, as nouns for people are. */
function ownOf(noun: string): string {
  const isHers = /[ая]$|мати$/u.test(noun) && !/^(?:колега)$/u.test(noun);
  return isHers ? "моя" : "мій";
}

function expertiseOf(groups: Groups, language: Rule["language"]): PeopleCase | undefined {
  const { person, knows: said = "" } = groups;
  const knows = said.trim();
  if (NO_SUBJECT.test(knows) || knows.split(" ").length > 8) return undefined;
  if (person === undefined) {
    const text = language === "en" ? `I know a lot about ${knows}.` : `Я знаюся на цьому: ${knows}.`;
    return { text, rule: "expertise", knows };
  }
  if (NO_NAME.test(person)) return undefined;
  const text = language === "en" ? `${person} knows about ${knows}.` : `${person} знається на: ${knows}.`;
  return { text, rule: "expertise", person, knows };
}

/** Days that a text names, from the first instant to the last before the next, UTC milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
/** Texts are read this far; times stand near the beginning of what is asked and told. */
const MAX_CHARACTERS = 1_000;
const MAX_SPANS = 4;

/** A month by the beginning of its name, English and Ukrainian, in all its forms. */
const MONTHS: readonly (readonly [beginning: string, month: number])[] = [
  ...["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"].map(
    (name, month): [string, number] => [name, month],
  ),
  ...["січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру"].map(
    (name, month): [string, number] => [name, month],
  ),
];
const MONTH =
  "(january|february|march|april|may|june|july|august|september|october|november|december|(?:січ|лют|квіт|трав|черв|лип|серп|груд)(?:ень|ня|ні|нем|ем)|лют(?:ий|ого|ому)|берез(?:ень|ня|ні)|верес(?:ень|ня|ні)|жовт(?:ень|ня|ні)|листопад[аі]?)";
const WEEKDAYS: readonly string[] = [
  "sunday|неділ[юія]",
  "monday|понеділ(?:ок|ка)",
  "tuesday|вівтор(?:ок|ка)",
  "wednesday|серед[уиа]",
  "thursday|четвер(?:га)?",
  "friday|п.?ятниц[юіія]",
  "saturday|субот[уиа]",
];
/** First month of a season in the north. */
const SEASONS: readonly (readonly [pattern: string, month: number])[] = [
  ["spring|весн\\p{L}+", 2],
  ["summer|літ(?:о|а|ом|ку)", 5],
  ["autumn|fall|осін\\p{L}*|осен\\p{L}+", 8],
  ["winter|зим\\p{L}+", 11],
];
const NUMBERS: readonly string[] = [
  "0",
  "a|an|one|один|одну|1",
  "two|a couple of|couple of|два|дві|2",
  "three|three|три|3",
  "four|чотири|4",
  "five|п.?ять|5",
  "six|шість|6",
  "seven|сім|7",
];
const UNITS = {
  day: "days?|день|дні|дня|днів",
  week: "weeks?|тиждень|тижні|тижня|тижнів",
  month: "months?|місяць|місяці|місяця|місяців",
  year: "years?|рік|роки|року|років",
} as const;
type Unit = keyof typeof UNITS;

interface Rule {
  readonly pattern: RegExp;
  read(groups: readonly (string | undefined)[], at: number): Span | undefined;
}

const word = (pattern: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`, "iu");
const ORDINAL = "(\\d{1,2})(?:st|nd|rd|th|-?го)?";
const YEAR = "((?:19|20)\\d\\d)";
const NUMBER = `(${NUMBERS.slice(1).join("|")}|\\d{1,2})`;

/** The exact ones first: a text that names a day is not read for its month again. */
const RULES: readonly Rule[] = [
  {
    pattern: word(`${ORDINAL}(?: of)? ${MONTH}(?:,? ?${YEAR})?`),
    read: ([day, month, year], at) => dayOf(Number(day), monthOf(month), year, at),
  },
  {
    pattern: word(`${MONTH} ${ORDINAL}(?:,? ?${YEAR})?`),
    read: ([month, day, year], at) => dayOf(Number(day), monthOf(month), year, at),
  },
  { pattern: word(`${MONTH},? ${YEAR}`), read: ([month, year], at) => monthSpan(monthOf(month), year, at) },
  {
    // "May" alone is a verb more often than not.
    pattern: word(`(?:in|of|by|since|during|until|last|this|early|late|у|в|цього|минулого|з) ${MONTH}`),
    read: ([month], at) => monthSpan(monthOf(month), undefined, at),
  },
  ...SEASONS.map(
    ([season, month]): Rule => ({
      pattern: word(
        `(?:in|last|this|past|during|the|минул\\p{L}+|цього|цієї|у|в)? ?(?:${season})(?: ${YEAR})?`,
      ),
      read: ([year], at) => seasonSpan(month, year, at),
    }),
  ),
  {
    pattern: word("the day before yesterday|позавчора"),
    read: (_groups, at) => daysBefore(at, 2, 2),
  },
  { pattern: word("yesterday|last night|вчора|учора"), read: (_groups, at) => daysBefore(at, 1, 1) },
  {
    pattern: word("today|tonight|this (?:morning|evening|afternoon)|сьогодні"),
    read: (_groups, at) => daysBefore(at, 0, 0),
  },
  ...(Object.keys(UNITS) as Unit[]).flatMap((unit): Rule[] => [
    {
      pattern: word(`${NUMBER} (?:${UNITS[unit]}) (?:ago|earlier|тому)`),
      read: ([number], at) => before(at, numberOf(number), unit),
    },
    {
      pattern: word(`(?:last|past|previous|минул\\p{L}+) (?:${UNITS[unit]})`),
      read: (_groups, at) => before(at, 1, unit),
    },
  ]),
  {
    pattern: word("(?:last|past|this past|the) weekend|(?:на )?(?:минулих )?вихідних"),
    read: (_groups, at) => daysBefore(at, 9, 1),
  },
  ...WEEKDAYS.map(
    (weekday, day): Rule => ({
      pattern: word(`(?:last |past |on |this |минул\\p{L}+ |у |в )(?:${weekday})`),
      read: (_groups, at) => {
        const since = (new Date(at).getUTCDay() - day + 7) % 7 || 7;
        return daysBefore(at, since, since);
      },
    }),
  ),
  {
    pattern: word(`(?:in|of|during|since|by|у|в|за) ${YEAR}(?: р\\p{L}*)?`),
    read: ([year]) => ({ from: Date.UTC(Number(year), 0, 1), to: Date.UTC(Number(year) + 1, 0, 1) }),
  },
];

/** Every rule needs one of these; most texts hold none, and are read no further. */
const CUE = new RegExp(
  `\\d|${[MONTH, ...WEEKDAYS, ...SEASONS.map(([season]) => season)].join("|")}|ago|earlier|last|past|previous|this|today|tonight|yesterday|weekend|вихідн|тому|минул|вчора|учора|сьогодні`,
  "iu",
);

/** The times that a text names, as somebody means them who says it at `at`; the past is meant where both could be. */
export function spansOf(text: string, at: number): readonly Span[] {
  const spans: Span[] = [];
  if (!CUE.test(text)) return spans;
  let rest = text.slice(0, MAX_CHARACTERS);
  for (const { pattern, read } of RULES) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const span = read(match.slice(1), at);
    if (span === undefined) continue;
    spans.push(span);
    if (spans.length === MAX_SPANS) break;
    rest = `${rest.slice(0, match.index)} . ${rest.slice(match.index + match[0].length)}`;
  }
  return spans;
}

function monthOf(name: string | undefined): number {
  const lower = String(name).toLowerCase();
  return MONTHS.find(([beginning]) => lower.startsWith(beginning))?.[1] ?? 0;
}

function numberOf(text: string | undefined): number {
  const known = NUMBERS.findIndex((names) => names.split("|").includes(String(text).toLowerCase()));
  return known > 0 ? known : Number(text);
}

function startOfDay(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}

function daysBefore(at: number, first: number, last: number): Span {
  const today = startOfDay(at);
  return { from: today - first * DAY_MS, to: today - (last - 1) * DAY_MS };
}

/** Of the year that is said, or the last time there was such a day. */
function dayOf(day: number, month: number, year: string | undefined, at: number): Span | undefined {
  if (day < 1 || day > 31) return undefined;
  const said = Number(year ?? new Date(at).getUTCFullYear());
  const from = Date.UTC(said, month, day);
  const meant = year === undefined && from > at ? Date.UTC(said - 1, month, day) : from;
  return { from: meant, to: meant + DAY_MS };
}

function monthSpan(month: number, year: string | undefined, at: number): Span {
  const said = Number(year ?? new Date(at).getUTCFullYear());
  const meant = year === undefined && Date.UTC(said, month, 1) > at ? said - 1 : said;
  return { from: Date.UTC(meant, month, 1), to: Date.UTC(meant, month + 1, 1) };
}

function seasonSpan(month: number, year: string | undefined, at: number): Span {
  const said = Number(year ?? new Date(at).getUTCFullYear());
  const meant = year === undefined && Date.UTC(said, month, 1) > at ? said - 1 : said;
  return { from: Date.UTC(meant, month, 1), to: Date.UTC(meant, month + 3, 1) };
}

/** People round: two weeks ago is a week around that day. */
function before(at: number, count: number, unit: Unit): Span {
  if (unit === "day") return daysBefore(at, count, count);
  if (unit === "week") return daysBefore(at, count * 7 + 4, count * 7 - 4);
  const then = new Date(at);
  if (unit === "month") {
    const from = Date.UTC(then.getUTCFullYear(), then.getUTCMonth() - count, 1);
    return { from, to: Date.UTC(then.getUTCFullYear(), then.getUTCMonth() - count + 1, 1) };
  }
  const from = Date.UTC(then.getUTCFullYear() - count, 0, 1);
  return { from, to: Date.UTC(then.getUTCFullYear() - count + 1, 0, 1) };
}

/** What was done in a span is told in it or soon after: a week, or a third of a longer one. */
export function isToldIn(createdAt: number, { from, to }: Span): boolean {
  return (
    createdAt >= from && createdAt < to + (to - from <= DAY_MS ? 0 : Math.max(7 * DAY_MS, (to - from) / 3))
  );
}

export function doOverlap(one: Span, other: Span): boolean {
  return one.from < other.to && other.from < one.to;
}

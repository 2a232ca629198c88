/** Words of times, English and Ukrainian together: no word means different things in the two. Apostrophes are '. */

/** Seconds of one. */
export const UNITS: ReadonlyMap<string, number> = spelled([
  [1, "second seconds sec secs секунда секунду секунди секунд сек"],
  [60, "minute minutes min mins хвилина хвилину хвилини хвилин хв"],
  [3_600, "hour hours hr hrs h година годину години годин год"],
  [86_400, "day days d день дні днів дня добу доби діб"],
  [604_800, "week weeks тиждень тижні тижнів тижня"],
]);

/** As they stand right behind a number: `10m`. */
export const SHORT_UNITS: ReadonlyMap<string, number> = new Map([
  ...UNITS,
  ["s", 1],
  ["m", 60],
  ["г", 3_600],
]);

export const NUMBERS: ReadonlyMap<string, number> = spelled([
  [1, "a an one один одну одна одне"],
  [2, "two couple два дві"],
  [3, "three три"],
  [4, "four чотири"],
  [5, "five п'ять"],
  [6, "six шість"],
  [7, "seven сім"],
  [8, "eight вісім"],
  [9, "nine дев'ять"],
  [10, "ten десять"],
  [11, "eleven одинадцять"],
  [12, "twelve дванадцять"],
  [15, "fifteen п'ятнадцять"],
  [20, "twenty двадцять"],
  [30, "thirty тридцять"],
  [40, "forty сорок"],
  [45, "forty-five сорок-п'ять"],
  [60, "sixty шістдесят"],
  [90, "ninety дев'яносто"],
]);

/** 0 is Sunday, as in cron patterns. */
export const WEEKDAYS: ReadonlyMap<string, number> = spelled([
  [1, "monday понеділок понеділка понеділку"],
  [2, "tuesday вівторок вівторка вівторку"],
  [3, "wednesday середа середу середи"],
  [4, "thursday четвер четверга"],
  [5, "friday п'ятниця п'ятницю п'ятниці"],
  [6, "saturday субота суботу суботи"],
  [0, "sunday неділя неділю неділі"],
]);

/** One word for every one of them. */
export const EVERY_WEEKDAY: ReadonlyMap<string, number> = spelled([
  [1, "mondays щопонеділка понеділках"],
  [2, "tuesdays щовівторка вівторках"],
  [3, "wednesdays щосереди середах"],
  [4, "thursdays щочетверга четвергах"],
  [5, "fridays щоп'ятниці п'ятницях"],
  [6, "saturdays щосуботи суботах"],
  [0, "sundays щонеділі неділях"],
]);

export const MONTHS: ReadonlyMap<string, number> = spelled([
  [1, "january січня"],
  [2, "february лютого"],
  [3, "march березня"],
  [4, "april квітня"],
  [5, "may травня"],
  [6, "june червня"],
  [7, "july липня"],
  [8, "august серпня"],
  [9, "september вересня"],
  [10, "october жовтня"],
  [11, "november листопада"],
  [12, "december грудня"],
]);

/** Hours as words; whole hours of a clock, behind "at". */
export const SPOKEN_HOURS: ReadonlyMap<string, number> = spelled([
  [1, "one першій"],
  [2, "two другій"],
  [3, "three третій"],
  [4, "four четвертій"],
  [5, "five п'ятій"],
  [6, "six шостій"],
  [7, "seven сьомій"],
  [8, "eight восьмій"],
  [9, "nine дев'ятій"],
  [10, "ten десятій"],
  [11, "eleven одинадцятій"],
  [12, "twelve дванадцятій"],
]);

/** Parts of a day, and the hour that is meant where none is said. */
export const PARTS: ReadonlyMap<string, number> = spelled([
  [9, "morning вранці зранку ранком"],
  [14, "afternoon вдень удень"],
  [19, "evening ввечері увечері"],
  [20, "tonight"],
  [22, "night"],
]);

export const HOURS: ReadonlyMap<string, number> = spelled([
  [12, "noon midday опівдні"],
  [0, "midnight опівночі"],
]);

export const DAYS: ReadonlyMap<string, number> = spelled([
  [0, "today tonight сьогодні"],
  [1, "tomorrow завтра"],
  [2, "післязавтра"],
]);

export const AT: ReadonlySet<string> = new Set(["at", "о", "об"]);
export const IN: ReadonlySet<string> = new Set(["in", "за", "через"]);
export const ON: ReadonlySet<string> = new Set(["on", "у", "в", "на"]);
export const NEXT: ReadonlySet<string> = new Set([
  "next",
  "наступного",
  "наступної",
  "наступну",
  "наступний",
]);
export const THIS: ReadonlySet<string> = new Set(["this", "цього", "цю", "цієї"]);
export const AND: ReadonlySet<string> = new Set(["and", "і", "й", "та"]);
export const HALF: ReadonlySet<string> = new Set(["half", "пів"]);
export const EVERY: ReadonlySet<string> = new Set([
  ...["every", "each", "кожні", "кожен", "кожного", "кожної", "кожну", "кожний", "кожне", "кожних"],
]);

/** One word for a repetition. */
export const REPEATED: ReadonlyMap<
  string,
  "hour" | "minute" | "day" | "morning" | "evening" | "workday" | "week" | "month"
> = new Map([
  ...pairs("hour", "hourly щогодини"),
  ...pairs("minute", "щохвилини"),
  ...pairs("day", "daily щодня"),
  ...pairs("morning", "щоранку"),
  ...pairs("evening", "щовечора"),
  ...pairs("workday", "щобудня"),
  ...pairs("week", "weekly щотижня"),
  ...pairs("month", "monthly щомісяця"),
]);

/** What may stand behind "every" and is no unit with a length alone. */
export const KINDS: ReadonlyMap<
  string,
  "day" | "morning" | "evening" | "workday" | "weekend" | "week" | "month"
> = new Map([
  ...pairs("day", "day день дня"),
  ...pairs("morning", "morning ранку ранок"),
  ...pairs("evening", "evening night вечора вечір"),
  ...pairs("workday", "weekday workday будня будень"),
  ...pairs("weekend", "weekend вихідні вихідних"),
  ...pairs("week", "week тиждень тижня"),
  ...pairs("month", "month місяць місяця"),
]);

/** Hours of a half-day clock. */
export const MERIDIEM: ReadonlyMap<string, "am" | "pm"> = new Map([
  ...pairs("am", "am ранку ночі"),
  ...pairs("pm", "pm вечора дня"),
]);

function spelled(rows: readonly (readonly [number, string])[]): ReadonlyMap<string, number> {
  return new Map(rows.flatMap(([value, words]) => pairs(value, words)));
}

function pairs<Value extends string | number>(value: Value, words: string): [string, Value][] {
  return words.split(" ").map((word): [string, Value] => [word, value]);
}

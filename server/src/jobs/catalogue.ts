import type { Job } from "@troupe/contracts";

/** What jobs say to people, in their languages. `{name}` is filled in. */
const ENGLISH = {
  "run.reminder": "Scheduled: {title}",
  "run.withheld": "Scheduled before somebody joined",
  "reminder.said": "Reminder: {text}",
  "withheld.said":
    "something that was asked for here before somebody joined. I tell it to those who know of it: ask me for my jobs in private, or ask for it here anew.",
  "made.once": 'Done: "{title}" on {when}.',
  "made.often": 'Done: "{title}", {how}; first on {when}.',
  "made.quiet": "That is in your quiet hours, so it waits until {when}.",
  "made.blocked": 'Done: "{title}". It waits for other jobs first.',
  "remind.made": "I will remind you on {when}: {text}",
  "failed.title": 'The job "{title}" was given up',
  "failed.text":
    '"{title}" did not succeed, and is not tried again: {reason}\n\n`./troupe job show {id}` tells more.',
  "failed.noReason": "its turn failed.",
  changed: '"{title}" is changed. {state}',
  paused: '"{title}" is paused.',
  resumed: '"{title}" goes on. {state}',
  cancelled: '"{title}" is cancelled.',
  next: "Next on {when}.",
  "ask.what": "What should I remind you of? Say, for example: in 10 minutes to stretch.",
  "ask.which": "Which one? Give its number in the list, or its title.",
  "ask.when": "When? Say, for example: in 10 minutes, tomorrow at 9, every Monday at 8.",
  "when.unread":
    'I cannot read "{when}" as a time. Say, for example: in 10 minutes, tomorrow at 9, every Monday at 8, or 2026-11-21 18:30.',
  "list.none": 'There are no jobs. Say "remind me in 10 minutes to stretch" to make one.',
  "list.head": "Jobs: {count}",
  "how.cron": "by the pattern {cron}",
  "how.daily": "every day at {time}",
  "how.workdays": "Monday to Friday at {time}",
  "how.weekdays": "every {days} at {time}",
  "how.monthly": "on day {day} of every month at {time}",
  "how.minutes": "every {minutes} minutes",
  "how.minute": "every minute",
  "how.hours": "every {hours} hours",
  "how.hour": "every hour",
  "how.days": "every {days} days",
  "how.day": "every day",
  "how.until": "until {condition}",
  "over.title": "“{title}” has ended",
  "until.holds": "What it waited for holds: {condition}.",
  "until.not": "What it waits for does not hold yet: {condition}.",
  "state.pending": "waiting",
  "state.active": "active",
  "state.running": "running",
  "state.paused": "paused",
  "state.completed": "completed",
  "state.failed": "failed",
  "state.cancelled": "cancelled",
  "state.blocked": "blocked",
};

export type JobText = keyof typeof ENGLISH;

const UKRAINIAN: Readonly<Record<JobText, string>> = {
  "run.reminder": "За розкладом: {title}",
  "run.withheld": "За розкладом, створеним до появи когось нового",
  "reminder.said": "Нагадування: {text}",
  "withheld.said":
    "дещо, про що просили тут до появи когось нового. Я розповім це тим, хто про це знає: спитайте про завдання в особистій розмові або попросіть про це тут наново.",
  "made.once": "Готово: «{title}», {when}.",
  "made.often": "Готово: «{title}», {how}; уперше {when}.",
  "made.quiet": "Це у ваші тихі години, тож зачекає до {when}.",
  "made.blocked": "Готово: «{title}». Спершу чекатиме на інші завдання.",
  "remind.made": "Нагадаю {when}: {text}",
  "failed.title": "Завдання «{title}» не вдалося",
  "failed.text":
    "«{title}» не вдалося, і нових спроб не буде: {reason}\n\nДокладніше: `./troupe job show {id}`.",
  "failed.noReason": "хід не вдався.",
  changed: "Завдання «{title}» змінено. {state}",
  paused: "Завдання «{title}» призупинено.",
  resumed: "Завдання «{title}» знову діє. {state}",
  cancelled: "Завдання «{title}» скасовано.",
  next: "Наступного разу {when}.",
  "ask.what": "Про що нагадати? Скажіть, наприклад: за 10 хвилин розімʼятися.",
  "ask.which": "Котре? Назвіть номер зі списку або назву.",
  "ask.when": "Коли? Скажіть, наприклад: за 10 хвилин, завтра о 9, щопонеділка о 8.",
  "when.unread":
    "Не можу прочитати «{when}» як час. Скажіть, наприклад: за 10 хвилин, завтра о 9, щопонеділка о 8 або 2026-11-21 18:30.",
  "list.none": "Завдань немає. Скажіть «нагадай мені за 10 хвилин розімʼятися», і воно зʼявиться.",
  "list.head": "Завдань: {count}",
  "how.cron": "за шаблоном {cron}",
  "how.daily": "щодня о {time}",
  "how.workdays": "з понеділка до пʼятниці о {time}",
  "how.weekdays": "щотижня ({days}) о {time}",
  "how.monthly": "щомісяця, {day} числа, о {time}",
  "how.minutes": "кожні {minutes} хв",
  "how.minute": "щохвилини",
  "how.hours": "кожні {hours} год",
  "how.hour": "щогодини",
  "how.days": "кожні {days} дн.",
  "how.day": "щодня",
  "how.until": "доки не справдиться: {condition}",
  "over.title": "Завдання «{title}» завершено",
  "until.holds": "Справдилося те, чого воно чекало: {condition}.",
  "until.not": "Ще не справдилося те, чого воно чекає: {condition}.",
  "state.pending": "чекає",
  "state.active": "діє",
  "state.running": "виконується",
  "state.paused": "призупинено",
  "state.completed": "виконано",
  "state.failed": "не вдалося",
  "state.cancelled": "скасовано",
  "state.blocked": "заблоковано",
};

/** A sentence in the language: `uk`, or English for every other. */
export function tellJob(
  language: string,
  key: JobText,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const text = language.startsWith("uk") ? UKRAINIAN[key] : ENGLISH[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** `21 November 2026, 18:30 (Europe/Kyiv)`. */
export function whenText(language: string, { at, zone }: Job["next"]): string {
  const format = new Intl.DateTimeFormat(language.startsWith("uk") ? "uk" : "en-GB", {
    ...{ timeZone: zone, day: "numeric", month: "long", year: "numeric" },
    ...{ hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  return `${of("day")} ${of("month")} ${of("year")}, ${of("hour")}:${of("minute")} (${zone})`;
}

/** `every 2 hours`, `every Monday at 08:00`, `by the pattern 0 8 1 1 *`. */
export function howText(language: string, { schedule }: Job["spec"]): string {
  if (schedule.cron !== undefined) return patternText(language, schedule.cron);
  const minutes = Math.round((schedule.everyMs ?? 0) / 60_000);
  if (minutes % 1_440 === 0) return counted(language, "day", minutes / 1_440);
  if (minutes % 60 === 0) return counted(language, "hour", minutes / 60);
  return counted(language, "minute", minutes);
}

/** Days of a week, or of a month, at one time of day; all other patterns are shown as they are. */
const SIMPLE = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|1-5|[0-6](?:,[0-6])*)$/;

function patternText(language: string, cron: string): string {
  const [, minute = "", hour = "", monthDay = "*", weekdays = "*"] = SIMPLE.exec(cron) ?? [];
  if (minute === "" || (monthDay !== "*" && weekdays !== "*")) return tellJob(language, "how.cron", { cron });
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (monthDay !== "*") return tellJob(language, "how.monthly", { day: monthDay, time });
  if (weekdays === "*") return tellJob(language, "how.daily", { time });
  if (weekdays === "1-5") return tellJob(language, "how.workdays", { time });
  return tellJob(language, "how.weekdays", { days: dayNames(language, weekdays), time });
}

function dayNames(language: string, weekdays: string): string {
  const tag = language.startsWith("uk") ? "uk" : "en-GB";
  const format = new Intl.DateTimeFormat(tag, { weekday: "long", timeZone: "UTC" });
  // 1 November 2026 is a Sunday.
  const names = weekdays.split(",").map((day) => format.format(Date.UTC(2026, 10, 1 + Number(day))));
  return new Intl.ListFormat(tag, { type: "conjunction" }).format(names);
}

function counted(language: string, unit: "day" | "hour" | "minute", count: number): string {
  return count === 1
    ? tellJob(language, `how.${unit}`)
    : tellJob(language, `how.${unit}s`, { [`${unit}s`]: count });
}

/** What a job was made as. */
export function madeText(language: string, { spec, state, next }: Job): string {
  const { title } = spec;
  if (state === "blocked") return tellJob(language, "made.blocked", { title });
  const when = whenText(language, next);
  if (spec.kind !== "one_off")
    return tellJob(language, "made.often", { title, when, how: howText(language, spec) });
  if (spec.work.kind === "reminder") return tellJob(language, "remind.made", { when, text: spec.work.text });
  return tellJob(language, "made.once", { title, when });
}

/** One line of a list. */
export function lineText(language: string, { spec, state, next }: Job): string {
  const { condition } = spec.until ?? {};
  const about = [
    tellJob(language, `state.${state}`),
    ...(spec.kind === "one_off" ? [] : [howText(language, spec)]),
    ...(condition === undefined ? [] : [tellJob(language, "how.until", { condition })]),
  ];
  const then = state === "pending" || state === "active" ? `: ${whenText(language, next)}` : "";
  return `${spec.title} (${about.join(", ")})${then}`;
}

import type { Job } from "@troupe/contracts";

/** What jobs say to people, in their languages. `{name}` is filled in. */
const ENGLISH = {
  "run.reminder": "Scheduled: {title}",
  "reminder.said": "Reminder: {text}",
  "made.once": 'Done: "{title}" on {when}.',
  "made.often": 'Done: "{title}", {how}; first on {when}.',
  "made.blocked": 'Done: "{title}". It waits for other jobs first.',
  "remind.made": "I will remind you on {when}: {text}",
  changed: '"{title}" is changed. {state}',
  paused: '"{title}" is paused.',
  resumed: '"{title}" goes on. {state}',
  cancelled: '"{title}" is cancelled.',
  next: "Next on {when}.",
  "list.none": 'There are no jobs. Say "remind me in 10 minutes to stretch" to make one.',
  "list.head": "{count} jobs:",
  "how.cron": "by the pattern {cron}",
  "how.minutes": "every {minutes} minutes",
  "how.minute": "every minute",
  "how.hours": "every {hours} hours",
  "how.hour": "every hour",
  "how.days": "every {days} days",
  "how.day": "every day",
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
  "reminder.said": "Нагадування: {text}",
  "made.once": "Готово: «{title}», {when}.",
  "made.often": "Готово: «{title}», {how}; уперше {when}.",
  "made.blocked": "Готово: «{title}». Спершу чекатиме на інші завдання.",
  "remind.made": "Нагадаю {when}: {text}",
  changed: "Завдання «{title}» змінено. {state}",
  paused: "Завдання «{title}» призупинено.",
  resumed: "Завдання «{title}» знову діє. {state}",
  cancelled: "Завдання «{title}» скасовано.",
  next: "Наступного разу {when}.",
  "list.none": "Завдань немає. Скажіть «нагадай мені за 10 хвилин розімʼятися», і воно зʼявиться.",
  "list.head": "Завдань: {count}",
  "how.cron": "за шаблоном {cron}",
  "how.minutes": "кожні {minutes} хв",
  "how.minute": "щохвилини",
  "how.hours": "кожні {hours} год",
  "how.hour": "щогодини",
  "how.days": "кожні {days} дн.",
  "how.day": "щодня",
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

/** `every 2 hours`, `by the pattern 0 8 * * 1-5`. */
export function howText(language: string, { schedule }: Job["spec"]): string {
  if (schedule.cron !== undefined) return tellJob(language, "how.cron", { cron: schedule.cron });
  const minutes = Math.round((schedule.everyMs ?? 0) / 60_000);
  if (minutes % 1_440 === 0) return counted(language, "day", minutes / 1_440);
  if (minutes % 60 === 0) return counted(language, "hour", minutes / 60);
  return counted(language, "minute", minutes);
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
export function lineText(language: string, { id, spec, state, next }: Job): string {
  const how = spec.kind === "one_off" ? "" : `, ${howText(language, spec)}`;
  const then = state === "pending" || state === "active" ? `: ${whenText(language, next)}` : "";
  return `- ${spec.title} (${tellJob(language, `state.${state}`)}${how})${then} [${id}]`;
}

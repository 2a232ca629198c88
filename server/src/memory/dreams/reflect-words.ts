import type { MemoryRecord } from "@troupe/contracts";
import { dayOf, type Language } from "../../kit/index.ts";
import type { Change } from "./changes.ts";
import type { Habit } from "./habits.ts";

const MOST_ANSWERS = 6;

const WEEKDAYS: Readonly<Record<Language, readonly string[]>> = {
  en: ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays"],
  uk: ["Щонеділі", "Щопонеділка", "Щовівторка", "Щосереди", "Щочетверга", "Щоп'ятниці", "Щосуботи"],
};

/** `On Fridays asks such as "When does the train to Lviv leave?", on 4 days since 2026-10-30.` */
export function habitText(language: Language, { weekday, name, uses }: Habit): string {
  const since = dayOf(uses[0]?.at ?? 0);
  const question = uses.at(-1)?.question ?? "";
  const days = uses.length;
  if (weekday === undefined)
    return language === "uk"
      ? `Часто питає про «${name}»: різних днів ${days} від ${since}.`
      : `Often asks about "${name}": on ${days} days since ${since}.`;
  const when = WEEKDAYS[language][weekday] ?? "";
  return language === "uk"
    ? `${when} питає таке, як «${question}»: ${timesText(language, days)} від ${since}.`
    : `On ${when} asks such as "${question}", on ${days} days since ${since}.`;
}

/** `Work changed twice since 2026-03-02: a baker, then a teacher, then a nurse.` */
export function changeText(language: Language, { about, answers }: Change): string {
  const told = answers.slice(-MOST_ANSWERS).map(({ attributes }) => String(attributes.value));
  const times = timesText(language, answers.length - 1);
  const since = dayOf((answers[0] as MemoryRecord).recordedAt);
  const label = labelOf(language, about);
  return language === "uk"
    ? `${label}: змінилося ${times} від ${since}: ${told.join(", потім ")}.`
    : `${label} changed ${times} since ${since}: ${told.join(", then ")}.`;
}

const UKRAINIAN_LABELS: Readonly<Record<string, string>> = {
  ...{ home: "Домівка", work: "Робота", diet: "Харчування" },
};

function labelOf(language: Language, about: string): string {
  const [what = "", ...rest] = about.split(" ");
  const of = rest.join(" ");
  if (language === "uk") {
    const known = { named: "Ім'я", favourite: "Улюблене", taste: "Смак" }[what];
    if (known !== undefined && of !== "") return `${known} (${of})`;
    return UKRAINIAN_LABELS[about] ?? `«${about}»`;
  }
  if (what === "named" && of !== "") return `The name of the ${of}`;
  if (what === "taste" && of !== "") return `The taste for ${of}`;
  return about.slice(0, 1).toUpperCase() + about.slice(1);
}

function timesText(language: Language, count: number): string {
  if (language === "en") return count === 2 ? "twice" : `${count} times`;
  if (count === 2) return "двічі";
  const isFew = count % 10 >= 2 && count % 10 <= 4 && !(count % 100 >= 12 && count % 100 <= 14);
  return `${count} ${isFew ? "рази" : "разів"}`;
}

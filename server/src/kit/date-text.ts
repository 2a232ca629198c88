import type { Language } from "./language.ts";

/** `22 November, 00:00 UTC` in the language. */
export function dateText(language: Language, ms: number): string {
  const format = new Intl.DateTimeFormat(language === "uk" ? "uk" : "en-GB", {
    ...{ day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    timeZone: "UTC",
  });
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const [day, month, hour, minute] = ["day", "month", "hour", "minute"].map((name) =>
    parts.get(name as Intl.DateTimeFormatPartTypes),
  );
  return `${day} ${month}, ${hour}:${minute} UTC`;
}

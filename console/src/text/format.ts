import type { Language } from "../words/index.ts";

/** `820 ms`, `1.3 s`, `2 min 5 s`, in the person's language. */
export function durationText(ms: number, language: Language): string {
  const unit = (value: number, name: string, digits = 0): string =>
    new Intl.NumberFormat(language, {
      style: "unit",
      unit: name,
      unitDisplay: "short",
      maximumFractionDigits: digits,
    }).format(value);
  if (ms < 1_000) return unit(Math.round(ms), "millisecond");
  if (ms < 60_000) return unit(ms / 1_000, "second", 1);
  const seconds = Math.round(ms / 1_000);
  return `${unit(Math.floor(seconds / 60), "minute")} ${unit(seconds % 60, "second")}`;
}

export function countText(value: number, language: Language): string {
  return new Intl.NumberFormat(language).format(value);
}

/** `640 kB`, `20 MB`. */
export function sizeText(bytes: number, language: Language): string {
  const [unit, by] = bytes < 1_000 ? ["byte", 1] : bytes < 1_000_000 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: String(unit),
    unitDisplay: "short",
    maximumFractionDigits: bytes < 10_000_000 ? 1 : 0,
  }).format(bytes / Number(by));
}

/** Millionths of a US dollar as dollars; small amounts keep what makes them more than nothing. */
export function moneyText(microUsd: number, language: Language): string {
  const digits = microUsd < 1_000_000 ? { maximumSignificantDigits: 2 } : {};
  return new Intl.NumberFormat(language, { style: "currency", currency: "USD", ...digits }).format(
    microUsd / 1_000_000,
  );
}

export function timeText(at: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function momentText(at: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(at);
}

export type Age = "today" | "yesterday" | "week" | "month" | "older";

/** In which group of a list something of that time stands, by the person's calendar. */
export function ageOf(at: number, now: number): Age {
  const midnight = new Date(now);
  midnight.setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight.getTime() - at) / 86_400_000);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days <= 7) return "week";
  return days <= 31 ? "month" : "older";
}

/** Markdown as it is read aloud: without its signs, and code by its name alone. */
export function spokenText(markdown: string, code: string): string {
  return markdown
    .replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1[`~]*[ \t]*$|$(?![\s\S]))/gm, ` ${code} `)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*_~]+/g, "")
    .replace(/[#>|]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

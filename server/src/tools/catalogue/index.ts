import type { Language } from "../../kit/index.ts";
import { en } from "./en.ts";
import { uk } from "./uk.ts";

export type ToolText = keyof typeof en;

const CATALOGUES: Readonly<Record<Language, Readonly<Record<ToolText, string>>>> = { en, uk };

/** The catalogue's language for a BCP 47 tag; English where there is none. */
export function languageOf(tag: string): Language {
  return tag.toLowerCase().split("-")[0] === "uk" ? "uk" : "en";
}

/** A sentence in the language of the tag, its `{names}` filled from `values`. */
export function tell(
  tag: string,
  key: ToolText,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return CATALOGUES[languageOf(tag)][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}

/** `2026-11-20`, the day on which something was said, in UTC. */
export function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

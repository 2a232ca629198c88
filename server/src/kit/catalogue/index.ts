import type { Language } from "../language.ts";
import { en } from "./en.ts";
import { uk } from "./uk.ts";

export type CatalogueKey = keyof typeof en;

const CATALOGUES: Readonly<Record<Language, Readonly<Record<CatalogueKey, string>>>> = { en, uk };

/** A sentence in the language, its `{names}` filled from `values`. */
export function say(
  language: Language,
  key: CatalogueKey,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return CATALOGUES[language][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}

import { createContext, useContext } from "react";
import { en, type Words } from "./en.ts";
import { uk } from "./uk.ts";

export type { Words } from "./en.ts";

export type Language = "en" | "uk";

export const CATALOGUES: Readonly<Record<Language, Words>> = { en, uk };
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", uk: "Українська" };

export const WordsContext = createContext<{ readonly language: Language; readonly words: Words }>({
  language: "en",
  words: en,
});

export function useWords(): Words {
  return useContext(WordsContext).words;
}

export function useLanguage(): Language {
  return useContext(WordsContext).language;
}

/** The first of the languages that people asked for which has a catalogue. */
export function preferredLanguage(asked: readonly string[]): Language {
  for (const tag of asked) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language === "en" || language === "uk") return language;
  }
  return "en";
}

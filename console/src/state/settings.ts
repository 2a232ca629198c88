import { type Language, preferredLanguage } from "../words/index.ts";
import { createStore, type Store } from "./store.ts";

export type Theme = "system" | "light" | "dark";

export interface Settings {
  readonly theme: Theme;
  /** Undefined: what the browser asks for. */
  readonly language: Language | undefined;
}

const KEY = "troupe.settings";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** Settings of this browser alone. Storage that is full or forbidden only means that they are forgotten. */
export function createSettings(storage: Pick<Storage, "getItem" | "setItem"> | undefined): Store<Settings> {
  const store = createStore<Settings>(read(storage));
  store.subscribe(() => {
    try {
      storage?.setItem(KEY, JSON.stringify(store.get()));
    } catch {
      // Forgotten with the page.
    }
  });
  return store;
}

function read(storage: Pick<Storage, "getItem"> | undefined): Settings {
  try {
    const kept = JSON.parse(storage?.getItem(KEY) ?? "{}") as Partial<Settings>;
    return {
      theme: THEMES.find((theme) => theme === kept.theme) ?? "system",
      language: kept.language === "en" || kept.language === "uk" ? kept.language : undefined,
    };
  } catch {
    return { theme: "system", language: undefined };
  }
}

export function languageOf(settings: Settings): Language {
  return settings.language ?? preferredLanguage(navigator.languages);
}

export function localStorageOrNone(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

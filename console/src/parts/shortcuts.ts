import { useEffect } from "react";
import type { Words } from "../words/index.ts";

export type ShortcutName = "search" | "newChat" | "settings" | "before" | "after";

interface Shortcut {
  readonly keys: readonly string[];
  readonly isIt: (event: KeyboardEvent) => boolean;
}

const IS_MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const MAIN = IS_MAC ? "⌘" : "Ctrl";

const hasMain = (event: KeyboardEvent): boolean => (IS_MAC ? event.metaKey : event.ctrlKey);

/** None is a single letter: those are for writing, and for people who speak to their machine. Source: WCAG 2.1.4. */
const SHORTCUTS: Readonly<Record<ShortcutName, Shortcut>> = {
  search: { keys: [MAIN, "K"], isIt: (event) => hasMain(event) && !event.shiftKey && event.code === "KeyK" },
  newChat: {
    keys: [MAIN, "Shift", "O"],
    isIt: (event) => hasMain(event) && event.shiftKey && event.code === "KeyO",
  },
  settings: { keys: [MAIN, "/"], isIt: (event) => hasMain(event) && event.key === "/" },
  before: { keys: ["Alt", "↑"], isIt: (event) => event.altKey && event.key === "ArrowUp" },
  after: { keys: ["Alt", "↓"], isIt: (event) => event.altKey && event.key === "ArrowDown" },
};

const NAMES = Object.keys(SHORTCUTS) as ShortcutName[];

/** Runs what belongs to a shortcut, wherever the focus is but in a dialog. */
export function useShortcuts(run: (name: ShortcutName) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const name = NAMES.find((one) => SHORTCUTS[one].isIt(event));
      if (name === undefined || document.querySelector("dialog[open]") !== null) return;
      event.preventDefault();
      run(name);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [run]);
}

/** All keys that do something, for the list that people read. */
export function shortcutList(
  words: Words,
): readonly { readonly keys: readonly string[]; readonly does: string }[] {
  return [
    { keys: ["Enter"], does: words.shortcuts.send },
    { keys: ["Shift", "Enter"], does: words.shortcuts.line },
    { keys: ["/"], does: words.shortcuts.commands },
    { keys: ["Esc"], does: words.shortcuts.stop },
    ...NAMES.map((name) => ({ keys: SHORTCUTS[name].keys, does: words.shortcuts[name] })),
  ];
}

import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useState } from "react";
import { chatApi } from "../api/chat.ts";
import type { CommandCard } from "../api/types.ts";
import { useLanguage, useWords } from "../words/index.ts";

export interface CommandMenuState {
  readonly isOpen: boolean;
  readonly found: readonly CommandCard[];
  readonly index: number;
  readonly activeId: string | undefined;
  choose(card: CommandCard): void;
  /** True: the key was the menu's. */
  onKey(event: KeyboardEvent): boolean;
}

const known = new Map<string, readonly CommandCard[]>();

/** Commands that begin with what is written after a slash. */
export function useCommandMenu(text: string, onChosen: (text: string) => void): CommandMenuState {
  const typed = /^\/([^\s/]*)$/.exec(text)?.[1]?.toLowerCase();
  const cards = useCommands(typed !== undefined);
  const [index, setIndex] = useState(0);
  const [isDismissed, setDismissed] = useState(false);
  const found = useMemo(
    () =>
      typed === undefined ? [] : cards.filter(({ names }) => names.some((name) => name.startsWith(typed))),
    [typed, cards],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: other text, other choice.
  useEffect(() => {
    setIndex(0);
    setDismissed(false);
  }, [typed]);
  const isOpen = found.length > 0 && !isDismissed;
  const choose = ({ usage }: CommandCard): void => {
    const [name = ""] = usage.split(" ");
    onChosen(usage === name ? name : `${name} `);
  };
  const onKey = (event: KeyboardEvent): boolean => {
    if (!isOpen) return false;
    const card = found[index];
    const isWhole = card?.usage.split(" ")[0] === text;
    if (event.key === "ArrowDown") setIndex((index + 1) % found.length);
    else if (event.key === "ArrowUp") setIndex((index + found.length - 1) % found.length);
    else if (event.key === "Escape") setDismissed(true);
    else if (card !== undefined && (event.key === "Tab" || (event.key === "Enter" && !isWhole))) choose(card);
    else return false;
    event.preventDefault();
    return true;
  };
  return { isOpen, found, index, activeId: isOpen ? `command-${index}` : undefined, choose, onKey };
}

/** Those of Troupe and those of the page itself, asked for when the first slash is typed. */
function useCommands(isWanted: boolean): readonly CommandCard[] {
  const words = useWords();
  const language = useLanguage();
  const [cards, setCards] = useState(known.get(language));
  useEffect(() => {
    if (!isWanted || known.has(language)) return;
    chatApi.commands(language).then(
      ({ items }) => {
        known.set(language, items);
        setCards(items);
      },
      () => undefined,
    );
  }, [isWanted, language]);
  return useMemo(
    () => [
      ...(known.get(language) ?? cards ?? []),
      { names: ["new"], usage: "/new", help: words.commandNew },
    ],
    [cards, language, words],
  );
}

export function CommandMenu({ menu }: { readonly menu: CommandMenuState }): ReactNode {
  const words = useWords();
  const { activeId } = menu;
  useEffect(() => {
    if (activeId !== undefined) document.getElementById(activeId)?.scrollIntoView({ block: "nearest" });
  }, [activeId]);
  if (!menu.isOpen) return null;
  return (
    <>
      <div className="command-menu" id="commands" role="listbox" aria-label={words.commands}>
        {menu.found.map((card, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text field, which keeps the focus.
          <div
            key={card.usage}
            id={`command-${i}`}
            role="option"
            aria-selected={i === menu.index}
            tabIndex={-1}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => menu.choose(card)}
          >
            <code>{card.usage}</code>
            <span>{card.help}</span>
          </div>
        ))}
      </div>
      <p className="unseen" role="status">
        {words.commandsFound(menu.found.length)}
      </p>
    </>
  );
}

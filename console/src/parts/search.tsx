import { type ReactNode, useEffect, useState } from "react";
import { chatApi } from "../api/chat.ts";
import type { FoundSession } from "../api/types.ts";
import { spokenText } from "../text/format.ts";
import { useWords } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { Icon } from "./icon.tsx";

const PAUSE_MS = 250;
const SHORTEST = 2;

type Found = readonly FoundSession[] | "asking" | "failed" | undefined;

/** What is typed, and what it finds: undefined while nothing is searched for. */
export function useSearch(): { readonly text: string; readonly found: Found; setText(text: string): void } {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Found>();
  useEffect(() => {
    const asked = text.trim();
    if (asked.length < SHORTEST) {
      setFound(undefined);
      return undefined;
    }
    setFound((now) => now ?? "asking");
    let isWanted = true;
    const timer = setTimeout(() => {
      chatApi.search(asked).then(
        ({ items }) => isWanted && setFound(items),
        () => isWanted && setFound("failed"),
      );
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  return { text, found, setText };
}

export function SearchField(props: {
  readonly text: string;
  readonly onText: (text: string) => void;
}): ReactNode {
  const words = useWords();
  return (
    <search className="search">
      <Icon name="search" />
      <input
        id="search"
        type="search"
        value={props.text}
        dir="auto"
        aria-label={words.search}
        placeholder={words.search}
        onChange={(event) => props.onText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && props.onText("")}
      />
    </search>
  );
}

export function SearchResults(props: {
  readonly found: NonNullable<Found>;
  readonly onChosen: () => void;
}): ReactNode {
  const { found, onChosen } = props;
  const words = useWords();
  const { chat } = usePage();
  if (found === "asking") return <p className="side-note">{words.loading}</p>;
  if (found === "failed") {
    return (
      <p className="side-note" role="alert">
        {words.searchFailed}
      </p>
    );
  }
  return (
    <section>
      <h2 role="status">{words.found(found.length)}</h2>
      <ul>
        {found.map(({ id, title, matches = [] }) => (
          <li key={id}>
            <button
              type="button"
              className="side-item found"
              onClick={() => {
                chat.open(id, matches[0]?.messageId);
                onChosen();
              }}
            >
              <bdi className="side-title">{title === "" ? words.untitled : title}</bdi>
              {matches[0] !== undefined && (
                <bdi className="found-text">{spokenText(matches[0].text, words.codeSpoken)}</bdi>
              )}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

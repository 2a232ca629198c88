import { type ReactNode, useEffect, useState } from "react";
import { useWords } from "../words/index.ts";

const SAID_FOR_MS = 2_000;

/** Puts a text into the clipboard and says so for a moment. */
export function useCopy(): { readonly isCopied: boolean; copy(text: string): void } {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return {
    isCopied,
    copy: (text) => {
      putIntoClipboard(text).then(setCopied, () => setCopied(false));
    },
  };
}

/** Over plain HTTP to another machine browsers have no clipboard of the new kind. */
async function putIntoClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** A line for a terminal, with a button that copies it. */
export function CopyLine({ text }: { readonly text: string }): ReactNode {
  const words = useWords();
  const { isCopied, copy } = useCopy();
  return (
    <div className="copy-line">
      <code dir="ltr">{text}</code>
      <button type="button" className="quiet" onClick={() => copy(text)}>
        {isCopied ? words.copied : words.copy}
      </button>
    </div>
  );
}

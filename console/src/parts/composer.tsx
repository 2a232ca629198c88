import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { isBusy, isNew, type Thread } from "../state/chat-state.ts";
import { createDrafts, type Drafts } from "../state/drafts.ts";
import { localStorageOrNone } from "../state/settings.ts";
import { useWords } from "../words/index.ts";
import { AttachButton, AttachedList, useAttachments, useDrop } from "./attach.tsx";
import { usePage } from "./chat-context.ts";
import { CommandMenu, useCommandMenu } from "./command-menu.tsx";
import { IconButton } from "./icon.tsx";
import { isTouch } from "./touch.ts";

let drafts: Drafts | undefined;

function draftsOfBrowser(): Drafts {
  drafts ??= createDrafts(localStorageOrNone());
  return drafts;
}

/** What is written and not sent, kept at each stroke. */
function useDraft(place: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(() => draftsOfBrowser().get(place));
  const shown = useRef({ place, text });
  const change = (next: string): void => {
    setText(next);
    shown.current.text = next;
    draftsOfBrowser().set(place, next);
  };
  useEffect(() => {
    const { place: before, text: written } = shown.current;
    shown.current.place = place;
    if (before === place) return;
    // A new conversation got its id while somebody wrote on.
    draftsOfBrowser().set(before, "");
    draftsOfBrowser().set(place, written);
  }, [place]);
  return [text, change];
}

/** Where the next message is written. Enter sends; with Shift, and on touch screens, it begins a line. */
export function Composer({ thread, name }: { readonly thread: Thread; readonly name: string }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const place = isNew(thread.id) ? `new/${thread.agentId}` : thread.id;
  const [text, change] = useDraft(place);
  const files = useAttachments();
  const isOver = useDrop(files.add);
  const area = useRef<HTMLTextAreaElement>(null);
  const busy = isBusy(thread);
  const parts = files.items.flatMap(({ part }) => (part === undefined ? [] : [part]));
  const canSend = files.areReady && (text.trim() !== "" || parts.length > 0);
  const stop = (): void => void chat.stop(thread.id).catch(() => undefined);
  const send = (): void => {
    if (!canSend) return;
    change("");
    files.clear();
    const command = text.trim();
    if (command === "/new") chat.startNew(thread.agentId);
    else if (command === "/stop" && busy) stop();
    else void chat.send(thread.id, text, parts);
  };
  const menu = useCommandMenu(text, change);
  useGrowth(area, text);
  useEffect(() => {
    if (!isTouch()) area.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    // While characters are being composed, Enter chooses among them.
    if (event.nativeEvent.isComposing || menu.onKey(event)) return;
    if (event.key === "Escape" && busy) stop();
    if (event.key !== "Enter" || event.shiftKey || isTouch()) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="composer column" onSubmit={(event) => event.preventDefault()}>
      <CommandMenu menu={menu} />
      {isOver && <p className="drop-here">{words.dropHere}</p>}
      <AttachedList attachments={files} />
      <div className="composer-box">
        <AttachButton onFiles={files.add} />
        <textarea
          id="message"
          ref={area}
          value={text}
          rows={1}
          dir="auto"
          aria-label={words.message}
          aria-autocomplete="list"
          aria-controls={menu.isOpen ? "commands" : undefined}
          aria-activedescendant={menu.activeId}
          placeholder={words.writeTo(name)}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const pasted = [...event.clipboardData.files];
            if (pasted.length === 0) return;
            event.preventDefault();
            files.add(pasted);
          }}
        />
        {busy && <IconButton name="stop" label={words.stop} onClick={stop} />}
        <IconButton
          name="send"
          label={words.send}
          className="primary round"
          isDisabled={!canSend}
          onClick={send}
        />
      </div>
    </form>
  );
}

/** As high as its text, where the browser cannot do that by itself. */
function useGrowth(area: { readonly current: HTMLTextAreaElement | null }, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useEffect(() => {
    const element = area.current;
    if (element === null || CSS.supports("field-sizing", "content")) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight}px`;
  }, [area, text]);
}

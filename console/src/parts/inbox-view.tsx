import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { InboxEntry, InboxItem } from "../api/inbox.ts";
import { momentText, spokenText } from "../text/format.ts";
import { Markdown } from "../text/markdown.tsx";
import { useLanguage, useWords } from "../words/index.ts";
import { problemText } from "../words/problem-text.ts";
import { useAgentName, useMailbox, usePage } from "./chat-context.ts";
import { Icon, IconButton } from "./icon.tsx";

/** What waits for the person to read: the list, or one item of it. */
export function InboxView(props: {
  /** Empty: the list. */
  readonly itemId: string;
  readonly onOpenSide: () => void;
}): ReactNode {
  const { itemId } = props;
  const words = useWords();
  const { mailbox } = usePage();
  const unread = useMailbox((state) => state.unread);
  const left = useRef("");
  useEffect(() => {
    document.title = `${unread === 0 ? "" : `(${unread}) `}${words.inbox} · Troupe`;
  }, [unread, words]);
  useEffect(() => {
    void mailbox.open(itemId === "" ? undefined : itemId);
    if (itemId !== "") left.current = itemId;
  }, [mailbox, itemId]);
  return (
    <>
      <header className="stage-head">
        <IconButton
          name="menu"
          label={words.openMenu}
          className="quiet drawer-only"
          onClick={props.onOpenSide}
        />
        <div className="stage-names">
          <h1 id="inbox-title" tabIndex={-1}>
            {words.inbox}
          </h1>
          <p>{words.unreadCount(unread)}</p>
        </div>
      </header>
      {itemId === "" ? <List focusId={left.current} /> : <Item itemId={itemId} />}
    </>
  );
}

/** `focusId`: the item that one comes back from. */
function List({ focusId }: { readonly focusId: string }): ReactNode {
  const words = useWords();
  const { mailbox } = usePage();
  const items = useMailbox((state) => state.items);
  const load = useMailbox((state) => state.load);
  const hasMore = useMailbox((state) => state.next !== undefined);
  const hasUnread = useMailbox((state) => state.unread > 0);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const found = box.current?.querySelector(`[data-item="${CSS.escape(focusId)}"]`);
    if (focusId !== "" && found instanceof HTMLElement) found.focus();
  }, [focusId]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse (WCAG 2.1.1).
    <section className="log" ref={box} tabIndex={0} aria-label={words.inbox}>
      <div className="column">
        <Trouble />
        {load === "loading" && <p className="side-note">{words.loading}</p>}
        {load === "failed" && (
          <p className="trouble" role="alert">
            {words.inboxFailed}{" "}
            <button type="button" onClick={() => void mailbox.refreshSoon()}>
              {words.tryAgain}
            </button>
          </p>
        )}
        {load === "ready" && items.length === 0 && (
          <div className="welcome">
            <Icon name="tray" />
            <h2>{words.inboxEmpty}</h2>
            <p>{words.inboxEmptyLead}</p>
          </div>
        )}
        {hasUnread && (
          <p className="mail-all">
            <button type="button" className="quiet" onClick={() => void mailbox.readAll()}>
              <Icon name="check" /> {words.readAll}
            </button>
          </p>
        )}
        <ul className="mail">
          {items.map((item) => (
            <Entry key={item.id} item={item} />
          ))}
        </ul>
        {hasMore && (
          <button type="button" className="quiet" onClick={() => void mailbox.more().catch(() => undefined)}>
            {words.more}
          </button>
        )}
      </div>
    </section>
  );
}

function Entry({ item }: { readonly item: InboxEntry }): ReactNode {
  const words = useWords();
  const language = useLanguage();
  const { chat } = usePage();
  const from = useSender(item);
  const isUnread = item.readAt === undefined;
  return (
    <li>
      <button
        type="button"
        className="mail-item"
        data-item={item.id}
        data-unread={isUnread}
        onClick={() => chat.store.update((state) => ({ ...state, inbox: item.id }))}
      >
        <span className="mail-head">
          {isUnread && <span className="dot" role="img" aria-label={words.unread} title={words.unread} />}
          <span className="mail-from">{from}</span>
          <time dateTime={new Date(item.createdAt).toISOString()}>
            {momentText(item.createdAt, language)}
          </time>
        </span>
        <bdi className="mail-title">{item.title === "" ? words.untitled : item.title}</bdi>
        <span className="mail-text" dir="auto">
          {spokenText(item.excerpt, words.codeSpoken)}
        </span>
      </button>
    </li>
  );
}

function useSender({ agentId, kind }: Pick<InboxEntry, "agentId" | "kind">): string {
  const words = useWords();
  const name = useAgentName(agentId ?? "");
  return kind === "notice" || agentId === undefined ? words.appName : name;
}

function Item({ itemId }: { readonly itemId: string }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const item = useMailbox(({ open }) => (open?.id === itemId ? open : undefined));
  const problem = useMailbox((state) => state.problem);
  const back = (): void => chat.store.update((state) => ({ ...state, inbox: "" }));
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && document.querySelector("dialog[open]") === null) back();
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse (WCAG 2.1.1).
    <section className="log" tabIndex={0} aria-label={words.inbox} onKeyDown={onKey}>
      <div className="column">
        <p>
          <button type="button" className="quiet mail-back" onClick={back}>
            <Icon name="chevron" /> {words.inboxBack}
          </button>
        </p>
        <Trouble />
        {item === undefined && problem === undefined && <p className="side-note">{words.loading}</p>}
        {item !== undefined && <Opened key={item.id} item={item} onBack={back} />}
      </div>
    </section>
  );
}

function Opened({ item, onBack }: { readonly item: InboxItem; readonly onBack: () => void }): ReactNode {
  const words = useWords();
  const language = useLanguage();
  const { chat, mailbox } = usePage();
  const from = useSender(item);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const { id, sessionId } = item;
  const leave = async (done: Promise<boolean>): Promise<void> => {
    if (await done) onBack();
  };
  return (
    <article className="mail-opened" aria-labelledby="mail-title">
      <h2 id="mail-title" ref={title} tabIndex={-1}>
        <bdi>{item.title === "" ? words.untitled : item.title}</bdi>
      </h2>
      <p className="mail-head">
        <span className="mail-from">{from}</span>
        <time dateTime={new Date(item.createdAt).toISOString()}>{momentText(item.createdAt, language)}</time>
      </p>
      <div className="said" dir="auto">
        <Markdown text={item.text} />
      </div>
      <div className="mail-doings">
        {sessionId !== undefined && (
          <button type="button" className="primary" onClick={() => chat.open(sessionId)}>
            {words.toConversation}
          </button>
        )}
        <button type="button" onClick={() => void leave(mailbox.markUnread(id))}>
          {words.markUnread}
        </button>
        <button type="button" className="danger" onClick={() => void leave(mailbox.remove(id))}>
          <Icon name="trash" /> {words.remove}
        </button>
      </div>
    </article>
  );
}

function Trouble(): ReactNode {
  const words = useWords();
  const problem = useMailbox((state) => state.problem);
  if (problem === undefined) return null;
  return (
    <p className="trouble" role="alert">
      {words.somethingFailed} {problemText(words, problem)}
    </p>
  );
}

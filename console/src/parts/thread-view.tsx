import { type ReactNode, useEffect, useMemo } from "react";
import { firstOwnExchange, versionsAt } from "../state/branches.ts";
import { isNew, isUnread, type Thread, titleOf } from "../state/chat-state.ts";
import { exchangesOf } from "../state/exchanges.ts";
import { useWords } from "../words/index.ts";
import { useAgentName, useChat, usePage, useThread } from "./chat-context.ts";
import { Composer } from "./composer.tsx";
import { ExchangeView } from "./exchange-view.tsx";
import { Icon, IconButton } from "./icon.tsx";
import { Face } from "./side.tsx";
import { useStickToEnd } from "./stick-to-end.ts";
import { ThreadMenu } from "./thread-menu.tsx";

/** One conversation: what was said, and the place to go on. */
export function ThreadView(props: { readonly threadId: string; readonly onOpenSide: () => void }): ReactNode {
  const { threadId } = props;
  const words = useWords();
  const thread = useThread(threadId);
  const name = useAgentName(thread?.agentId ?? "");
  const title = useChat((state) => titleOf(state, threadId));
  const news = useChat((state) => state.sessions.filter((session) => isUnread(state, session)).length);
  useEffect(() => {
    document.title = `${news === 0 ? "" : `(${news}) `}${title === "" ? name : title} · Troupe`;
  }, [title, name, news]);
  if (thread === undefined) return null;
  return (
    <>
      <header className="stage-head">
        <IconButton
          name="menu"
          label={words.openMenu}
          className="quiet drawer-only"
          onClick={props.onOpenSide}
        />
        <Face name={name} />
        <div className="stage-names">
          <h1>
            <bdi>{title === "" ? name : title}</bdi>
          </h1>
          {title !== "" && <p>{name}</p>}
        </div>
        {!isNew(threadId) && <ThreadMenu sessionId={threadId} title={title} />}
      </header>
      <Log thread={thread} name={name} />
      <Composer key={threadId} thread={thread} name={name} />
    </>
  );
}

function Log({ thread, name }: { readonly thread: Thread; readonly name: string }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const { box, isAtEnd, toEnd } = useStickToEnd<HTMLElement>(thread);
  const exchanges = useMemo(() => exchangesOf(thread), [thread]);
  const sessions = useChat((state) => state.sessions);
  const firstOwn = useMemo(() => firstOwnExchange(thread, exchanges), [thread, exchanges]);
  useFocusOn(thread, box);
  useEffect(() => {
    const see = (): void => {
      if (document.visibilityState === "visible" && !isNew(thread.id)) chat.markSeen(thread.id);
    };
    see();
    document.addEventListener("visibilitychange", see);
    return () => document.removeEventListener("visibilitychange", see);
  }, [chat, thread]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse (WCAG 2.1.1).
    <section className="log" ref={box} tabIndex={0} aria-label={words.conversationWith(name)}>
      <div className="column">
        {thread.load === "loading" && <p className="side-note">{words.loading}</p>}
        {thread.load === "failed" && (
          <p className="trouble" role="alert">
            {words.loadFailed}{" "}
            <button type="button" onClick={() => chat.open(thread.id)}>
              {words.tryAgain}
            </button>
          </p>
        )}
        {thread.older !== undefined && (
          <button
            type="button"
            className="quiet"
            onClick={() => void chat.loadOlder(thread.id).catch(() => undefined)}
          >
            {words.older}
          </button>
        )}
        {exchanges.length === 0 && thread.load === "ready" && <Welcome thread={thread} name={name} />}
        {exchanges.map((exchange) => (
          <ExchangeView
            key={exchange.id}
            {...{ exchange, name, threadId: thread.id }}
            versions={versionsAt({ sessions }, thread, exchange, exchange.id === firstOwn)}
          />
        ))}
      </div>
      {!isAtEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <Icon name="down" /> {words.toEnd}
        </button>
      )}
    </section>
  );
}

/** Brings the message that was searched for into view, once it is there. */
function useFocusOn(thread: Thread, box: { readonly current: HTMLElement | null }): void {
  const { chat } = usePage();
  const messageId = thread.focus;
  useEffect(() => {
    if (messageId === undefined || thread.load !== "ready") return;
    const found = box.current?.querySelector(`[data-message="${CSS.escape(messageId)}"]`);
    if (found !== null && found !== undefined) {
      found.scrollIntoView({ block: "center" });
      chat.focusDone(thread.id);
    } else if (thread.older === undefined) chat.focusDone(thread.id);
    else chat.loadOlder(thread.id).catch(() => chat.focusDone(thread.id));
  }, [chat, thread, messageId, box]);
}

function Welcome({ thread, name }: { readonly thread: Thread; readonly name: string }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const about = useChat((state) => state.agents.find(({ id }) => id === thread.agentId)?.description);
  return (
    <div className="welcome">
      <Face name={name} />
      <h2>{words.welcome(name)}</h2>
      {about !== undefined && <p>{about}</p>}
      <p>{words.welcomeLead}</p>
      <ul>
        {words.suggestions.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => void chat.send(thread.id, text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

import { type ReactNode, useCallback, useEffect, useMemo, useRef } from "react";
import type { SessionSummary } from "../api/types.ts";
import { firstOwnExchange, versionsOf } from "../state/branches.ts";
import { isNew, isUnread, type Thread, titleOf } from "../state/chat-state.ts";
import { exchangesOf } from "../state/exchanges.ts";
import { useWords } from "../words/index.ts";
import { useAgentName, useChat, usePage, useThread } from "./chat-context.ts";
import { Composer } from "./composer.tsx";
import { ExchangeView } from "./exchange-view.tsx";
import { Icon, IconButton } from "./icon.tsx";
import { Face } from "./side.tsx";
import { type StickToEnd, useStickToEnd } from "./stick-to-end.ts";
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
      <Composer thread={thread} name={name} />
    </>
  );
}

const NO_VERSIONS: readonly SessionSummary[] = [];

function Log({ thread, name }: { readonly thread: Thread; readonly name: string }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const stick = useStickToEnd<HTMLElement>(thread, ".exchange");
  const { box, isAtEnd, toEnd } = stick;
  const exchanges = useMemo(() => exchangesOf(thread), [thread]);
  const sessions = useChat((state) => state.sessions);
  const versions = useMemo(
    () => versionsOf(sessions, thread.id, exchanges, firstOwnExchange(thread.id, exchanges)),
    [sessions, thread.id, exchanges],
  );
  const loadOlder = useOlder(thread, stick);
  useFocusOn(thread, stick);
  const sent = thread.outgoing.at(-1)?.key;
  useEffect(() => {
    // Whoever sends wants to see it, wherever they read.
    if (sent !== undefined) toEnd();
  }, [sent, toEnd]);
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
          <button type="button" className="quiet older" ref={loadOlder.button} onClick={loadOlder.run}>
            {words.older}
          </button>
        )}
        {exchanges.length === 0 && thread.load === "ready" && <Welcome thread={thread} name={name} />}
        {exchanges.map((exchange) => (
          <ExchangeView
            key={exchange.id}
            {...{ exchange, name, threadId: thread.id }}
            versions={versions.get(exchange.id) ?? NO_VERSIONS}
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

/** How far before its beginning is reached what is before it is read. */
const OLDER_MARGIN = "600px 0px 0px 0px";

/** Reads earlier messages when their button is pressed or comes near, without moving what is read. */
function useOlder(
  { id, older }: Thread,
  { box, holdPlace }: StickToEnd<HTMLElement>,
): { readonly button: (element: HTMLElement | null) => (() => void) | undefined; readonly run: () => void } {
  const { chat } = usePage();
  const isReading = useRef(false);
  const run = useCallback((): void => {
    if (isReading.current) return;
    isReading.current = true;
    // What cannot be read now can be asked for once more.
    chat.loadOlder(id, holdPlace).then(
      () => {
        isReading.current = false;
      },
      () => {
        isReading.current = false;
      },
    );
  }, [chat, id, holdPlace]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a button that stays in view is looked at again after each page.
  const button = useCallback(
    (element: HTMLElement | null) => {
      if (element === null) return undefined;
      const near = new IntersectionObserver(
        ([seen]) => {
          if (seen?.isIntersecting === true) run();
        },
        { root: box.current, rootMargin: OLDER_MARGIN },
      );
      near.observe(element);
      return () => near.disconnect();
    },
    [run, box, older],
  );
  return { button, run };
}

/** Brings the message that was searched for into view, once it is there. */
function useFocusOn(thread: Thread, { box, leaveEnd }: StickToEnd<HTMLElement>): void {
  const { chat } = usePage();
  const messageId = thread.focus;
  useEffect(() => {
    if (messageId === undefined || thread.load !== "ready") return;
    const found = box.current?.querySelector(`[data-message="${CSS.escape(messageId)}"]`);
    if (found instanceof HTMLElement) {
      leaveEnd();
      found.scrollIntoView({ block: "center" });
      found.classList.add("sought");
      chat.focusDone(thread.id);
    } else if (thread.older === undefined) chat.focusDone(thread.id);
    else chat.loadOlder(thread.id).catch(() => chat.focusDone(thread.id));
  }, [chat, thread, messageId, box, leaveEnd]);
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

import { type ReactNode, useEffect, useRef } from "react";
import type { AgentCard, SessionSummary } from "../api/types.ts";
import { isBusy, isUnread, titleOf } from "../state/chat-state.ts";
import { type Age, ageOf } from "../text/format.ts";
import { useWords } from "../words/index.ts";
import { useAgentName, useChat, useMailbox, usePage } from "./chat-context.ts";
import { Icon, IconButton } from "./icon.tsx";
import { Mark } from "./mark.tsx";
import { SearchField, SearchResults, useSearch } from "./search.tsx";

/** Agents and conversations; on a narrow screen a drawer. */
export function Side(props: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onSettings: () => void;
}): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const agents = useChat((state) => state.agents);
  const agentId = useChat((state) => state.threads[state.current ?? ""]?.agentId);
  const side = useRef<HTMLElement>(null);
  const { text, found, setText } = useSearch();
  useDrawer(side, props);
  const newChat = (): void => chat.startNew(agentId ?? agents[0]?.id ?? "");
  return (
    <nav className="side" ref={side} aria-label={words.conversations}>
      <div className="side-top">
        <p className="wordmark">
          <Mark /> {words.appName}
        </p>
        <IconButton
          name="close"
          label={words.closeMenu}
          className="quiet drawer-only"
          onClick={props.onClose}
        />
      </div>
      <button type="button" className="primary wide" onClick={newChat}>
        <Icon name="plus" /> {words.newChat}
      </button>
      <SearchField text={text} onText={setText} />
      <InboxButton onChosen={props.onClose} />
      <div className="side-scroll">
        {found === undefined ? (
          <>
            {agents.length > 1 && <Agents agents={agents} onChosen={props.onClose} />}
            <Sessions onChosen={props.onClose} />
          </>
        ) : (
          <SearchResults found={found} onChosen={props.onClose} />
        )}
      </div>
      <button type="button" className="quiet side-settings" onClick={props.onSettings}>
        <Icon name="gear" /> {words.settings}
      </button>
    </nav>
  );
}

function InboxButton({ onChosen }: { readonly onChosen: () => void }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const isShown = useChat((state) => state.inbox !== undefined);
  const unread = useMailbox((state) => state.unread);
  return (
    <button
      type="button"
      className="quiet side-inbox"
      aria-current={isShown ? "page" : undefined}
      onClick={() => {
        chat.store.update((state) => ({ ...state, inbox: "" }));
        onChosen();
      }}
    >
      <Icon name="tray" /> {words.inbox}
      {unread > 0 && (
        <>
          <span className="side-count" aria-hidden="true">
            {unread > 99 ? "99+" : unread}
          </span>
          <span className="unseen">. {words.unreadCount(unread)}</span>
        </>
      )}
    </button>
  );
}

/** A drawer takes the focus when it opens and gives it back; Escape closes it. */
function useDrawer(
  side: { readonly current: HTMLElement | null },
  { isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void },
): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const before = document.activeElement;
    side.current?.querySelector("button")?.focus();
    const onKey = (event: KeyboardEvent): void => {
      // A dialog in front of the drawer is what Escape closes.
      if (event.key === "Escape" && document.querySelector("dialog[open]") === null) onClose();
    };
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      if (before instanceof HTMLElement) before.focus();
    };
  }, [isOpen, onClose, side]);
}

function Agents(props: { readonly agents: readonly AgentCard[]; readonly onChosen: () => void }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const choose = (id: string): void => {
    chat.startNew(id);
    props.onChosen();
  };
  return (
    <section>
      <h2>{words.agents}</h2>
      <ul>
        {props.agents.map(({ id, name, description }) => (
          <li key={id}>
            <button type="button" className="side-item agent-item" onClick={() => choose(id)}>
              <Face name={name} />
              <span className="agent-name">{name}</span>
              <span className="unseen">. {words.newChat}.</span>
              {description !== undefined && <span className="agent-about">{description}</span>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The first letter of a name, as a picture. */
export function Face({ name }: { readonly name: string }): ReactNode {
  return (
    <span className="face" aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}

const AGES: readonly Age[] = ["today", "yesterday", "week", "month", "older"];

function Sessions({ onChosen }: { readonly onChosen: () => void }): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const sessions = useChat((state) => state.sessions);
  const hasMore = useChat((state) => state.moreSessions !== undefined);
  const now = Date.now();
  if (sessions.length === 0) return <p className="side-note">{words.noConversations}</p>;
  return (
    <>
      {AGES.map((age) => {
        const group = sessions.filter(({ updatedAt }) => ageOf(updatedAt, now) === age);
        if (group.length === 0) return null;
        return (
          <section key={age}>
            <h2>{words.ages[age]}</h2>
            <ul>
              {group.map((session) => (
                <SessionItem key={session.id} session={session} onChosen={onChosen} />
              ))}
            </ul>
          </section>
        );
      })}
      {hasMore && (
        <button
          type="button"
          className="quiet"
          onClick={() => void chat.loadMoreSessions().catch(() => undefined)}
        >
          {words.more}
        </button>
      )}
    </>
  );
}

function SessionItem(props: { readonly session: SessionSummary; readonly onChosen: () => void }): ReactNode {
  const { session } = props;
  const words = useWords();
  const { chat } = usePage();
  const isCurrent = useChat((state) => state.inbox === undefined && state.current === session.id);
  const unread = useChat((state) => isUnread(state, session));
  const busy = useChat((state) => isBusy(state.threads[session.id]));
  const title = useChat((state) => titleOf(state, session.id));
  const agent = useAgentName(session.agentId);
  return (
    <li>
      <button
        type="button"
        className="side-item"
        aria-current={isCurrent ? "page" : undefined}
        data-unread={unread}
        onClick={() => {
          chat.open(session.id);
          props.onChosen();
        }}
      >
        {session.parent !== undefined && <Icon name="branch" />}
        <bdi className="side-title">{title === "" ? words.untitled : title}</bdi>
        <span className="side-agent">{agent}</span>
        {busy && <span className="dot busy" role="img" aria-label={words.writing} title={words.writing} />}
        {!busy && unread && (
          <span className="dot" role="img" aria-label={words.unread} title={words.unread} />
        )}
      </button>
    </li>
  );
}

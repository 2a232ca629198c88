import {
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { inboxApi } from "../api/inbox.ts";
import { openLiveLine } from "../api/live-line.ts";
import type { Me } from "../api/types.ts";
import type { Chat } from "../state/chat.ts";
import { Mailbox } from "../state/mailbox.ts";
import { openChat } from "../state/open-chat.ts";
import { hashOf, placeOf } from "../state/place.ts";
import type { Settings } from "../state/settings.ts";
import type { Store } from "../state/store.ts";
import { useWords } from "../words/index.ts";
import { Announcer } from "./announcer.tsx";
import { PageContext, useChat, usePage } from "./chat-context.ts";
import { InboxView } from "./inbox-view.tsx";
import { SettingsDialog } from "./settings-dialog.tsx";
import { type ShortcutName, useShortcuts } from "./shortcuts.ts";
import { Side } from "./side.tsx";
import { ThreadView } from "./thread-view.tsx";

/** While the live line tells what is new: should it ever miss something. */
const LOOK_BESIDE_LINE_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
/** While nobody looks at the page. */
const LOOK_HIDDEN_MS = 30_000;
const LOOK_WHILE_AWAY_MS = 3_000;

export function ChatPage(props: { readonly me: Me; readonly settings: Store<Settings> }): ReactNode {
  const { me, settings } = props;
  const [made, setMade] = useState<{ readonly chat: Chat; readonly mailbox: Mailbox }>();
  const unread = useRef(me.unread);
  useEffect(() => {
    const { chat, close } = openChat();
    const mailbox = new Mailbox(inboxApi, unread.current);
    setMade({ chat, mailbox });
    return () => {
      mailbox.close();
      close();
    };
  }, []);
  if (made === undefined) return null;
  return (
    <PageContext value={{ ...made, me, settings }}>
      <Frame />
    </PageContext>
  );
}

function Frame(): ReactNode {
  const words = useWords();
  const [isSideOpen, setSideOpen] = useState(false);
  const [areSettingsOpen, setSettingsOpen] = useState(false);
  const closeSide = useCallback(() => setSideOpen(false), []);
  const current = useChat((state) => state.current);
  const inbox = useChat((state) => state.inbox);
  // A new conversation that gets its id is still the same on the screen: nothing that was begun in it is lost.
  const view = useChat((state) => state.threads[state.current ?? ""]?.key || state.current);
  const hasAgents = useChat((state) => state.agents.length > 0);
  const isNarrow = useNarrow();
  const isAway = useChat((state) => state.isAway);
  const { isReady, isLost } = useBeginning();
  useAddress();
  useKeys({ openSettings: () => setSettingsOpen(true), openSide: () => setSideOpen(true) });
  useEffect(() => {
    if (current !== undefined || inbox !== undefined) setSideOpen(false);
  }, [current, inbox]);
  return (
    <div className="frame" data-side={isSideOpen ? "open" : "closed"}>
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place within the page, by hand. */}
      <a className="skip" href="#message" onClick={skip}>
        {words.skip}
      </a>
      <Side isOpen={isSideOpen} onClose={closeSide} onSettings={() => setSettingsOpen(true)} />
      {isSideOpen && isNarrow && (
        // biome-ignore lint/a11y/noStaticElementInteractions: the button in the drawer, and Escape, do the same.
        // biome-ignore lint/a11y/useKeyWithClickEvents: as above.
        <div className="shade" onClick={closeSide} />
      )}
      <main className="stage" inert={isSideOpen && isNarrow}>
        {(isAway || isLost) && (
          <p className="away" role="status">
            {words.away}
          </p>
        )}
        {isReady && inbox !== undefined ? (
          <InboxView itemId={inbox} onOpenSide={() => setSideOpen(true)} />
        ) : isReady && current !== undefined ? (
          <ThreadView key={view} threadId={current} onOpenSide={() => setSideOpen(true)} />
        ) : (
          <p className="opening">{isReady && !hasAgents ? words.noAgents : words.loading}</p>
        )}
      </main>
      <Announcer />
      {areSettingsOpen && <SettingsDialog onClose={() => setSettingsOpen(false)} />}
    </div>
  );
}

/** By hand: the address names the conversation, and a link to a place within the page would take that away. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  (document.getElementById("message") ?? document.getElementById("inbox-title"))?.focus();
}

const NARROW = "(max-width: 48rem)";

function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = matchMedia(NARROW);
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => matchMedia(NARROW).matches,
  );
}

function useKeys(open: { readonly openSettings: () => void; readonly openSide: () => void }): void {
  const { chat } = usePage();
  const latest = useRef(open);
  latest.current = open;
  const run = useCallback(
    (name: ShortcutName): void => {
      const { sessions, current, threads, agents } = chat.store.get();
      const at = sessions.findIndex(({ id }) => id === current);
      const step = (by: number): void => {
        const next = sessions[Math.max(0, at + by)];
        if (next !== undefined) chat.open(next.id);
      };
      if (name === "settings") latest.current.openSettings();
      else if (name === "newChat") chat.startNew(threads[current ?? ""]?.agentId ?? agents[0]?.id ?? "");
      else if (name === "before") step(-1);
      else if (name === "after") step(1);
      else {
        latest.current.openSide();
        // On a narrow screen the field is there once the drawer is open.
        requestAnimationFrame(() => document.getElementById("search")?.focus());
      }
    },
    [chat],
  );
  useShortcuts(run);
}

/**
 * Loads what there is and hears what is new; looks now and then besides, more often where nobody tells, and at once when the
 * person comes back to the page.
 */
function useBeginning(): { readonly isReady: boolean; readonly isLost: boolean } {
  const { chat, mailbox } = usePage();
  const [isReady, setReady] = useState(false);
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isHere = true;
    let isTold = false;
    let looks = 0;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      looks += 1;
      const own = looks;
      let isLost = false;
      try {
        await Promise.all([chat.look(), mailbox.refresh()]);
        if (isHere) setReady(true);
      } catch {
        isLost = true;
      }
      // Another look began meanwhile, and goes on from there.
      if (!isHere || own !== looks) return;
      setLost(isLost);
      line.check();
      timer = setTimeout(() => void look(), isLost ? LOOK_WHILE_AWAY_MS : pauseMs());
    };
    const pauseMs = (): number => {
      if (isTold) return LOOK_BESIDE_LINE_MS;
      return document.visibilityState === "visible" ? LOOK_EVERY_MS : LOOK_HIDDEN_MS;
    };
    const line = openLiveLine({
      onChanged: () => void chat.refreshSoon(),
      onInbox: () => void mailbox.refreshSoon(),
      onOpen: (isOpen) => {
        isTold = isOpen;
        // What was said while nobody told, or whether Troupe is away.
        void look();
      },
    });
    const onVisible = (): void => {
      if (document.visibilityState === "visible") void look();
    };
    void look();
    document.addEventListener("visibilitychange", onVisible);
    window.addEventListener("online", onVisible);
    return () => {
      isHere = false;
      line.close();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
      window.removeEventListener("online", onVisible);
    };
  }, [chat, mailbox]);
  return { isReady, isLost };
}

/** The address names the conversation that is shown, so that reloading, going back and bookmarks work. */
function useAddress(): void {
  const { chat } = usePage();
  const current = useChat((state) => state.current);
  const inbox = useChat((state) => state.inbox);
  const agentId = useChat((state) => state.threads[state.current ?? ""]?.agentId ?? "");
  const hasAgents = useChat((state) => state.agents.length > 0);
  useEffect(() => {
    if (!hasAgents) return undefined;
    const go = (): void => {
      const place = placeOf(location.hash);
      const state = chat.store.get();
      const latest = state.sessions[0]?.id;
      const first = state.agents[0]?.id ?? "";
      if (place.at === "inbox") chat.store.update((now) => ({ ...now, inbox: place.itemId }));
      else if (place.at === "session") chat.open(place.id);
      else if (place.at === "new")
        chat.resumeNew(state.agents.some(({ id }) => id === place.agentId) ? place.agentId : first);
      else if (latest === undefined) chat.resumeNew(first);
      else chat.open(latest);
    };
    go();
    window.addEventListener("popstate", go);
    return () => window.removeEventListener("popstate", go);
  }, [chat, hasAgents]);
  useEffect(() => {
    if (current === undefined && inbox === undefined) return;
    const hash = hashOf(current ?? "", agentId, inbox);
    if (hash === location.hash) return;
    const place = placeOf(location.hash);
    // A new conversation that got its id is still the same place.
    const isSame = place.at === "new" && inbox === undefined;
    if (isSame || place.at === "anywhere") history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  }, [current, agentId, inbox]);
}

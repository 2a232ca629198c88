import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { chatApi } from "../api/chat.ts";
import type { Me } from "../api/types.ts";
import { Chat } from "../state/chat.ts";
import { hashOf, placeOf } from "../state/place.ts";
import { readSeen, writeSeen } from "../state/seen.ts";
import { localStorageOrNone, type Settings } from "../state/settings.ts";
import type { Store } from "../state/store.ts";
import { useWords } from "../words/index.ts";
import { Announcer } from "./announcer.tsx";
import { PageContext, useChat, usePage } from "./chat-context.ts";
import { SettingsDialog } from "./settings-dialog.tsx";
import { type ShortcutName, useShortcuts } from "./shortcuts.ts";
import { Side } from "./side.tsx";
import { ThreadView } from "./thread-view.tsx";

const LOOK_EVERY_MS = 5_000;
/** While nobody looks at the page. */
const LOOK_HIDDEN_MS = 30_000;
const LOOK_WHILE_AWAY_MS = 3_000;

export function ChatPage(props: { readonly me: Me; readonly settings: Store<Settings> }): ReactNode {
  const [chat] = useState(makeChat);
  return (
    <PageContext value={{ chat, me: props.me, settings: props.settings }}>
      <Frame />
    </PageContext>
  );
}

function makeChat(): Chat {
  const storage = localStorageOrNone();
  const chat = new Chat({
    api: chatApi,
    newKey: () => newKey(),
    now: () => Date.now(),
    seen: readSeen(storage),
  });
  chat.store.subscribe(() => writeSeen(storage, chat.store.get().seen));
  return chat;
}

/** `crypto.randomUUID` is for pages over TLS and on this machine alone. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function Frame(): ReactNode {
  const words = useWords();
  const [isSideOpen, setSideOpen] = useState(false);
  const [areSettingsOpen, setSettingsOpen] = useState(false);
  const closeSide = useCallback(() => setSideOpen(false), []);
  const current = useChat((state) => state.current);
  const isAway = useChat((state) => state.isAway);
  const { isReady, isLost } = useBeginning();
  useAddress();
  useKeys({ openSettings: () => setSettingsOpen(true), openSide: () => setSideOpen(true) });
  useEffect(() => {
    if (current !== undefined) setSideOpen(false);
  }, [current]);
  return (
    <div className="frame" data-side={isSideOpen ? "open" : "closed"}>
      <a className="skip" href="#message">
        {words.skip}
      </a>
      <Side isOpen={isSideOpen} onClose={closeSide} onSettings={() => setSettingsOpen(true)} />
      <main className="stage">
        {(isAway || isLost) && (
          <p className="away" role="status">
            {words.away}
          </p>
        )}
        {isReady && current !== undefined ? (
          <ThreadView key={current} threadId={current} onOpenSide={() => setSideOpen(true)} />
        ) : (
          <p className="opening">{words.loading}</p>
        )}
      </main>
      <Announcer />
      {areSettingsOpen && <SettingsDialog onClose={() => setSettingsOpen(false)} />}
    </div>
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

/** Loads what there is, looks now and then what is new, and at once when the person comes back to the page. */
function useBeginning(): { readonly isReady: boolean; readonly isLost: boolean } {
  const { chat } = usePage();
  const [isReady, setReady] = useState(false);
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasBegun = false;
    let isHere = true;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      let pauseMs = document.visibilityState === "visible" ? LOOK_EVERY_MS : LOOK_HIDDEN_MS;
      try {
        if (hasBegun) await chat.refresh();
        else await chat.begin();
        hasBegun = true;
        if (isHere) setReady(true);
        if (isHere) setLost(false);
      } catch {
        pauseMs = LOOK_WHILE_AWAY_MS;
        if (isHere) setLost(true);
      }
      if (isHere) timer = setTimeout(() => void look(), pauseMs);
    };
    const onVisible = (): void => {
      if (document.visibilityState === "visible") void look();
    };
    void look();
    document.addEventListener("visibilitychange", onVisible);
    window.addEventListener("online", onVisible);
    return () => {
      isHere = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
      window.removeEventListener("online", onVisible);
    };
  }, [chat]);
  return { isReady, isLost };
}

/** The address names the conversation that is shown, so that reloading, going back and bookmarks work. */
function useAddress(): void {
  const { chat } = usePage();
  const current = useChat((state) => state.current);
  const agentId = useChat((state) => state.threads[state.current ?? ""]?.agentId ?? "");
  const hasAgents = useChat((state) => state.agents.length > 0);
  useEffect(() => {
    if (!hasAgents) return undefined;
    const go = (): void => {
      const place = placeOf(location.hash);
      const state = chat.store.get();
      const latest = state.sessions[0]?.id;
      const first = state.agents[0]?.id ?? "";
      if (place.at === "session") chat.open(place.id);
      else if (place.at === "new")
        chat.startNew(state.agents.some(({ id }) => id === place.agentId) ? place.agentId : first);
      else if (latest === undefined) chat.startNew(first);
      else chat.open(latest);
    };
    go();
    window.addEventListener("popstate", go);
    return () => window.removeEventListener("popstate", go);
  }, [chat, hasAgents]);
  useEffect(() => {
    if (current === undefined) return;
    const hash = hashOf(current, agentId);
    if (hash === location.hash) return;
    const place = placeOf(location.hash);
    // A new conversation that got its id is still the same place.
    if (place.at !== "session" || location.hash === "") history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  }, [current, agentId]);
}

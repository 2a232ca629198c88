import { chatApi } from "../api/chat.ts";
import { Chat } from "./chat.ts";
import { createOutbox } from "./outbox.ts";
import { mergeSeen, readSeen, SEEN_KEY, writeSeen } from "./seen.ts";
import { localStorageOrNone } from "./settings.ts";

/** What the page knows, for as long as this browser is signed in. */
export function openChat(): { readonly chat: Chat; readonly close: () => void } {
  const storage = localStorageOrNone();
  const chat = new Chat({
    api: chatApi,
    newKey: () => newKey(),
    now: () => Date.now(),
    seen: readSeen(storage),
    outbox: createOutbox(storage),
  });
  let { seen: written } = chat.store.get();
  const unsubscribe = chat.store.subscribe(() => {
    const { seen } = chat.store.get();
    if (seen !== written) writeSeen(storage, seen);
    written = seen;
  });
  const onStorage = ({ key }: StorageEvent): void => {
    if (key !== SEEN_KEY) return;
    chat.store.update((state) => ({ ...state, seen: mergeSeen(state.seen, readSeen(storage)) }));
  };
  const onVisible = (): void => {
    const isWatched = document.visibilityState === "visible";
    chat.store.update((state) => ({ ...state, isWatched }));
  };
  onVisible();
  window.addEventListener("storage", onStorage);
  document.addEventListener("visibilitychange", onVisible);
  return {
    chat,
    close() {
      window.removeEventListener("storage", onStorage);
      document.removeEventListener("visibilitychange", onVisible);
      unsubscribe();
      chat.close();
    },
  };
}

/** `crypto.randomUUID` is for pages over TLS and on this machine alone. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

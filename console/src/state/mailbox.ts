import type { InboxApi, InboxEntry, InboxItem } from "../api/inbox.ts";
import { gathered } from "./gathered.ts";
import { createStore, type Store } from "./store.ts";

export interface MailboxState {
  /** The newest first. */
  readonly items: readonly InboxEntry[];
  readonly next: string | undefined;
  /** In all, also of items that are not read yet. */
  readonly unread: number;
  readonly load: "loading" | "ready" | "failed";
  /** The item that is open, once it was read. */
  readonly open: InboxItem | undefined;
  /** Why the open one could not be read, or a change was not made. */
  readonly problem: unknown;
}

/** What waits for the person to read: as far as this page knows it. */
export class Mailbox {
  readonly store: Store<MailboxState>;
  readonly #api: InboxApi;
  readonly #life = new AbortController();
  /** Something is new. Never rejects: what cannot be read now comes with the next look. */
  readonly refreshSoon: () => Promise<void> = gathered(() => this.refresh(), this.#life.signal);

  constructor(api: InboxApi, unread: number) {
    this.#api = api;
    this.store = createStore<MailboxState>({
      ...{ items: [], next: undefined, unread, load: "loading", open: undefined, problem: undefined },
    });
  }

  close(): void {
    this.#life.abort(new Error("The page is closed."));
  }

  async refresh(): Promise<void> {
    try {
      const { items, next, unread } = await this.#api.list();
      this.store.update((state) => ({ ...state, ...latest(state, items, next), unread, load: "ready" }));
    } catch (problem) {
      this.store.update((state) => (state.load === "loading" ? { ...state, load: "failed" } : state));
      throw problem;
    }
  }

  async more(): Promise<void> {
    const { next: cursor } = this.store.get();
    if (cursor === undefined) return;
    const { items, next } = await this.#api.list(cursor);
    this.store.update((state) => {
      const known = new Set(state.items.map(({ id }) => id));
      return { ...state, items: [...state.items, ...items.filter(({ id }) => !known.has(id))], next };
    });
  }

  /** Reads an item, which marks it as read; undefined: none is open. */
  async open(id: string | undefined): Promise<void> {
    const { open } = this.store.get();
    this.store.update((state) => ({
      ...state,
      open: open?.id === id ? open : undefined,
      problem: undefined,
    }));
    if (id === undefined) return;
    await this.#change(async () => {
      const item = await this.#api.read(id);
      this.store.update((state) => ({ ...state, open: item }));
    });
  }

  markUnread(id: string): Promise<boolean> {
    return this.#change(() => this.#api.unread(id));
  }

  readAll(): Promise<boolean> {
    return this.#change(() => this.#api.readAll());
  }

  remove(id: string): Promise<boolean> {
    return this.#change(async () => {
      await this.#api.remove(id);
      this.store.update((state) => ({ ...state, items: state.items.filter((one) => one.id !== id) }));
    });
  }

  /** Whether it was done; what went wrong stands in `problem`. */
  async #change(run: () => Promise<unknown>): Promise<boolean> {
    try {
      await run();
      this.store.update((state) => ({ ...state, problem: undefined }));
      return true;
    } catch (problem) {
      this.store.update((state) => ({ ...state, problem }));
      return false;
    } finally {
      void this.refreshSoon();
    }
  }
}

/** The newest items as they were read just now; older ones, read before, stay behind them. */
function latest(
  state: MailboxState,
  items: readonly InboxEntry[],
  next: string | undefined,
): Pick<MailboxState, "items" | "next"> {
  const last = items.at(-1);
  const place = last === undefined ? -1 : state.items.findIndex(({ id }) => id === last.id);
  const further = next === undefined || place === -1 ? [] : state.items.slice(place + 1);
  return { items: [...items, ...further], next: further.length > 0 ? state.next : next };
}

/**
 * What waits for a person to read: replies that were to go to them rather than into a chat, and what Troupe has to tell
 * them. Not to be mixed up with `InboxStore`, the custody of messages that came in.
 */
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** Id of the channel that leads into inboxes: `replyTo: { channel: INBOX_CHANNEL, target: <id of a principal> }`. */
export const INBOX_CHANNEL = "inbox";

/** Whose inbox operators share, beside the one of their own: notices about Troupe itself go there. */
export const OPERATOR_ID = "operator";

/** Items of one owner that are kept; past it read ones go first, then unread ones, the oldest of each first. */
export const MAX_INBOX_ITEMS = 1_000;

/** Characters of an item's text; what is longer is cut, and stands whole in its session. */
export const MAX_INBOX_TEXT = 100_000;

export interface InboxItem {
  readonly id: string;
  readonly spaceId: string;
  /** Id of the principal whose inbox it is in. */
  readonly ownerId: string;
  /** `reply`: an agent's. `notice`: Troupe's own. */
  readonly kind: "reply" | "notice";
  /** These three are undefined for notices, and where nothing is known of the turn. */
  readonly agentId: string | undefined;
  readonly sessionId: string | undefined;
  readonly turnId: string | undefined;
  /** One line. */
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  /** UTC milliseconds, as `readAt`. */
  readonly createdAt: number;
  readonly readAt: number | undefined;
}

/** An item of a list: the beginning of its text alone. */
export interface InboxEntry extends Omit<InboxItem, "text"> {
  readonly excerpt: string;
}

/** Whose items: of one space, and of any of these owners. */
export interface InboxOwners {
  readonly spaceId: string;
  readonly ownerIds: readonly string[];
}

/** Items of people's inboxes. They go with their session, and when there are too many of them. */
export interface InboxItemStore {
  /**
   * Keeps an item, and lets go of what its owner has beyond the newest `keep`. The same id twice is one item, also after it
   * was removed; `isNew` is false then.
   */
  put(item: Omit<InboxItem, "readAt">, keep: number): Write<{ readonly isNew: boolean }>;
  /** Marks one item, or all for an undefined id, as read at `readAt`, or as unread. Counts those that changed. */
  mark(
    query: InboxOwners & { readonly id: string | undefined; readonly readAt: number | undefined },
  ): Write<{ readonly count: number }>;
  /** Its words are gone; the id stays known for a while, so that a repeat of its delivery does not bring it back. */
  remove(
    query: InboxOwners & { readonly id: string; readonly at: number },
  ): Write<{ readonly count: number }>;
  /** Undefined for one that was removed, and for one of somebody else. */
  get(query: InboxOwners & { readonly id: string }, options: CallOptions): Promise<InboxItem | undefined>;
  /** The newest first. */
  list(
    query: InboxOwners & PageQuery & { readonly unreadOnly: boolean },
    options: CallOptions,
  ): Promise<Page<InboxEntry>>;
  countUnread(query: InboxOwners, options: CallOptions): Promise<number>;
}

/** What Troupe has to tell somebody. The same `key` for the same owner is one notice. */
export interface NewNotice {
  /** Id of a principal; `OPERATOR_ID` for what operators are to know. */
  readonly ownerId: string;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  readonly key: string;
}

export interface Notices {
  /** Keeps a notice and rings. Never throws or waits: one that cannot be kept is logged and counted. */
  post(notice: NewNotice): void;
  /** The same as a write, for whoever commits it together with what it tells of; `ring` after the commit. */
  write(notice: NewNotice): Write<unknown>;
  /** Tells whoever looks at the inbox that it changed. */
  ring(ownerId: string): void;
}

import {
  type Channel,
  type Clock,
  type IdGenerator,
  INBOX_CHANNEL,
  type InboxItemStore,
  MAX_INBOX_ITEMS,
  MAX_INBOX_TEXT,
  type MessageBus,
  type OutboundMessage,
  type SessionStore,
  SUBJECTS,
  TroupeError,
  type UnitOfWork,
} from "@troupe/contracts";
import { derivedId, type Metrics, safeText, titleOf } from "../kit/index.ts";

export interface InboxChannelDeps {
  /** Of messages that no turn said. */
  readonly spaceId: string;
  readonly inboxItems: Pick<InboxItemStore, "put">;
  readonly sessions: Pick<SessionStore, "get">;
  readonly unit: Pick<UnitOfWork, "commit">;
  readonly bus: Pick<MessageBus, "publish">;
  readonly clock: Pick<Clock, "now">;
  readonly ids: IdGenerator;
  readonly metrics: Metrics;
}

/**
 * The channel into people's inboxes; its target is the id of a principal. Keyed: the item's id follows from owner and key,
 * so a message that is sent again is the same item, also after that was read or removed.
 */
export function createInboxChannel(deps: InboxChannelDeps): Channel {
  const { inboxItems, sessions, unit, clock } = deps;
  const kept = deps.metrics.counter("inbox_items_total", "Items that came into people's inboxes, by kind.");
  const ring = inboxRinger(deps);
  return {
    id: INBOX_CHANNEL,
    delivery: "keyed",
    async send(message, { signal }) {
      signal.throwIfAborted();
      const { target: ownerId, text, origin } = message;
      if (ownerId === "") throw nobody();
      const spaceId = origin?.spaceId ?? deps.spaceId;
      const id = inboxItemId(spaceId, ownerId, message.key);
      const session = origin === undefined ? undefined : await sessions.get(origin.sessionId, { signal });
      const write = inboxItems.put(
        {
          ...{ id, spaceId, ownerId, kind: "reply", createdAt: clock.now() },
          agentId: session?.agentId,
          sessionId: session?.id,
          turnId: session === undefined ? undefined : origin?.turnId,
          title: titleFor(message, session?.name),
          text: boundText(text),
        },
        MAX_INBOX_ITEMS,
      );
      const { isNew } = (await unit.commit([write], { signal })).read(write);
      if (isNew) kept.add(1, { kind: "reply" });
      // Rung for a repeat, too: the process that kept it may have ended before it rang.
      ring(ownerId);
      return { platformId: id };
    },
  };
}

/** The id of what is kept under this key in somebody's inbox. */
export function inboxItemId(spaceId: string, ownerId: string, key: string): string {
  return derivedId("inbox-item", spaceId, ownerId, key);
}

/** Tells whoever looks at an inbox that it changed. */
export function inboxRinger({
  bus,
  ids,
  clock,
}: Pick<InboxChannelDeps, "bus" | "ids" | "clock">): (ownerId: string) => void {
  const kind = SUBJECTS.inboxChanged;
  return (ownerId) =>
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: { ownerId } });
}

/** At most `MAX_INBOX_TEXT` characters, never half a letter. */
export function boundText(text: string): string {
  return text.length <= MAX_INBOX_TEXT ? text : `${text.slice(0, MAX_INBOX_TEXT - 1).toWellFormed()}…`;
}

/** What the conversation is called, or how the reply begins. */
function titleFor({ text }: OutboundMessage, name: string | undefined): string {
  return name ?? titleOf(safeText(text));
}

function nobody(): TroupeError {
  return new TroupeError(
    "A reply is to go to an inbox, and nothing says to whose. Give replyTo.target the id of a principal.",
    { code: "channel.rejected" },
  );
}

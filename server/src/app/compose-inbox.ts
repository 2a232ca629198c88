import { type Channel, INBOX_CHANNEL, type MessageBus, type Notices, TroupeError } from "@troupe/contracts";
import { createInboxChannel, createNotices } from "../workers/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";

/** People's inboxes: a channel that is always there, and the way in for what Troupe has to tell. */
export function composeInbox(
  foundation: Foundation,
  bus: MessageBus,
  others: readonly Channel[],
): { readonly channels: readonly Channel[]; readonly notices: Notices } {
  if (others.some(({ id }) => id === INBOX_CHANNEL)) {
    throw new TroupeError(`"${INBOX_CHANNEL}" is Troupe's own channel; give yours another id.`, {
      code: "config.invalid",
    });
  }
  const deps = { ...foundation, ...foundation.stores, bus, spaceId: SPACE };
  return { channels: [createInboxChannel(deps), ...others], notices: createNotices(deps) };
}

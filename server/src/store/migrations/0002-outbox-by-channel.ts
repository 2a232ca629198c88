import type { Migration } from "./types.ts";

/** What waits is looked for by channel, so that a slow one does not stand before the others. */
export const outboxByChannel: Migration = {
  name: "0002-outbox-by-channel",
  steps: () => [
    "DROP INDEX outbox_pending",
    "CREATE INDEX outbox_pending ON outbox (channel, due_at) WHERE state = 'pending'",
  ],
};

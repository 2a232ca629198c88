import type { Migration } from "./types.ts";

/**
 * Names that people give, branches, and deleting. A copied message is marked, so that search finds what was said once
 * and not once a branch.
 */
export const sessions: Migration = {
  name: "0005-sessions",
  steps: ({ text, int }) => [
    `ALTER TABLE sessions ADD COLUMN name ${text}`,
    `ALTER TABLE sessions ADD COLUMN parent_id ${text}`,
    `ALTER TABLE sessions ADD COLUMN parent_message_id ${text}`,
    `ALTER TABLE messages ADD COLUMN copied ${int} NOT NULL DEFAULT 0`,
    // Deleting a session looks for its scopes.
    "CREATE INDEX search_scopes_session ON search_scopes (session_id)",
  ],
};

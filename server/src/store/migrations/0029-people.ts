import type { Migration } from "./types.ts";

/**
 * Who wrote a message that several people read, how channels show their peers, and ways to conversations of a peer and to what agents
 * know of people among themselves.
 */
export const people: Migration = {
  name: "0029-people",
  expands: true,
  steps: ({ text, int, table }) => [
    `ALTER TABLE messages ADD COLUMN author ${text}`,
    `ALTER TABLE messages ADD COLUMN author_name ${text}`,
    'CREATE INDEX messages_author ON messages (space_id, author, "row") WHERE author IS NOT NULL',
    `CREATE TABLE peer_profiles (
    space_id ${text} NOT NULL, name ${text} NOT NULL, shown_name ${text} NOT NULL, since ${int} NOT NULL,
    PRIMARY KEY (space_id, name)
  )${table}`,
    "CREATE INDEX sessions_peer ON sessions (space_id, owner_id, peer_id)",
    `CREATE INDEX memories_relationships ON memories (space_id, agent_id, "row") WHERE kind = 'relationship'`,
  ],
};

import type { Migration } from "./types.ts";

/**
 * Storylines beside the one that a session began with, and storylines that cross sessions. Turns of that first one need no row:
 * only those elsewhere have one. A storyline begun later in a session holds its own id as its session's, for the version
 * before knows one storyline a session; `begun_in` names the session.
 */
export const storylines: Migration = {
  name: "0020-storylines",
  expands: true,
  steps: ({ text, int, table }) => [
    `ALTER TABLE storylines ADD COLUMN peer_id ${text}`,
    `ALTER TABLE storylines ADD COLUMN begun_in ${text}`,
    `ALTER TABLE storylines ADD COLUMN name ${text}`,
    `ALTER TABLE storylines ADD COLUMN merged_into ${text}`,
    "UPDATE storylines SET peer_id = (SELECT s.peer_id FROM sessions s WHERE s.id = storylines.session_id)",
    `CREATE INDEX storylines_peer ON storylines (space_id, agent_id, peer_id, updated_at)
      WHERE peer_id IS NOT NULL AND merged_into IS NULL`,
    "CREATE INDEX storylines_recent ON storylines (space_id, updated_at, id)",
    "CREATE INDEX storylines_begun ON storylines (begun_in) WHERE begun_in IS NOT NULL",
    `CREATE TABLE storyline_turns (
    turn_id ${text} NOT NULL PRIMARY KEY, storyline_id ${text} NOT NULL, session_id ${text} NOT NULL,
    turn_seq ${int} NOT NULL, side_ids ${text} NOT NULL, at ${int} NOT NULL
  )${table}`,
    "CREATE INDEX storyline_turns_session ON storyline_turns (session_id, turn_seq)",
    "CREATE INDEX storyline_turns_storyline ON storyline_turns (storyline_id, at)",
  ],
};

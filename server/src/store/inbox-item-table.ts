import type { Generated } from "kysely";

/** What waits in people's inboxes: see `tables.ts`. */
export interface InboxItemTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  owner_id: string;
  kind: string;
  agent_id: string | null;
  session_id: string | null;
  turn_id: string | null;
  title: string;
  text: string;
  created_at: number;
  read_at: number | null;
  removed_at: number | null;
}

import type { Migration } from "./types.ts";

/** What caused a turn, as columns, so that a whole chain is found and stopped. Turns that a person began have none. */
export const causes: Migration = {
  name: "0010-causes",
  steps: ({ text }) => [
    `ALTER TABLE turns ADD COLUMN root_turn_id ${text}`,
    `ALTER TABLE turns ADD COLUMN parent_turn_id ${text}`,
    'CREATE INDEX turns_chain ON turns (root_turn_id, "row") WHERE root_turn_id IS NOT NULL',
    'CREATE INDEX turns_caused ON turns (parent_turn_id, "row") WHERE parent_turn_id IS NOT NULL',
  ],
};

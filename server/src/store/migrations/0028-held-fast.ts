import type { Migration } from "./types.ts";

/** What is held fast of an agent's memories is found without reading the others. */
export const heldFast: Migration = {
  name: "0028-held-fast",
  expands: true,
  steps: () => [
    `CREATE INDEX memories_held ON memories (space_id, agent_id, "row") WHERE promoted_at IS NOT NULL AND closed_at IS NULL`,
  ],
};

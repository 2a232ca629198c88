import type { Migration } from "./types.ts";

/** Jobs of one owner and of a space are listed page by page without reading all; pairs of agents that are long quiet are found. */
export const jobsByOwner: Migration = {
  name: "0027-jobs-by-owner",
  expands: true,
  steps: () => [
    `CREATE INDEX jobs_of_owner ON jobs (space_id, owner_id, "row")`,
    `CREATE INDEX jobs_of_space ON jobs (space_id, "row")`,
    "CREATE INDEX agent_pairs_age ON agent_pairs (at)",
  ],
};

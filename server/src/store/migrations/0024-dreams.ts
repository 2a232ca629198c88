import type { Migration } from "./types.ts";

/** When memories were shown and for which questions, which were held fast, and what each night did. */
export const dreams: Migration = {
  name: "0024-dreams",
  expands: true,
  steps: ({ text, int, table }) => [
    `ALTER TABLE memories ADD COLUMN promoted_at ${int}`,
    `CREATE TABLE memory_recalls (
    memory_id ${text} NOT NULL, day ${int} NOT NULL, asked ${text} NOT NULL, times ${int} NOT NULL, weight ${int} NOT NULL,
    PRIMARY KEY (memory_id, day, asked)
  )${table}`,
    "CREATE INDEX memory_recalls_day ON memory_recalls (day)",
    `CREATE TABLE dreams (
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, night ${text} NOT NULL, promoted ${int} NOT NULL,
    archived ${int} NOT NULL, summaries ${int} NOT NULL, created_at ${int} NOT NULL,
    PRIMARY KEY (space_id, agent_id, night)
  )${table}`,
    "CREATE INDEX dreams_latest ON dreams (space_id, night, agent_id)",
  ],
};

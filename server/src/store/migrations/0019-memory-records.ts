import type { Migration } from "./types.ts";

/**
 * Memories become records with two times: nothing is deleted or edited, what counts no longer is closed. Old ones are facts
 * told once. What proved a record and the keys by which records that say the same are found have tables of their own.
 */
export const memoryRecords: Migration = {
  name: "0019-memory-records",
  expands: true,
  steps: ({ text, int, table }) => [
    `ALTER TABLE memories ADD COLUMN kind ${text} NOT NULL DEFAULT 'fact'`,
    `ALTER TABLE memories ADD COLUMN scope ${text} NOT NULL DEFAULT 'agent'`,
    `ALTER TABLE memories ADD COLUMN scope_id ${text}`,
    `ALTER TABLE memories ADD COLUMN attributes ${text} NOT NULL DEFAULT '{}'`,
    `ALTER TABLE memories ADD COLUMN slot ${text}`,
    `ALTER TABLE memories ADD COLUMN valid_from ${int}`,
    `ALTER TABLE memories ADD COLUMN valid_to ${int}`,
    `ALTER TABLE memories ADD COLUMN sources ${text} NOT NULL DEFAULT '[]'`,
    `ALTER TABLE memories ADD COLUMN proof_count ${int} NOT NULL DEFAULT 1`,
    // Millionths, so that what fades a little each day fades.
    `ALTER TABLE memories ADD COLUMN salience ${int} NOT NULL DEFAULT 500000`,
    `ALTER TABLE memories ADD COLUMN emotion ${text}`,
    `ALTER TABLE memories ADD COLUMN uses ${int} NOT NULL DEFAULT 0`,
    `ALTER TABLE memories ADD COLUMN last_used_at ${int}`,
    `ALTER TABLE memories ADD COLUMN closed_at ${int}`,
    `ALTER TABLE memories ADD COLUMN closed_reason ${text}`,
    `ALTER TABLE memories ADD COLUMN successor_id ${text}`,
    // What its keys are, so that they can be taken away with it.
    `ALTER TABLE memories ADD COLUMN keys ${text} NOT NULL DEFAULT '[]'`,
    "DROP INDEX memories_agent",
    `CREATE INDEX memories_agent ON memories (space_id, agent_id, "row")`,
    `CREATE INDEX memories_closed ON memories (space_id, agent_id, "row") WHERE closed_at IS NOT NULL`,
    `CREATE INDEX memories_of_space ON memories (space_id, "row") WHERE scope = 'space'`,
    "CREATE INDEX memories_successor ON memories (successor_id) WHERE successor_id IS NOT NULL",

    `CREATE TABLE memory_proofs (
    memory_id ${text} NOT NULL, turn_id ${text} NOT NULL, sources ${text} NOT NULL, at ${int} NOT NULL,
    PRIMARY KEY (memory_id, turn_id)
  )${table}`,
    `CREATE TABLE memory_keys (
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, key ${text} NOT NULL, memory_row ${int} NOT NULL,
    PRIMARY KEY (space_id, agent_id, key, memory_row)
  )${table}`,
  ],
};

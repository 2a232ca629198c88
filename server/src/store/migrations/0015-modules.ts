import type { Migration } from "./types.ts";

/** Tasks that modules keep: what they are, the storylines they belong to, and what they wait for. */
export const modules: Migration = {
  name: "0015-modules",
  steps: ({ text, int, row, table, rows }) => [
    `CREATE TABLE module_instances (
    ${row}, id ${text} NOT NULL UNIQUE, space_id ${text} NOT NULL, agent_id ${text} NOT NULL, module_id ${text} NOT NULL,
    session_id ${text} NOT NULL, turn_id ${text} NOT NULL, audience ${text} NOT NULL, title ${text} NOT NULL,
    state ${text} NOT NULL, outcome ${text}, reason ${text}, v ${int} NOT NULL, payload ${text} NOT NULL,
    callbacks ${text} NOT NULL, created_at ${int} NOT NULL, updated_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    "CREATE INDEX module_instances_session ON module_instances (session_id)",
    `CREATE TABLE module_links (
    storyline_id ${text} NOT NULL, instance_id ${text} NOT NULL, session_id ${text} NOT NULL, created_at ${int} NOT NULL,
    PRIMARY KEY (storyline_id, instance_id)
  )${table}`,
    "CREATE INDEX module_links_session ON module_links (session_id)",
    "CREATE INDEX module_links_instance ON module_links (instance_id)",
    `CREATE TABLE module_dependencies (
    instance_id ${text} NOT NULL, depends_on ${text} NOT NULL, if_fails ${text} NOT NULL,
    PRIMARY KEY (instance_id, depends_on)
  )${table}`,
    "CREATE INDEX module_dependencies_on ON module_dependencies (depends_on, instance_id)",
  ],
};

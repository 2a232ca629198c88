import type { Migration } from "./types.ts";

/** Schedules, their runs, and which of them waits for which. */
export const jobs: Migration = {
  name: "0012-jobs",
  steps: ({ id, text, int, table, row, rows }) => [
    `CREATE TABLE jobs (
    ${row}, id ${id} NOT NULL UNIQUE, space_id ${text} NOT NULL, agent_id ${text} NOT NULL,
    owner_id ${text} NOT NULL, peer_id ${text} NOT NULL, title ${text} NOT NULL, kind ${text} NOT NULL,
    state ${text} NOT NULL, v ${int} NOT NULL, spec ${text} NOT NULL, origin ${text} NOT NULL,
    on_failure ${text} NOT NULL, next_at ${int} NOT NULL, next_local ${text} NOT NULL, zone ${text} NOT NULL,
    begun ${int} NOT NULL, runs ${int} NOT NULL, revision ${int} NOT NULL, epoch ${int} NOT NULL,
    owner ${text}, lease_until ${int} NOT NULL, reason ${text}, created_at ${int} NOT NULL,
    updated_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    `CREATE INDEX jobs_pending ON jobs (next_at, "row") WHERE state IN ('pending', 'active')`,
    "CREATE INDEX jobs_running ON jobs (lease_until) WHERE owner IS NOT NULL",
    "CREATE INDEX jobs_queued ON jobs (id) WHERE state = 'blocked'",
    `CREATE INDEX jobs_open ON jobs (space_id, agent_id, owner_id, "row") WHERE ended_at IS NULL`,
    `CREATE INDEX jobs_owned ON jobs (space_id, agent_id, owner_id, "row")`,
    `CREATE TABLE job_needs (
    job_id ${text} NOT NULL, needs_id ${text} NOT NULL, PRIMARY KEY (job_id, needs_id)
  )${table}`,
    "CREATE INDEX job_needs_needed ON job_needs (needs_id, job_id)",
    `CREATE TABLE job_runs (
    ${row}, id ${id} NOT NULL UNIQUE, job_id ${text} NOT NULL, space_id ${text} NOT NULL,
    state ${text} NOT NULL, due_at ${int} NOT NULL, attempt ${int} NOT NULL, turn_id ${text}, message_id ${text},
    reason ${text}, started_at ${int} NOT NULL, deadline_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    `CREATE INDEX job_runs_job ON job_runs (job_id, "row")`,
    "CREATE INDEX job_runs_open ON job_runs (deadline_at) WHERE state IN ('starting', 'running')",
  ],
};

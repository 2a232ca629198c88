import type { Generated } from "kysely";

/** The tables of schedules: see `tables.ts`. */
export interface JobTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  agent_id: string;
  owner_id: string;
  peer_id: string;
  title: string;
  kind: string;
  state: string;
  v: number;
  spec: string;
  origin: string;
  on_failure: string;
  next_at: number;
  next_local: string;
  zone: string;
  begun: number;
  runs: number;
  revision: number;
  epoch: number;
  /** The process that starts its run; null once the run's turn is there. */
  owner: string | null;
  lease_until: number;
  reason: string | null;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
}

export interface JobNeedTable {
  job_id: string;
  needs_id: string;
}

export interface JobRunTable {
  row: Generated<number>;
  id: string;
  job_id: string;
  space_id: string;
  state: string;
  due_at: number;
  attempt: number;
  turn_id: string | null;
  message_id: string | null;
  reason: string | null;
  started_at: number;
  deadline_at: number;
  ended_at: number | null;
}

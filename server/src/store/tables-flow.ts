import type { Generated } from "kysely";

/** The tables of flows; see tables.ts. */
export interface FlowTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  definition: string;
  version: number;
  /** `definition@version`: what a process must know to run it. */
  program: string;
  parent_id: string | null;
  session_id: string | null;
  agent_id: string | null;
  goal: string;
  step: string;
  reason: string;
  v: number;
  state: string;
  status: string;
  wait: string | null;
  wait_kind: string | null;
  /** While it waits for an event. */
  topic: string | null;
  correlation_id: string | null;
  waiting_since: number | null;
  /** While it is claimed: when the claim ends. */
  due_at: number | null;
  /** The reason; null where nobody asked. */
  cancel_requested: string | null;
  mirrored: number;
  revision: number;
  attempt: number;
  epoch: number;
  owner: string | null;
  /** Names the newest change that was made without a guard, so that its line of history is written only if it was. */
  last_change: string | null;
  error: string | null;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
}

export interface FlowEventTable {
  flow_id: string;
  n: number;
  at: number;
  what: string;
  step: string;
  made_by: string;
  detail: string;
}

export interface FlowSignalTable {
  row: Generated<number>;
  space_id: string;
  event_id: string;
  topic: string;
  correlation_id: string;
  flow_id: string | null;
  v: number;
  payload: string;
  at: number;
  expires_at: number;
  taken_by: string | null;
}

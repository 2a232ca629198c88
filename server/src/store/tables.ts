import type { Generated, Selectable } from "kysely";
import { AGENT_TABLE_NAMES, type AgentTables } from "./agent-tables.ts";
import { DOCUMENT_TABLE_NAMES, type DocumentTables } from "./document-table.ts";
import type { InboxItemTable } from "./inbox-item-table.ts";
import type { JobNeedTable, JobRunTable, JobTable } from "./job-tables.ts";
import { MEMORY_TABLE_NAMES, type MemoryTables } from "./memory-tables.ts";
import type { ModuleDependencyTable, ModuleInstanceTable, ModuleLinkTable } from "./module-tables.ts";
import { PERSON_TABLE_NAMES, type PersonTables } from "./person-tables.ts";
import type { DataKeyTable, SecretTable } from "./secret-tables.ts";
import type { CompactionTable, StorylineTable, StorylineTurnTable } from "./storyline-tables.ts";
import type { FlowEventTable, FlowSignalTable, FlowTable } from "./tables-flow.ts";
import type { TapeTable } from "./tape-table.ts";
import type { VectorTable } from "./vector-table.ts";

/** The tables as the query builder sees them. `row` columns are numbers in order of arrival. */
export interface Tables extends AgentTables, DocumentTables, MemoryTables, PersonTables {
  sessions: SessionTable;
  storylines: StorylineTable;
  storyline_turns: StorylineTurnTable;
  compactions: CompactionTable;
  messages: MessageTable;
  attachments: AttachmentTable;
  turns: TurnTable;
  turn_steps: TurnStepTable;
  inbox: InboxTable;
  outbox: OutboxTable;
  effects: EffectTable;
  processes: ProcessTable;
  accounts: AccountTable;
  reservations: ReservationTable;
  model_calls: ModelCallTable;
  keys: KeyTable;
  sign_ins: SignInTable;
  agents: AgentTable;
  secrets: SecretTable;
  data_keys: DataKeyTable;
  holds: HoldTable;
  tapes: TapeTable;
  jobs: JobTable;
  job_needs: JobNeedTable;
  job_runs: JobRunTable;
  flows: FlowTable;
  flow_events: FlowEventTable;
  flow_signals: FlowSignalTable;
  module_instances: ModuleInstanceTable;
  module_links: ModuleLinkTable;
  module_dependencies: ModuleDependencyTable;
  inbox_items: InboxItemTable;
  vectors: VectorTable;
}

/** Names of every table with rows of its own, for `reset`. */
export const TABLE_NAMES: readonly (keyof Tables)[] = [
  "sessions",
  "storylines",
  "storyline_turns",
  "compactions",
  "messages",
  "attachments",
  "turns",
  "turn_steps",
  "inbox",
  "outbox",
  "effects",
  "processes",
  "accounts",
  "reservations",
  "model_calls",
  "keys",
  "sign_ins",
  "agents",
  ...MEMORY_TABLE_NAMES,
  "secrets",
  "data_keys",
  "holds",
  "tapes",
  "jobs",
  "job_needs",
  "job_runs",
  "flows",
  "flow_events",
  "flow_signals",
  "module_instances",
  "module_links",
  "module_dependencies",
  ...AGENT_TABLE_NAMES,
  "inbox_items",
  "vectors",
  ...DOCUMENT_TABLE_NAMES,
  ...PERSON_TABLE_NAMES,
];

/** The version that every payload is written with. A row with a higher one is parked: neither claimed nor listed. */
export const PAYLOAD_VERSION = 1;

export interface SessionTable {
  id: string;
  space_id: string;
  agent_id: string;
  channel: string;
  key: string;
  peer_id: string;
  owner_id: string;
  audience: string;
  stateless: number;
  last_seq: number;
  /** How often it was touched; 1 says that this touch made it. */
  touches: number;
  created_at: number;
  updated_at: number;
  name: string | null;
  handed_to: string | null;
  parent_id: string | null;
  parent_message_id: string | null;
}

export interface MessageTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  session_id: string;
  turn_id: string;
  seq: number;
  turn_seq: number;
  role: string;
  v: number;
  parts: string;
  audience: string;
  outcome: string;
  created_at: number;
  /** 1: came with a branch; the search index has what it is a copy of. */
  copied: Generated<number>;
  /** Of a message that several people read. */
  author: string | null;
  author_name: string | null;
}

export interface AttachmentTable {
  space_id: string;
  blob_id: string;
  message_id: string;
  session_id: string;
  media_type: string;
  name: string;
  size_bytes: number;
}

export interface TurnTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  agent_id: string;
  agent_revision: number;
  session_id: string;
  turn_seq: number;
  trigger: string;
  /** 0 realtime, 1 background, 2 heavy: claims order by it. */
  lane: number;
  state: string;
  attempt: number;
  epoch: number;
  owner: string | null;
  inbound_count: number;
  v: number;
  payload: string;
  /** Of the chain that caused it; null where a person began it. */
  root_turn_id: string | null;
  parent_turn_id: string | null;
  due_at: number;
  deadline_at: number;
  cancel_requested: number;
  reserved_micro_usd: number;
  cost_micro_usd: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  error_code: string | null;
  error_message: string | null;
  /** Entries as JSON, joined by commas without the brackets, so that appending is concatenation. */
  trace: string;
  created_at: number;
  finished_at: number | null;
  /** Of a dead one: since when the operator does not want to see it among the dead letters. */
  dismissed_at: number | null;
}

export interface TurnStepTable {
  turn_id: string;
  n: number;
  kind: string;
  v: number;
  at: number;
  payload: string;
}

export interface InboxTable {
  /** Empty for refused messages, which have no turn. */
  turn_id: string;
  /** Order within the turn, from 0. */
  n: number;
  id: string;
  space_id: string;
  session_id: string;
  channel: string;
  platform_id: string | null;
  request_hash: string | null;
  principal_id: string;
  principal_kind: string;
  reply_channel: string | null;
  reply_target: string | null;
  state: string;
  reason: string | null;
  received_at: number;
  accepted_at: number;
  ended_at: number | null;
}

export interface OutboxTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  turn_id: string;
  session_id: string;
  channel: string;
  target: string;
  text: string;
  state: string;
  begun: number;
  attempt: number;
  epoch: number;
  owner: string | null;
  lease_until: number;
  due_at: number;
  platform_id: string | null;
  error: string | null;
  created_at: number;
  ended_at: number | null;
  errors: string | null;
}

export interface EffectTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  kind: string;
  v: number;
  lane: number;
  turn_id: string;
  session_id: string;
  payload: string;
  state: string;
  attempt: number;
  epoch: number;
  owner: string | null;
  lease_until: number;
  due_at: number;
  error: string | null;
  created_at: number;
  ended_at: number | null;
  /** 0 to 9, 0 first. */
  priority: Generated<number>;
  /** Of one key one at a time, in order of `row`. */
  key: string | null;
  /** What went wrong, attempt by attempt: JSON objects joined by commas. */
  errors: string | null;
}

export interface ProcessTable {
  id: string;
  pid: number;
  role: string;
  /** By the database's clock. */
  lease_until: number;
}

export interface AccountTable {
  space_id: string;
  scope: string;
  subject: string;
  period: string;
  spent_micro_usd: number;
  reserved_micro_usd: number;
  granted_micro_usd: number;
  asked: number;
  asked_at: number | null;
}

export interface ReservationTable {
  holder: string;
  space_id: string;
  scope: string;
  subject: string;
  period: string;
  micro_usd: number;
}

export interface ModelCallTable {
  id: string;
  space_id: string;
  agent_id: string;
  session_id: string;
  turn_id: string;
  peer_id: string;
  owner_id: string;
  storyline_id: string | null;
  model: string;
  key_id: string | null;
  purpose: string;
  outcome: string;
  error_code: string | null;
  input_tokens: number;
  cached_input_tokens: number;
  cache_write_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  estimated: number;
  cost_micro_usd: number;
  priced: number;
  /** 1 once its cost is in its accounts. */
  charged: number;
  latency_ms: number;
  day: string;
  at: number;
}

export interface KeyTable {
  id: string;
  space_id: string;
  name: string;
  kind: string;
  hash: string;
  hint: string;
  created_at: number;
  revoked_at: number | null;
}

export interface SignInTable {
  id: string;
  space_id: string;
  principal_kind: string;
  principal_id: string;
  name: string;
  code_hash: string;
  code_until: number;
  created_at: number;
  used_at: number | null;
  token_hash: string | null;
  until: number | null;
  revoked_at: number | null;
}

export interface AgentTable {
  space_id: string;
  id: string;
  revision: number;
  v: number;
  spec: string;
  updated_at: number;
  retired_at: number | null;
}

export interface HoldTable {
  space_id: string;
  reason: string;
  since: number;
}

/** The values of some columns of a table, in the order in which they were asked for. */
export type TupleOf<Table, Columns extends readonly (keyof Table)[]> = {
  -readonly [I in keyof Columns]: Columns[I] extends keyof Selectable<Table>
    ? Selectable<Table>[Columns[I]]
    : never;
};

import type { Generated } from "kysely";

export interface MemoryTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  agent_id: string;
  audience: string;
  text: string;
  turn_id: string;
  /** Since when it is known. */
  created_at: number;
  kind: Generated<string>;
  scope: Generated<string>;
  /** Of the storyline or session that it belongs to. */
  scope_id: string | null;
  attributes: Generated<string>;
  slot: string | null;
  valid_from: number | null;
  valid_to: number | null;
  sources: Generated<string>;
  proof_count: Generated<number>;
  /** Millionths. */
  salience: Generated<number>;
  emotion: string | null;
  uses: Generated<number>;
  last_used_at: number | null;
  closed_at: number | null;
  closed_reason: string | null;
  successor_id: string | null;
  /** Its own in `memory_keys`: a JSON array. */
  keys: Generated<string>;
  promoted_at: number | null;
}

/** A further turn that told a memory. */
export interface MemoryProofTable {
  memory_id: string;
  turn_id: string;
  sources: string;
  at: number;
}

/** What memories that say the same have in common; of closed ones too. */
export interface MemoryKeyTable {
  space_id: string;
  agent_id: string;
  key: string;
  memory_row: number;
}

/** When a memory was shown, and for what. */
export interface MemoryRecallTable {
  memory_id: string;
  /** UTC days since 1970. */
  day: number;
  asked: string;
  times: number;
  /** Millionths. */
  weight: number;
}

/** What one night did to the memories of one agent. */
export interface DreamTable {
  space_id: string;
  agent_id: string;
  night: string;
  promoted: number;
  archived: number;
  summaries: number;
  created_at: number;
}

export interface MemoryTables {
  memories: MemoryTable;
  memory_proofs: MemoryProofTable;
  memory_keys: MemoryKeyTable;
  memory_recalls: MemoryRecallTable;
  dreams: DreamTable;
}

export const MEMORY_TABLE_NAMES: readonly (keyof MemoryTables)[] = [
  "memories",
  "memory_proofs",
  "memory_keys",
  "memory_recalls",
  "dreams",
];

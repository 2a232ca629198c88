import type { Generated } from "kysely";

/** What agents have among themselves. */
export interface AgentTables {
  agent_channels: AgentChannelTable;
  agent_members: AgentMemberTable;
  agent_messages: AgentMessageTable;
  agent_deliveries: AgentDeliveryTable;
  agent_gathers: AgentGatherTable;
  agent_pairs: AgentPairTable;
  agent_activations: AgentActivationTable;
  agent_stops: AgentStopTable;
  handoffs: HandoffTable;
}

export const AGENT_TABLE_NAMES: readonly (keyof AgentTables)[] = [
  "agent_channels",
  "agent_members",
  "agent_messages",
  "agent_deliveries",
  "agent_gathers",
  "agent_pairs",
  "agent_activations",
  "agent_stops",
  "handoffs",
];

export interface AgentChannelTable {
  id: string;
  space_id: string;
  kind: string;
  name: string;
  creator: string;
  owner_id: string;
  peer_id: string;
  audience: string;
  last_seq: number;
  created_at: number;
}

export interface AgentMemberTable {
  channel_id: string;
  agent_id: string;
  seen_seq: number;
  processed_seq: number;
  joined_at: number;
  left_at: number | null;
}

export interface AgentMessageTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  channel_id: string;
  seq: number;
  kind: string;
  from_agent: string;
  text: string;
  v: number;
  payload: string;
  created_at: number;
}

export interface AgentDeliveryTable {
  row: Generated<number>;
  message_id: string;
  to_agent: string;
  from_agent: string;
  space_id: string;
  channel_id: string;
  seq: number;
  kind: string;
  state: string;
  attempts: number;
  batch_id: string | null;
  alone: number;
  turn_id: string | null;
  gather_id: string | null;
  reason: string | null;
  origin_turn_id: string;
  root_turn_id: string;
  created_at: number;
  ended_at: number | null;
  dismissed_at: number | null;
}

export interface AgentGatherTable {
  id: string;
  space_id: string;
  agent_id: string;
  session_id: string;
  turn_id: string;
  root_turn_id: string;
  state: string;
  wanted: number;
  total: number;
  depth: number;
  hops: number;
  lane: number;
  created_at: number;
  ended_at: number | null;
}

/** Locked by whoever counts the activations of a pair, so that no two count at once. */
export interface AgentPairTable {
  space_id: string;
  pair: string;
  at: number;
}

export interface AgentActivationTable {
  id: string;
  space_id: string;
  pair: string;
  at: number;
}

export interface AgentStopTable {
  root_turn_id: string;
  space_id: string;
  reason: string;
  at: number;
}

export interface HandoffTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  session_id: string;
  from_agent: string;
  to_agent: string;
  turn_id: string;
  turn_seq: number;
  note: string;
  context: string;
  audience: string;
  at: number;
  ended_at: number | null;
}

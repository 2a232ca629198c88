import type { AgentDelivery, AgentGather } from "@troupe/contracts";
import type { AgentDeliveryTable, AgentGatherTable } from "../agent-tables.ts";
import type { Row } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { laneOf } from "./kit.ts";

/** Their order is that of the values of a row. */
export const DELIVERY = [
  "row",
  "message_id",
  "space_id",
  "channel_id",
  "seq",
  "kind",
  "from_agent",
  "to_agent",
  "state",
  "attempts",
  "batch_id",
  "alone",
  "turn_id",
  "gather_id",
  "reason",
  "origin_turn_id",
  "root_turn_id",
  "created_at",
  "ended_at",
] as const;

export const GATHER = [
  "id",
  "space_id",
  "agent_id",
  "session_id",
  "turn_id",
  "root_turn_id",
  "state",
  "wanted",
  "total",
  "depth",
  "hops",
  "lane",
  "created_at",
] as const;

export function deliveryOf(row: Row): AgentDelivery {
  const [
    ,
    messageId,
    spaceId,
    channelId,
    seq,
    kind,
    from,
    to,
    state,
    attempts,
    batchId,
    alone,
    turnId,
    ...rest
  ] = row as unknown as TupleOf<AgentDeliveryTable, typeof DELIVERY>;
  const [gatherId, reason, originTurnId, rootTurnId, createdAt, endedAt] = rest;
  return {
    ...{ messageId, spaceId, channelId, seq, from, to, attempts, originTurnId, rootTurnId, createdAt },
    kind: kind as AgentDelivery["kind"],
    state: state as AgentDelivery["state"],
    isAlone: alone === 1,
    ...(batchId === null ? {} : { batchId }),
    ...(turnId === null ? {} : { turnId }),
    ...(gatherId === null ? {} : { gatherId }),
    ...(reason === null ? {} : { reason }),
    ...(endedAt === null ? {} : { endedAt }),
  };
}

export function gatherOf(row: Row): AgentGather {
  const [
    id,
    spaceId,
    agentId,
    sessionId,
    turnId,
    rootTurnId,
    state,
    wanted,
    total,
    depth,
    hops,
    lane,
    createdAt,
  ] = row as unknown as TupleOf<AgentGatherTable, typeof GATHER>;
  return {
    ...{ id, spaceId, agentId, sessionId, turnId, rootTurnId, wanted, total, depth, hops, createdAt },
    state: state as AgentGather["state"],
    lane: laneOf(lane),
  };
}

import type { AgentDeliveryStore, AgentGather } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { type Statement, write, writeRows } from "../statement.ts";
import { passStatement } from "./agent-channels.ts";
import { DELIVERY, deliveryOf, GATHER, gatherOf } from "./agent-delivery-rows.ts";
import { laneNumber, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

export function createAgentDeliveryStore(deps: PortDeps): AgentDeliveryStore {
  return { ...deliveryWrites(deps), ...gatherWrites(deps), ...deliveryReads(deps) };
}

type DeliveryWrites = "bind" | "activate" | "activated" | "end" | "again" | "prune";
type GatherWrites = "gather" | "release" | "endGather" | "stop";

function deliveryWrites(deps: PortDeps): Pick<AgentDeliveryStore, DeliveryWrites> {
  const { bind, pair, activate, activated, end, again } = deliveryStatements(deps);
  const prune = pruneStatements(deps);
  const pass = passStatement(deps, "ended");
  return {
    bind: (batch) => write(bind, { ...batch, attempts: batch.attempts }),
    activate({ one, other, ownerId, peerId, ...rest }) {
      const both = pairOf(one, other);
      const counted = JSON.stringify([ownerId, peerId, both]);
      return write(pair, { ...rest, pair: both }, [write(activate, { ...rest, pair: counted })]);
    },
    activated: (batch) => write(activated, batch),
    end: ({ channelId, ...ended }) =>
      write(end, { ...ended, reason: ended.reason }, [write(pass, { channelId })]),
    again: (delivery) => write(again, delivery),
    prune: (query) =>
      writeRows(
        prune.deliveries,
        query,
        (rows) => ({ count: rows.length }),
        prune.rest.map((one) => write(one, query)),
      ),
  };
}

/** Whoever began: what one says and what the other answers is one exchange. Of a pair one counts at a time, for whomever. */
function pairOf(one: string, other: string): string {
  return JSON.stringify([one, other].toSorted());
}

type Bind = Omit<Parameters<AgentDeliveryStore["bind"]>[0], "attempts"> & {
  readonly attempts: number | undefined;
};

interface Activation {
  readonly id: string;
  readonly spaceId: string;
  readonly pair: string;
  readonly at: number;
  readonly since: number;
  readonly max: number;
}

interface Ended {
  readonly messageId: string;
  readonly to: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly at: number;
}

function deliveryStatements({ statements }: PortDeps) {
  return {
    bind: statements.add<Bind>(
      "agent-delivery.bind",
      {},
      (_db, p) => sql`
      UPDATE agent_deliveries SET batch_id = ${p.batchId}
      WHERE state = 'waiting' AND batch_id IS NULL AND "row" IN (
        SELECT d."row" FROM agent_deliveries o JOIN agent_deliveries d ON d.channel_id = o.channel_id
          AND d.to_agent = o.to_agent AND d.state IN ('waiting', 'activated') AND d.state = 'waiting'
        WHERE o.message_id = ${p.messageId} AND o.to_agent = ${p.to} AND o.state = 'waiting' AND o.batch_id IS NULL
          AND (CAST(${p.attempts} AS BIGINT) IS NULL OR o.attempts = ${p.attempts}) AND d.batch_id IS NULL AND (d."row" = o."row" OR (o.kind = 'message' AND d.kind = 'message'
            AND o.alone = 0 AND d.alone = 0 AND d.root_turn_id = o.root_turn_id))
        ORDER BY CASE WHEN d."row" = o."row" THEN 0 ELSE 1 END, d.seq LIMIT ${p.limit})`,
    ),
    pair: statements.add<Activation>(
      "agent-pair.hold",
      {},
      (_db, p) => sql`
      INSERT INTO agent_pairs (space_id, pair, at) VALUES (${p.spaceId}, ${p.pair}, ${p.at})
      ON CONFLICT (space_id, pair) DO UPDATE SET at = excluded.at`,
    ),
    activate: statements.add<Activation>(
      "agent-pair.activate",
      { guard: "rate.limited" },
      (_db, p) => sql`
      INSERT INTO agent_activations (id, space_id, pair, at)
      SELECT CAST(${p.id} AS TEXT), CAST(${p.spaceId} AS TEXT), CAST(${p.pair} AS TEXT), CAST(${p.at} AS BIGINT)
      WHERE EXISTS (SELECT 1 FROM agent_activations known WHERE known.id = ${p.id})
        OR (SELECT count(*) FROM agent_activations a WHERE a.space_id = ${p.spaceId} AND a.pair = ${p.pair} AND a.at > ${p.since}) < ${p.max}
      ON CONFLICT (id) DO UPDATE SET id = excluded.id`,
    ),
    activated: statements.add<Parameters<AgentDeliveryStore["activated"]>[0]>(
      "agent-delivery.activated",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE agent_deliveries SET state = 'activated', turn_id = ${p.turnId}, attempts = attempts + 1
      WHERE batch_id = ${p.batchId} AND state = 'waiting'`,
    ),
    end: statements.add<Ended>(
      "agent-delivery.end",
      {},
      (_db, p) => sql`
      UPDATE agent_deliveries SET state = ${p.state}, reason = ${p.reason}, ended_at = ${p.at}
      WHERE message_id = ${p.messageId} AND to_agent = ${p.to} AND state IN ('waiting', 'activated')`,
    ),
    again: statements.add<Parameters<AgentDeliveryStore["again"]>[0]>(
      "agent-delivery.again",
      {},
      (_db, p) => sql`
      UPDATE agent_deliveries SET state = 'waiting', batch_id = NULL, alone = 1
      WHERE message_id = ${p.messageId} AND to_agent = ${p.to} AND state = 'activated'`,
    ),
  };
}

type Prune = Parameters<AgentDeliveryStore["prune"]>[0];

/** In this order: messages go when nothing is delivered of them any more. What was given up waits for the operator. */
function pruneStatements({ statements }: PortDeps): {
  readonly deliveries: Statement<Prune>;
  readonly rest: readonly Statement<Prune>[];
} {
  return {
    deliveries: statements.add<Prune>(
      "agent-delivery.prune",
      { returns: "rows" },
      (_db, p) => sql`
      DELETE FROM agent_deliveries WHERE "row" IN (
        SELECT "row" FROM agent_deliveries WHERE ended_at < ${p.before} AND (state <> 'dead' OR dismissed_at IS NOT NULL) ORDER BY ended_at LIMIT ${p.limit})
      RETURNING message_id`,
    ),
    rest: [
      statements.add<Prune>(
        "agent-message.prune",
        {},
        (_db, p) => sql`
        DELETE FROM agent_messages WHERE "row" IN (
          SELECT m."row" FROM agent_messages m WHERE m.created_at < ${p.before}
            AND NOT EXISTS (SELECT 1 FROM agent_deliveries d WHERE d.message_id = m.id)
          ORDER BY m.created_at LIMIT ${p.limit})`,
      ),
      statements.add<Prune>(
        "agent-gather.prune",
        {},
        (_db, p) => sql`
        DELETE FROM agent_gathers WHERE id IN (
          SELECT id FROM agent_gathers WHERE ended_at < ${p.before} ORDER BY ended_at LIMIT ${p.limit})`,
      ),
      statements.add<Prune>(
        "agent-stop.prune",
        {},
        (_db, p) => sql`
        DELETE FROM agent_stops WHERE root_turn_id IN (
          SELECT root_turn_id FROM agent_stops WHERE at < ${p.before} ORDER BY at LIMIT ${p.limit})`,
      ),
      statements.add<Prune>(
        "agent-pair.prune",
        {},
        (_db, p) => sql`
        DELETE FROM agent_activations WHERE id IN (
          SELECT id FROM agent_activations WHERE at < ${p.countedSince} ORDER BY at LIMIT ${p.limit})`,
      ),
      // Each is written with an activation, so none of these is counted any more.
      statements.add<Prune>(
        "agent-pair.forget",
        {},
        (_db, p) => sql`
        DELETE FROM agent_pairs WHERE (space_id, pair) IN (
          SELECT space_id, pair FROM agent_pairs WHERE at < ${p.countedSince} ORDER BY at LIMIT ${p.limit})`,
      ),
    ],
  };
}

type NewGather = Omit<AgentGather, "lane"> & { readonly lane: number };
type Stop = Parameters<AgentDeliveryStore["stop"]>[0];

function gatherWrites({ statements }: PortDeps): Pick<AgentDeliveryStore, GatherWrites> {
  const gather = statements.add<NewGather>(
    "agent-gather.put",
    {},
    (_db, p) => sql`
    INSERT INTO agent_gathers (id, space_id, agent_id, session_id, turn_id, root_turn_id, state, wanted, total, depth, hops,
      lane, created_at)
    SELECT CAST(${p.id} AS TEXT), CAST(${p.spaceId} AS TEXT), CAST(${p.agentId} AS TEXT), CAST(${p.sessionId} AS TEXT),
      CAST(${p.turnId} AS TEXT), CAST(${p.rootTurnId} AS TEXT),
      CASE WHEN EXISTS (SELECT 1 FROM agent_stops s WHERE s.root_turn_id IN (${p.rootTurnId}, ${p.turnId})) THEN 'stopped' ELSE CAST(${p.state} AS TEXT) END,
      CAST(${p.wanted} AS BIGINT), CAST(${p.total} AS BIGINT), CAST(${p.depth} AS BIGINT), CAST(${p.hops} AS BIGINT),
      CAST(${p.lane} AS BIGINT), CAST(${p.createdAt} AS BIGINT)
    WHERE true ON CONFLICT (id) DO NOTHING`,
  );
  const endGather = statements.add<Parameters<AgentDeliveryStore["endGather"]>[0]>(
    "agent-gather.end",
    {},
    (_db, p) => sql`
    UPDATE agent_gathers SET state = ${p.state}, ended_at = ${p.at} WHERE id = ${p.id} AND state IN ('awaited', 'open')`,
  );
  const release = statements.add<{ readonly id: string }>(
    "agent-gather.release",
    {},
    (_db, p) => sql`UPDATE agent_gathers SET state = 'open' WHERE id = ${p.id} AND state = 'awaited'`,
  );
  // The column names what it held at first; by now it is any turn whose doings are stopped.
  const stop = statements.add<Stop>(
    "agent-stop.put",
    {},
    (_db, p) => sql`
    INSERT INTO agent_stops (root_turn_id, space_id, reason, at)
    VALUES (${p.turnId}, ${p.spaceId}, ${p.reason}, ${p.at}) ON CONFLICT (root_turn_id) DO NOTHING`,
  );
  const stops = (["root_turn_id", "origin_turn_id"] as const).map((column) =>
    statements.add<Stop>(
      `agent-stop.deliveries-${column === "root_turn_id" ? "chain" : "own"}`,
      {},
      (_db, p) => sql`
      UPDATE agent_deliveries SET state = 'cancelled', reason = ${p.reason}, ended_at = ${p.at}
      WHERE ${sql.ref(column)} = ${p.turnId} AND state = 'waiting'`,
    ),
  );
  const stopGathers = (["root_turn_id", "turn_id"] as const).map((column) =>
    statements.add<Stop>(
      `agent-stop.gathers-${column === "root_turn_id" ? "chain" : "own"}`,
      {},
      (_db, p) => sql`
      UPDATE agent_gathers SET state = 'stopped', ended_at = ${p.at}
      WHERE ${sql.ref(column)} = ${p.turnId} AND state IN ('awaited', 'open')`,
    ),
  );
  return {
    gather: (one) => write(gather, { ...one, lane: laneNumber(one.lane) }),
    release: (id) => write(release, { id }),
    endGather: (one) => write(endGather, one),
    stop: (caused) =>
      write(
        stop,
        caused,
        [...stops, ...stopGathers].map((one) => write(one, caused)),
      ),
  };
}

function deliveryReads(deps: PortDeps): Omit<AgentDeliveryStore, DeliveryWrites | GatherWrites> {
  const { reads, statements, dialect } = deps;
  const rows = (of: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`SELECT ${sql.join(DELIVERY.map((column) => sql.ref(column)))} FROM agent_deliveries ${of}`;
  const one = statements.add<{ readonly messageId: string; readonly to: string }>(
    "agent-delivery.get",
    { returns: "row" },
    (_db, p) => rows(sql`WHERE message_id = ${p.messageId} AND to_agent = ${p.to}`),
  );
  const of = (name: string, column: string) =>
    statements.add<{ readonly id: string }>(`agent-delivery.of-${name}`, { returns: "rows" }, (_db, p) =>
      rows(sql`WHERE ${sql.ref(column)} = ${p.id} ORDER BY "row"`),
    );
  const [ofMessage, ofBatch, ofGather, ofTurn] = [
    of("message", "message_id"),
    of("batch", "batch_id"),
    of("gather", "gather_id"),
    of("turn", "origin_turn_id"),
  ];
  const list = statements.add<{
    readonly spaceId: string;
    readonly states: string | undefined;
    readonly before: number | undefined;
    readonly limit: number;
  }>("agent-delivery.list", { returns: "rows" }, (_db, p) =>
    rows(sql`WHERE space_id = ${p.spaceId} AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      AND (CAST(${p.states} AS TEXT) IS NULL OR state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")}))
      ORDER BY "row" DESC LIMIT ${p.limit}`),
  );
  const listOf = statements.add<{
    readonly spaceId: string;
    readonly channelId: string;
    readonly states: string | undefined;
    readonly before: number | undefined;
    readonly limit: number;
  }>("agent-delivery.list-of", { returns: "rows" }, (_db, p) =>
    rows(sql`WHERE channel_id = ${p.channelId} AND space_id = ${p.spaceId}
      AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      AND (CAST(${p.states} AS TEXT) IS NULL OR state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")}))
      ORDER BY "row" DESC LIMIT ${p.limit}`),
  );
  const gatherRow = statements.add<{ readonly id: string }>("agent-gather.get", { returns: "row" }, (db, p) =>
    db.selectFrom("agent_gathers").select(GATHER).where("id", "=", p.id),
  );
  return {
    async delivery(messageId, to, options) {
      const row = await reads.row(one, { messageId, to }, options);
      return row === undefined ? undefined : deliveryOf(row);
    },
    ofMessage: async (id, options) => (await reads.rows(ofMessage, { id }, options)).map(deliveryOf),
    ofBatch: async (id, options) => (await reads.rows(ofBatch, { id }, options)).map(deliveryOf),
    ofGather: async (id, options) => (await reads.rows(ofGather, { id }, options)).map(deliveryOf),
    ofTurn: async (id, options) => (await reads.rows(ofTurn, { id }, options)).map(deliveryOf),
    async findGather(id, options) {
      const row = await reads.row(gatherRow, { id }, options);
      return row === undefined ? undefined : gatherOf(row);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, channelId, states } = query;
      const input = {
        spaceId,
        states: states === undefined ? undefined : JSON.stringify(states),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const found = await (channelId === undefined
        ? reads.farRows(list, input, options)
        : reads.farRows(listOf, { ...input, channelId }, options));
      return pageOf(found, limit, deliveryOf, (row) => String(row[0]));
    },
  };
}

import type { FlowMatch, FlowSignal, FlowSignalStore, FlowState } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write, writeRows } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import type { FlowSignalTable } from "../tables-flow.ts";
import { FLOW_PAYLOAD_VERSION, jsonText } from "./flow-rows.ts";
import { type PortDeps, parsePayload } from "./kit.ts";

const COLUMNS = [
  "event_id",
  "space_id",
  "topic",
  "correlation_id",
  "flow_id",
  "v",
  "payload",
  "at",
  "expires_at",
  "taken_by",
] as const satisfies readonly (keyof FlowSignalTable)[];

export function createFlowSignalStore(deps: PortDeps): FlowSignalStore {
  const { reads } = deps;
  const statements = signalStatements(deps);
  const matchOf = ([eventId, flowId]: Row): FlowMatch => ({
    eventId: String(eventId),
    flowId: String(flowId),
  });
  return {
    keep: (signal) =>
      writeRows(statements.keep, { ...signal, payload: jsonText(signal.payload) }, (rows) => ({
        isNew: rows.length > 0,
      })),
    take: (query) => write(statements.take, query),
    async get(query, options) {
      const row = await reads.row(statements.get, query, options);
      return row === undefined ? undefined : signalOf(deps, row);
    },
    async matches({ limit, only }, options) {
      const rows =
        only === undefined
          ? await reads.farRows(statements.matches, { limit }, options)
          : await reads.rows(statements.matchesOf, { ...only, limit }, options);
      return rows.map(matchOf);
    },
    prune: (query) =>
      writeRows(statements.prune, query, (rows) => ({
        count: rows.length,
        lost: rows.filter(([takenBy]) => takenBy === null).length,
      })),
  };
}

function signalStatements({ statements }: PortDeps) {
  /** Free events beside the flows that wait for them. */
  const pairs = sql`
      FROM flow_signals s JOIN flows f
        ON f.space_id = s.space_id AND f.topic = s.topic AND f.correlation_id = s.correlation_id AND f.topic IS NOT NULL
      WHERE s.taken_by IS NULL AND s.expires_at > (SELECT now_ms()) AND s.v <= ${sql.lit(FLOW_PAYLOAD_VERSION)}
        AND (s.flow_id IS NULL OR s.flow_id = f.id) AND f.cancel_requested IS NULL
        AND f.v <= ${sql.lit(FLOW_PAYLOAD_VERSION)}`;
  const inOrder = sql`ORDER BY s."row", f.waiting_since, f."row"`;
  return {
    keep: statements.add<Omit<FlowSignal, "payload"> & { readonly payload: string }>(
      "flow-signal.keep",
      { returns: "rows" },
      (_db, p) => sql`
      INSERT INTO flow_signals (space_id, event_id, topic, correlation_id, flow_id, v, payload, at, expires_at)
      VALUES (${p.spaceId}, ${p.eventId}, ${p.topic}, ${p.correlationId}, ${p.flowId}, ${sql.lit(FLOW_PAYLOAD_VERSION)},
        ${p.payload}, ${p.at}, ${p.expiresAt})
      ON CONFLICT (space_id, event_id) DO NOTHING RETURNING event_id`,
    ),
    take: statements.add<Parameters<FlowSignalStore["take"]>[0]>(
      "flow-signal.take",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE flow_signals SET taken_by = ${p.flowId}
      WHERE space_id = ${p.spaceId} AND event_id = ${p.eventId} AND taken_by IS NULL`,
    ),
    get: statements.add<Parameters<FlowSignalStore["get"]>[0]>(
      "flow-signal.get",
      { returns: "row" },
      (db, p) =>
        db
          .selectFrom("flow_signals")
          .select(COLUMNS)
          .where("space_id", "=", p.spaceId)
          .where("event_id", "=", p.eventId),
    ),
    matches: statements.add<{ limit: number }>(
      "flow-signal.matches",
      { returns: "rows", isSmall: true },
      (_db, p) => sql`SELECT s.event_id, f.id ${pairs} ${inOrder} LIMIT ${p.limit}`,
    ),
    matchesOf: statements.add<{ spaceId: string; topic: string; correlationId: string; limit: number }>(
      "flow-signal.matches-of",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT s.event_id, f.id ${pairs} AND s.space_id = ${p.spaceId} AND s.topic = ${p.topic}
        AND s.correlation_id = ${p.correlationId} ${inOrder} LIMIT ${p.limit}`,
    ),
    prune: statements.add<Parameters<FlowSignalStore["prune"]>[0]>(
      "flow-signal.prune",
      { returns: "rows" },
      (_db, p) => sql`
      DELETE FROM flow_signals WHERE "row" IN (
        SELECT "row" FROM flow_signals WHERE expires_at < ${p.before} ORDER BY expires_at LIMIT ${p.limit})
      RETURNING taken_by`,
    ),
  };
}

function signalOf(
  deps: PortDeps,
  row: Row,
): (FlowSignal & { readonly takenBy: string | undefined }) | undefined {
  const [eventId, spaceId, topic, correlationId, flowId, v, text, at, expiresAt, takenBy] =
    row as unknown as TupleOf<FlowSignalTable, typeof COLUMNS>;
  const payload = parsePayload<FlowState>(deps, { what: "flow event", id: eventId, v, text });
  if (payload === undefined) return undefined;
  return {
    ...{ eventId, spaceId, topic, correlationId, payload, at, expiresAt },
    ...(flowId === null ? {} : { flowId }),
    takenBy: takenBy ?? undefined,
  };
}

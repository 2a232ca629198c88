import type { FlowRun, FlowStore, Page, ParkedCount } from "@troupe/contracts";
import { sql } from "kysely";
import type { Row } from "../statement.ts";
import { EVENT_COLUMNS, FLOW_COLUMNS, flowEventOf, flowOf } from "./flow-rows.ts";
import { nextDueStatement } from "./flow-writes.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

const MAX_CHILDREN = 1_000;
const MAX_HISTORY = 1_000;

type Reading = Pick<
  FlowStore,
  "get" | "list" | "ofSession" | "children" | "hasOpenChildren" | "history" | "nextDue" | "parked"
>;

/** Those of the rows that can be read here. */
export function flowsOf(deps: PortDeps, rows: readonly Row[]): readonly FlowRun[] {
  return rows.map((row) => flowOf(deps, row)).filter((flow) => flow !== undefined);
}

/** What the store of flows is asked. */
export function createFlowReads(deps: PortDeps): Reading {
  const selects = flowSelects(deps);
  const { reads } = deps;
  return {
    async get(id, options) {
      const row = await reads.row(selects.get, { id }, options);
      return row === undefined ? undefined : flowOf(deps, row);
    },
    async list(query, options): Promise<Page<FlowRun>> {
      const limit = pageLimit(query);
      const { spaceId, definition, on, unknownTo } = query;
      const input = {
        ...{ spaceId, definition, on, statuses: JSON.stringify(query.statuses), limit: limit + 1 },
        programs: unknownTo === undefined ? undefined : JSON.stringify(unknownTo),
      };
      const rows = await reads.farRows(selects.list, { ...input, before: numberCursor(query) }, options);
      const decode = (row: Row): FlowRun | undefined => flowOf(deps, row);
      return pageOf(rows, limit, decode, (row) => String(row[0]));
    },
    async ofSession(query, options) {
      return flowsOf(deps, await reads.rows(selects.ofSession, query, options));
    },
    async children(parentId, options) {
      return flowsOf(deps, await reads.rows(selects.children, { parentId }, options));
    },
    async hasOpenChildren(parentId, options) {
      return (await reads.row(selects.openChild, { parentId }, options)) !== undefined;
    },
    async history({ id, before, limit = MAX_HISTORY }, options) {
      const rows = await reads.farRows(selects.history, { id, before, limit }, options);
      return rows.map(flowEventOf).toReversed();
    },
    async nextDue(programs, options) {
      const row = await reads.row(selects.nextDue, { programs: JSON.stringify(programs) }, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
    async parked({ spaceId, programs }, options) {
      const input = { spaceId, programs: JSON.stringify(programs) };
      const rows = await reads.farRows(selects.parked, input, options);
      return rows.map(([on, count, oldestAt]) => ({
        ...{ on: on as ParkedCount["on"], count: Number(count), oldestAt: Number(oldestAt) },
      }));
    },
  };
}

function flowSelects(deps: PortDeps) {
  const { statements, dialect } = deps;
  const columns = sql.join(FLOW_COLUMNS.map((column) => sql.ref(column)));
  return {
    get: statements.add<{ id: string }>("flow.get", { returns: "row" }, (db, p) =>
      db.selectFrom("flows").select(FLOW_COLUMNS).where("id", "=", p.id),
    ),
    list: statements.add<{
      spaceId: string;
      definition: string | undefined;
      on: string | undefined;
      programs: string | undefined;
      statuses: string;
      before: number | undefined;
      limit: number;
    }>(
      "flow.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM flows
      WHERE space_id = ${p.spaceId} AND status IN (SELECT status.value FROM ${dialect.texts(p.statuses, "status")})
        AND (CAST(${p.definition} AS TEXT) IS NULL OR definition = ${p.definition})
        AND (CAST(${p.on} AS TEXT) IS NULL OR (wait_kind = ${p.on} AND ended_at IS NULL))
        AND (CAST(${p.programs} AS TEXT) IS NULL OR (mirrored = 0 AND ended_at IS NULL
          AND program NOT IN (SELECT known.value FROM ${dialect.texts(sql`coalesce(${p.programs}, '[]')`, "known")})))
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    ),
    ofSession: statements.add<{ spaceId: string; sessionId: string; limit: number }>(
      "flow.of-session",
      { returns: "rows" },
      (db, p) =>
        db
          .selectFrom("flows")
          .select(FLOW_COLUMNS)
          .where("session_id", "=", p.sessionId)
          .where("space_id", "=", p.spaceId)
          .orderBy("row", "desc")
          .limit(p.limit),
    ),
    children: statements.add<{ parentId: string }>("flow.children", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("flows")
        .select(FLOW_COLUMNS)
        .where("parent_id", "=", p.parentId)
        .orderBy("row")
        .limit(sql.lit(MAX_CHILDREN)),
    ),
    openChild: statements.add<{ parentId: string }>("flow.open-child", { returns: "row" }, (db, p) =>
      db
        .selectFrom("flows")
        .select("id")
        .where("parent_id", "=", p.parentId)
        .where("ended_at", "is", null)
        .limit(sql.lit(1)),
    ),
    history: statements.add<{ id: string; before: number | undefined; limit: number }>(
      "flow.history",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(EVENT_COLUMNS.map((column) => sql.ref(column)))} FROM flow_events
      WHERE flow_id = ${p.id} AND n < coalesce(CAST(${p.before} AS BIGINT), ${sql.lit(Number.MAX_SAFE_INTEGER)})
      ORDER BY n DESC LIMIT ${p.limit}`,
    ),
    nextDue: nextDueStatement(deps),
    parked: statements.add<{ spaceId: string; programs: string }>(
      "flow.parked",
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
      SELECT kind, count(*), min(since) FROM (
        SELECT CASE WHEN mirrored = 0 AND program NOT IN (SELECT known.value FROM ${dialect.texts(p.programs, "known")})
            THEN 'version' ELSE wait_kind END AS kind, coalesce(waiting_since, updated_at) AS since
        FROM flows WHERE space_id = ${p.spaceId} AND ended_at IS NULL) AS waiting
      WHERE kind IS NOT NULL GROUP BY kind ORDER BY kind`,
    ),
  };
}

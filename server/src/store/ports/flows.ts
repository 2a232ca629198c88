import type {
  FlowChange,
  FlowDrive,
  FlowMove,
  FlowRun,
  FlowStore,
  NewFlow,
  Page,
  ParkedCount,
  Write,
} from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write, writeRows } from "../statement.ts";
import {
  dueOf,
  EVENT_COLUMNS,
  FLOW_COLUMNS,
  flowEventOf,
  flowOf,
  jsonText,
  programOf,
  statusOf,
  waitInput,
} from "./flow-rows.ts";
import { type FlowWrites, flowWrites, nextDueStatement } from "./flow-writes.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

const MAX_DETAIL = 500;
const MAX_CHILDREN = 1_000;
const MAX_HISTORY = 1_000;

export function createFlowStore(deps: PortDeps): FlowStore {
  const writes = flowWrites(deps);
  const selects = flowSelects(deps);
  const { reads } = deps;
  const all = (rows: readonly Row[]): readonly FlowRun[] =>
    rows.map((row) => flowOf(deps, row)).filter((flow) => flow !== undefined);

  return {
    start: (flow, change) => startOf(writes, flow, change),
    move: (move, change) => moveOf(writes, move, change),
    drive: (drive, change) => driveOf(writes, drive, change),
    claim: (query) =>
      writeRows(writes.claim, { ...query, programs: JSON.stringify(query.programs) }, (rows) =>
        all(rows.toSorted((a, b) => Number(a[0]) - Number(b[0]))),
      ),
    release: ({ id, epoch, revision }, to) => write(writes.release, { id, epoch, revision, ...to }),
    noteTurn: ({ id, epoch, revision }, wait) =>
      write(writes.noteTurn, {
        ...{ id, epoch, revision },
        wait: jsonText(wait),
        dueAt: wait.deadline?.at,
      }),
    requestCancel({ id, spaceId }, change) {
      const key = `cancel:${change.at}`;
      return write(writes.requestCancel, { id, spaceId, key, reason: change.detail, at: change.at }, [
        write(writes.tellIfDone, { ...lineOf(change), id, key }),
      ]);
    },
    async get(id, options) {
      const row = await reads.row(selects.get, { id }, options);
      return row === undefined ? undefined : flowOf(deps, row);
    },
    async list(query, options): Promise<Page<FlowRun>> {
      const limit = pageLimit(query);
      const { spaceId, definition } = query;
      const input = { spaceId, definition, statuses: JSON.stringify(query.statuses), limit: limit + 1 };
      const rows = await reads.farRows(selects.list, { ...input, before: numberCursor(query) }, options);
      const decode = (row: Row): FlowRun | undefined => flowOf(deps, row);
      return pageOf(rows, limit, decode, (row) => String(row[0]));
    },
    async ofSession(query, options) {
      return all(await reads.rows(selects.ofSession, query, options));
    },
    async children(parentId, options) {
      return all(await reads.rows(selects.children, { parentId }, options));
    },
    async history(id, options) {
      return (await reads.farRows(selects.history, { id }, options)).map(flowEventOf);
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
    // The histories go first, since they are found by their flows; each flow has one.
    prune: (query) =>
      writeRows(writes.pruneEvents, query, (rows) => ({ count: new Set(rows.map(([id]) => id)).size }), [
        write(writes.prune, query),
      ]),
  };
}

function startOf(writes: FlowWrites, flow: NewFlow, change: FlowChange): Write {
  const { wait, state, isMirrored, ...rest } = flow;
  const key = "start";
  return write(
    writes.start,
    {
      ...{ ...rest, ...waitInput(wait, change.at), key, at: change.at, mirrored: isMirrored },
      program: programOf(flow.definition, flow.version),
      state: jsonText(state),
      status: statusOf(flow),
      dueAt: isMirrored ? undefined : dueOf(flow, change.at),
    },
    [write(writes.tellIfDone, { ...lineOf(change), id: flow.id, key })],
  );
}

function moveOf(writes: FlowWrites, move: FlowMove, change: FlowChange): Write {
  const { at } = change;
  const row = { ...move, ...waitInput(move.wait, at), state: jsonText(move.state), at };
  return write(
    writes.move,
    {
      ...row,
      ...{ program: programOf(move.definition, move.version), status: statusOf(move) },
      ...{ dueAt: dueOf(move, at), endedAt: move.end === undefined ? undefined : at },
    },
    [
      write(writes.tell, { ...lineOf(change), id: move.id, n: move.revision + 1, step: move.step }),
      ...(move.end === undefined ? [] : afterEnd(writes, { ...move, end: move.end }, at)),
    ],
  );
}

function driveOf(writes: FlowWrites, drive: FlowDrive, change: FlowChange): Write {
  const { at } = change;
  const status = statusOf(drive);
  const endedAt = drive.end === undefined ? undefined : at;
  const row = { ...drive, ...waitInput(drive.wait, at), patch: jsonText(drive.patch) };
  return write(writes.drive, { ...row, status, endedAt, at, dueAt: drivenDueOf(drive, at) }, [
    write(writes.tellIfDone, { ...lineOf(change), id: drive.id, key: drive.key }),
    ...(drive.end === undefined ? [] : afterEnd(writes, { ...drive, end: drive.end }, at)),
  ]);
}

/** An event may have come before the turn was kept that waits for it, so the wake loop looks at once. */
function drivenDueOf(drive: FlowDrive, at: number): number | undefined {
  return drive.wait?.kind === "event" ? at : dueOf(drive, at);
}

/** What an end brings about: a parent that waits counts anew, and children of what did not come to its goal are asked to stop. */
function afterEnd(
  writes: FlowWrites,
  { id, end }: { readonly id: string; readonly end: NonNullable<FlowMove["end"]> },
  at: number,
): readonly Write[] {
  const told = { id, at, key: `child:${id}` };
  const parent = write(writes.tellParent, told);
  if (end === "finished") return [parent];
  const key = `parent:${id}`;
  const reason = `The flow that began it was ${end === "failed" ? "given up" : "cancelled"}.`;
  const line = { at, what: "cancel-requested", by: "troupe", detail: reason };
  return [
    parent,
    write(writes.cancelChildren, { id, key, reason, at }),
    write(writes.tellIfDone, { ...line, parentId: id, key }),
  ];
}

function lineOf({ what, by, detail, at }: FlowChange) {
  return { what, by, at, detail: detail.slice(0, MAX_DETAIL).toWellFormed() };
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
    history: statements.add<{ id: string }>("flow.history", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("flow_events")
        .select(EVENT_COLUMNS)
        .where("flow_id", "=", p.id)
        .orderBy("n")
        .limit(sql.lit(MAX_HISTORY)),
    ),
    nextDue: nextDueStatement(deps),
    parked: statements.add<{ spaceId: string; programs: string }>(
      "flow.parked",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT kind, count(*), min(since) FROM (
        SELECT CASE WHEN mirrored = 0 AND program NOT IN (SELECT known.value FROM ${dialect.texts(p.programs, "known")})
            THEN 'version' ELSE wait_kind END AS kind, coalesce(waiting_since, updated_at) AS since
        FROM flows WHERE space_id = ${p.spaceId} AND ended_at IS NULL) AS waiting
      WHERE kind IS NOT NULL GROUP BY kind ORDER BY kind`,
    ),
  };
}

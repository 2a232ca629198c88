import type {
  DependencyStatus,
  ModuleCallbacks,
  ModuleInstance,
  ModuleInstanceOutcome,
  ModuleInstanceState,
  ModuleInstanceStore,
} from "@troupe/contracts";
import { sql } from "kysely";
import type { ModuleInstanceTable } from "../module-tables.ts";
import type { Row } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import {
  knownToAll,
  namesText,
  numberCursor,
  type PortDeps,
  pageLimit,
  pageOf,
  parseAudience,
} from "./kit.ts";
import { instanceWrites } from "./module-instance-writes.ts";

const COLUMNS = [
  "row",
  "id",
  "space_id",
  "agent_id",
  "module_id",
  "session_id",
  "turn_id",
  "audience",
  "title",
  "v",
  "payload",
  "callbacks",
  "state",
  "outcome",
  "reason",
  "created_at",
  "updated_at",
  "ended_at",
] as const satisfies readonly (keyof ModuleInstanceTable)[];

const MOST = 100;

export function createModuleInstanceStore(deps: PortDeps): ModuleInstanceStore {
  const { reads } = deps;
  const statements = instanceReads(deps);
  const decode = (row: Row): ModuleInstance => instanceOf(deps, row);
  return {
    ...instanceWrites(deps),
    async get(id, options) {
      const row = await reads.row(statements.get, { id }, options);
      return row === undefined ? undefined : decode(row);
    },
    async open({ readers, ...query }, options) {
      const input = { ...query, readers: namesText(readers) };
      return (await reads.rows(statements.open, input, options)).map(decode);
    },
    async dependencies(id, options) {
      return (await reads.rows(statements.dependencies, { id }, options)).map(dependencyOf);
    },
    async dependants({ id, after = "" }, options) {
      return (await reads.rows(statements.dependants, { id, after }, options)).map(([found]) =>
        String(found),
      );
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, agentId } = query;
      const states = JSON.stringify(query.states);
      const input = { spaceId, agentId, states, before: numberCursor(query), limit: limit + 1 };
      const rows = await reads.farRows(statements.list, input, options);
      return pageOf(rows, limit, decode, (row) => String(row[0]));
    },
  };
}

const columns = sql.join(COLUMNS.map((column) => sql.ref(`i.${column}`)));

function instanceReads({ statements, dialect }: PortDeps) {
  return {
    get: statements.add<{ id: string }>(
      "module-instance.get",
      { returns: "row" },
      (_db, p) => sql`SELECT ${columns} FROM module_instances i WHERE i.id = ${p.id}`,
    ),
    open: statements.add<{ storylineId: string; moduleId: string; readers: string }>(
      "module-instance.open",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM module_links l JOIN module_instances i ON i.id = l.instance_id
      WHERE l.storyline_id = ${p.storylineId} AND i.module_id = ${p.moduleId} AND i.state <> 'archived'
        AND ${knownToAll(dialect, p.readers, sql.ref("i.audience"))}
      ORDER BY i."row" LIMIT ${sql.lit(MOST)}`,
    ),
    dependencies: statements.add<{ id: string }>(
      "module-instance.dependencies",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT d.depends_on, d.if_fails, i.state, i.outcome
      FROM module_dependencies d LEFT JOIN module_instances i ON i.id = d.depends_on
      WHERE d.instance_id = ${p.id} ORDER BY d.depends_on`,
    ),
    dependants: statements.add<{ id: string; after: string }>(
      "module-instance.dependants",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT d.instance_id FROM module_dependencies d JOIN module_instances i ON i.id = d.instance_id
      WHERE d.depends_on = ${p.id} AND d.instance_id > ${p.after} AND i.state = 'blocked'
      ORDER BY d.instance_id LIMIT ${sql.lit(MOST)}`,
    ),
    list: statements.add<{
      spaceId: string;
      agentId: string | undefined;
      states: string;
      before: number | undefined;
      limit: number;
    }>(
      "module-instance.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM module_instances i
      WHERE i.space_id = ${p.spaceId} AND i.state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")})
        AND (CAST(${p.agentId} AS TEXT) IS NULL OR i.agent_id = ${p.agentId})
        AND (CAST(${p.before} AS BIGINT) IS NULL OR i."row" < ${p.before})
      ORDER BY i."row" DESC LIMIT ${p.limit}`,
    ),
  };
}

function dependencyOf(row: Row): DependencyStatus {
  const [id, ifFails, state, outcome] = row as [string, string, string | null, string | null];
  return {
    id,
    // Whoever wrote another word meant to be careful.
    ifFails: ifFails === "fail" ? "fail" : "hold",
    state: (state ?? undefined) as ModuleInstanceState | undefined,
    outcome: (outcome ?? undefined) as ModuleInstanceOutcome | undefined,
  };
}

function instanceOf(deps: PortDeps, row: Row): ModuleInstance {
  const [
    ,
    id,
    spaceId,
    agentId,
    moduleId,
    sessionId,
    turnId,
    audience,
    title,
    v,
    payload,
    callbacks,
    ...rest
  ] = row as unknown as TupleOf<ModuleInstanceTable, typeof COLUMNS>;
  const [state, outcome, reason, createdAt, updatedAt, endedAt] = rest;
  return {
    ...{ id, spaceId, agentId, moduleId, sessionId, turnId, title, v, createdAt, updatedAt },
    audience: parseAudience(audience),
    payload: objectOf<Readonly<Record<string, unknown>>>(deps, id, payload),
    callbacks: objectOf<ModuleCallbacks>(deps, id, callbacks),
    state: state as ModuleInstanceState,
    outcome: (outcome ?? undefined) as ModuleInstanceOutcome | undefined,
    reason: reason ?? undefined,
    endedAt: endedAt ?? undefined,
  };
}

/** What cannot be read is given as empty, and the log says so: the module finds its own version and refuses. */
function objectOf<T extends object>({ logger }: PortDeps, id: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    logger.error("store.payload-unreadable", { what: "module instance", id, error });
    return {} as T;
  }
}

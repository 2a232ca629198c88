import { type JobChange, type JobQuery, type JobStore, type NewJob, SUBJECTS } from "@troupe/contracts";
import { sql } from "kysely";
import { ringing, type Statement, write } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import type { Dependants } from "./job-dependants.ts";
import { JOB_COLUMNS, jobOf, jobRunOf, RUN_COLUMNS } from "./job-rows.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

const ENDS: readonly (string | undefined)[] = ["completed", "failed", "cancelled"];

export function createJobStore(deps: PortDeps, waiting: Dependants): JobStore {
  const { reads } = deps;
  const selects = jobSelects(deps);
  return {
    ...jobWrites(deps, waiting),
    async get(query, options) {
      const row = await reads.row(selects.get, query, options);
      return row === undefined ? undefined : jobOf(deps, row);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, agentId, ownerId } = query;
      const input = {
        ...{ spaceId, agentId, ownerId, limit: limit + 1, before: numberCursor(query) },
        open: query.isOpen === true ? 1 : 0,
      };
      const rows = await reads.farRows(selects[listOf(query)], input, options);
      return pageOf(
        rows,
        limit,
        (row) => jobOf(deps, row),
        (row) => String(row[0]),
      );
    },
    async runs(query, options) {
      const limit = pageLimit(query);
      const input = { jobId: query.jobId, limit: limit + 1, before: numberCursor(query) };
      const rows = await reads.farRows(selects.runs, input, options);
      return pageOf(rows, limit, jobRunOf, (row) => String(row[0]));
    },
    async awaited(spaceId, options) {
      const rows = await reads.farRows(selects.awaited, { spaceId }, options);
      return rows.map(([agentId, peerId]) => ({ agentId: String(agentId), peerId: String(peerId) }));
    },
    async needs(jobIds, options) {
      if (jobIds.length === 0) return [];
      const rows = await reads.rows(selects.needs, { ids: JSON.stringify(jobIds) }, options);
      return rows.map(([jobId, needsId]) => ({ jobId: String(jobId), needsId: String(needsId) }));
    },
  };
}

type PutInput = Omit<NewJob, "spec" | "origin" | "next"> & {
  readonly title: string;
  readonly kind: string;
  readonly spec: string;
  readonly origin: string;
  readonly onFailure: string;
  readonly nextAt: number;
  readonly nextLocal: string;
  readonly zone: string;
};

interface ChangeInput {
  readonly id: string;
  readonly revision: number;
  readonly at: number;
  readonly state: string | undefined;
  readonly title: string | undefined;
  readonly kind: string | undefined;
  readonly spec: string | undefined;
  readonly onFailure: string | undefined;
  readonly nextAt: number | undefined;
  readonly nextLocal: string | undefined;
  readonly zone: string | undefined;
  readonly hasReason: number;
  readonly reason: string | undefined;
  readonly isEnd: number;
}

function jobWrites(deps: PortDeps, waiting: Dependants): Pick<JobStore, "put" | "change"> {
  const { statements, dialect } = deps;
  const put = statements.add<PutInput>(
    "job.put",
    {},
    (_db, p) => sql`
      INSERT INTO jobs (id, space_id, agent_id, owner_id, peer_id, title, kind, state, v, spec, origin, on_failure,
        next_at, next_local, zone, begun, runs, revision, epoch, lease_until, created_at, updated_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.agentId}, ${p.ownerId}, ${p.peerId}, ${p.title}, ${p.kind}, ${p.state},
        ${sql.lit(PAYLOAD_VERSION)}, ${p.spec}, ${p.origin}, ${p.onFailure}, ${p.nextAt}, ${p.nextLocal}, ${p.zone},
        0, 0, 1, 0, 0, ${p.createdAt}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
  );
  // Whoever starts a run keeps its claim, also past an end: if it dies, another finds the run and stops it.
  const change = statements.add<ChangeInput>(
    "job.change",
    { guard: "store.conflict" },
    (_db, p) => sql`
      UPDATE jobs SET state = coalesce(${p.state}, state), title = coalesce(${p.title}, title),
        kind = coalesce(${p.kind}, kind), spec = coalesce(${p.spec}, spec), on_failure = coalesce(${p.onFailure}, on_failure),
        next_at = coalesce(${p.nextAt}, next_at), next_local = coalesce(${p.nextLocal}, next_local),
        zone = coalesce(${p.zone}, zone), reason = CASE WHEN CAST(${p.hasReason} AS BIGINT) = 1 THEN ${p.reason} ELSE reason END,
        revision = revision + 1, updated_at = ${p.at},
        ended_at = CASE WHEN CAST(${p.isEnd} AS BIGINT) = 1 THEN ${p.at} ELSE ended_at END
      WHERE id = ${p.id} AND revision = ${p.revision} AND ended_at IS NULL`,
  );
  const dropNeeds = statements.add<{ id: string }>("job.drop-needs", {}, (db, p) =>
    db.deleteFrom("job_needs").where("job_id", "=", p.id),
  );
  const putNeeds = statements.add<{ id: string; needs: string }>(
    "job.put-needs",
    {},
    (_db, p) => sql`
      INSERT INTO job_needs (job_id, needs_id)
      SELECT CAST(${p.id} AS TEXT), need.value FROM ${dialect.texts(p.needs, "need")} WHERE true
      ON CONFLICT DO NOTHING`,
  );
  const needsOf = (id: string, needs: readonly string[]) =>
    needs.length === 0 ? [] : [write(putNeeds, { id, needs: JSON.stringify(needs) })];
  return {
    put: (job) => ringing(write(put, putInputOf(job), needsOf(job.id, job.spec.dependsOn)), SUBJECTS.jobDue),
    change: ({ id, revision }, changed, at) => {
      const isEnd = ENDS.includes(changed.state);
      const { spec } = changed;
      const needs = spec === undefined ? [] : [write(dropNeeds, { id }), ...needsOf(id, spec.dependsOn)];
      const rest = [...needs, ...(isEnd ? waiting.after(id, at) : [])];
      return ringing(
        write(change, changeInputOf({ id, revision }, changed, at, isEnd), rest),
        SUBJECTS.jobDue,
      );
    },
  };
}

function putInputOf({ spec, origin, next, ...job }: NewJob): PutInput {
  return {
    ...job,
    ...{ title: spec.title, kind: spec.kind, onFailure: spec.onFailedDependency },
    ...{ spec: JSON.stringify(spec), origin: JSON.stringify(origin) },
    ...{ nextAt: next.at, nextLocal: next.local, zone: next.zone },
  };
}

function changeInputOf(
  job: { readonly id: string; readonly revision: number },
  { spec, state, next, reason }: JobChange,
  at: number,
  isEnd: boolean,
): ChangeInput {
  return {
    ...{ ...job, at, state, isEnd: Number(isEnd) },
    ...{ title: spec?.title, kind: spec?.kind, onFailure: spec?.onFailedDependency },
    spec: spec === undefined ? undefined : JSON.stringify(spec),
    ...{ nextAt: next?.at, nextLocal: next?.local, zone: next?.zone },
    ...{ hasReason: Number(reason !== undefined), reason: reason ?? undefined },
  };
}

interface ListInput {
  readonly spaceId: string;
  readonly agentId: string | undefined;
  readonly ownerId: string | undefined;
  readonly open: number;
  readonly before: number | undefined;
  readonly limit: number;
}

interface JobSelects {
  readonly get: Statement<{ readonly spaceId: string; readonly id: string }>;
  readonly list: Statement<ListInput>;
  readonly open: Statement<ListInput>;
  readonly owned: Statement<ListInput>;
  readonly ofOwner: Statement<ListInput>;
  readonly awaited: Statement<{ readonly spaceId: string }>;
  readonly runs: Statement<{
    readonly jobId: string;
    readonly before: number | undefined;
    readonly limit: number;
  }>;
  readonly needs: Statement<{ readonly ids: string }>;
}

function jobSelects({ statements, dialect }: PortDeps): JobSelects {
  const columns = sql.join(JOB_COLUMNS.map((column) => sql.ref(column)));
  const list = (name: string, scope: (p: ListInput) => ReturnType<typeof sql>) =>
    statements.add<ListInput>(
      name,
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
      SELECT ${columns} FROM jobs WHERE space_id = ${p.spaceId} ${scope(p)}
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    );
  const some = (p: ListInput) => sql`AND (CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})`;
  return {
    get: statements.add("job.get", { returns: "row" }, (db, p) =>
      db.selectFrom("jobs").select(JOB_COLUMNS).where("id", "=", p.id).where("space_id", "=", p.spaceId),
    ),
    list: list("job.list", (p) => sql`${some(p)} AND CAST(${p.open} AS BIGINT) = 0`),
    open: list(
      "job.list-open",
      (p) => sql`${some(p)} AND CAST(${p.open} AS BIGINT) = 1 AND ended_at IS NULL`,
    ),
    owned: list(
      "job.list-owned",
      (p) => sql`AND agent_id = ${p.agentId} AND owner_id = ${p.ownerId}
        AND (CAST(${p.open} AS BIGINT) = 0 OR ended_at IS NULL)`,
    ),
    ofOwner: list(
      "job.list-of-owner",
      (p) => sql`AND owner_id = ${p.ownerId} AND (CAST(${p.open} AS BIGINT) = 0 OR ended_at IS NULL)`,
    ),
    awaited: statements.add(
      "job.awaited",
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
      SELECT DISTINCT agent_id, peer_id FROM jobs WHERE space_id = ${p.spaceId} AND kind = 'ongoing' AND ended_at IS NULL`,
    ),
    runs: statements.add(
      "job.runs",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(RUN_COLUMNS.map((column) => sql.ref(column)))} FROM job_runs WHERE job_id = ${p.jobId}
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    ),
    needs: statements.add(
      "job.needs",
      { returns: "rows" },
      (_db, p) => sql`
      WITH RECURSIVE reached(job_id, needs_id) AS (
        SELECT d.job_id, d.needs_id FROM job_needs d WHERE d.job_id IN (SELECT need.value FROM ${dialect.texts(p.ids, "need")})
        UNION
        SELECT d.job_id, d.needs_id FROM reached JOIN job_needs d ON d.job_id = reached.needs_id)
      SELECT job_id, needs_id FROM reached ORDER BY 1, 2`,
    ),
  };
}

function listOf({ agentId, ownerId, isOpen }: JobQuery): "list" | "open" | "owned" | "ofOwner" {
  if (ownerId !== undefined) return agentId === undefined ? "ofOwner" : "owned";
  return isOpen === true ? "open" : "list";
}

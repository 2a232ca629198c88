import type { ClaimedJob, JobRunStore, JobState, SettledRun } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { type Row, type Statement, write, writeRow, writeRows } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { NOT_HELD } from "./holds.ts";
import { type Dependants, NEEDS_NOTHING, UNBLOCK } from "./job-dependants.ts";
import { JOB_COLUMNS, jobOf, jobRunOf, RUN_COLUMNS } from "./job-rows.ts";
import { mayTakeOver, type PortDeps } from "./kit.ts";

const MAX_STUCK = 100;

export function createJobRunStore(deps: PortDeps, waiting: Dependants): JobRunStore {
  const { reads } = deps;
  const writes = runWrites(deps);
  const selects = runSelects(deps);
  return {
    claim: (query) =>
      writeRows(
        writes.claim,
        query,
        (rows) =>
          rows
            .toSorted((a, b) => Number(a[0]) - Number(b[0]))
            .map((row) => claimedOf(deps, row))
            .filter((claimed) => claimed !== undefined),
        [write(writes.begin, query)],
      ),
    mayBegin: (run) => write(writes.mayBegin, run),
    started: (run) =>
      writeRow(writes.jobState, run, (row) => ({ jobState: row?.[0] as JobState | undefined }), [
        write(writes.started, run),
        write(writes.letGo, run),
      ]),
    postpone: (claim, delayMs, reason) =>
      write(writes.postpone, { ...claim, delayMs }, [
        write(writes.tryAgain, { jobId: claim.jobId, delayMs, reason }),
      ]),
    settle: (run) => {
      const isEnd = run.job.state !== "active";
      return write(writes.endRun, runInputOf(run), [
        write(writes.endJob, jobInputOf(run)),
        ...(isEnd ? waiting.after(run.jobId, run.at) : []),
      ]);
    },
    release: (at) => writeRows(writes.release, { at }, (rows) => ({ count: rows.length }), waiting.left(at)),
    async stuck(options) {
      return (await reads.rows(selects.stuck, { limit: MAX_STUCK }, options)).map(jobRunOf);
    },
    async untilDueMs(owner, options) {
      const row = await reads.row(selects.untilDue, { owner }, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
    async counts(spaceId, options) {
      const row = await reads.row(selects.counts, { spaceId }, options);
      const [open, running, due, oldestAt, nextAt] = row ?? [];
      return {
        open: Number(open ?? 0),
        running: Number(running ?? 0),
        due: { count: Number(due ?? 0), oldestAt: (oldestAt ?? undefined) as number | undefined },
        nextAt: (nextAt ?? undefined) as number | undefined,
      };
    },
  };
}

function claimedOf(deps: PortDeps, row: Row): ClaimedJob | undefined {
  const job = jobOf(deps, row);
  if (job === undefined) return undefined;
  const [epoch, attempt, claimedAt, dueAt] = row.slice(JOB_COLUMNS.length).map(Number);
  return {
    job,
    runId: `${job.id}.${job.begun}`,
    dueAt: dueAt ?? job.next.at,
    ...{ epoch: epoch ?? 0, attempt: attempt ?? 1, claimedAt: claimedAt ?? 0 },
  };
}

interface EndRun {
  readonly runId: string;
  readonly state: string;
  readonly turnId: string | undefined;
  readonly messageId: string | undefined;
  readonly reason: string | undefined;
  readonly at: number;
}

function runInputOf({ runId, state, turnId, messageId, reason, at }: SettledRun): EndRun {
  return { runId, state, turnId, messageId, reason, at };
}

interface EndJob {
  readonly runId: string;
  readonly jobId: string;
  readonly revision: number;
  readonly jobState: string;
  readonly isEnd: number;
  readonly counted: number;
  readonly nextAt: number;
  readonly nextLocal: string;
  readonly zone: string;
  readonly reason: string | undefined;
  readonly at: number;
}

function jobInputOf({
  runId,
  jobId,
  revision,
  state,
  reason,
  at,
  job: { state: jobState, next },
}: SettledRun): EndJob {
  return {
    ...{ runId, jobId, revision, jobState, reason, at },
    isEnd: Number(jobState !== "active"),
    counted: Number(state !== "skipped"),
    ...{ nextAt: next.at, nextLocal: next.local, zone: next.zone },
  };
}

interface Started {
  readonly runId: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly turnId: string;
}

interface RunWrites {
  readonly claim: Statement<Parameters<JobRunStore["claim"]>[0]>;
  readonly begin: Statement<Parameters<JobRunStore["claim"]>[0]>;
  readonly mayBegin: Statement<{ readonly runId: string; readonly jobId: string }>;
  readonly jobState: Statement<Started>;
  readonly started: Statement<Started>;
  readonly letGo: Statement<Started>;
  readonly postpone: Statement<{ readonly jobId: string; readonly epoch: number; readonly delayMs: number }>;
  readonly tryAgain: Statement<{
    readonly jobId: string;
    readonly delayMs: number;
    readonly reason: string | undefined;
  }>;
  readonly endRun: Statement<EndRun>;
  readonly endJob: Statement<EndJob>;
  readonly release: Statement<{ readonly at: number }>;
}

/** The lease of a start ends by itself, or earlier with that of its process; whoever asks is alive. */
const hasEnded = (owner: unknown): RawBuilder<unknown> => sql`(t.lease_until <= (SELECT now_ms())
          OR (t.owner <> ${owner} AND t.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms()))))`;

function runWrites(deps: PortDeps): RunWrites {
  return { ...claimWrites(deps), ...settleWrites(deps) };
}

function claimWrites({
  statements,
  dialect,
}: PortDeps): Pick<RunWrites, "claim" | "begin" | "postpone" | "tryAgain"> {
  return {
    // One that is free begins a run; one whose starter is gone goes on with the run that it has.
    claim: statements.add(
      "job.claim",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE jobs SET state = CASE WHEN owner IS NULL THEN 'running' ELSE state END,
        begun = begun + CASE WHEN owner IS NULL THEN 1 ELSE 0 END, epoch = epoch + 1, owner = ${p.owner},
        lease_until = (SELECT now_ms()) + ${p.leaseMs}
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (
        SELECT * FROM (SELECT t."row" FROM jobs t WHERE t.state IN ('pending', 'active') AND t.next_at <= (SELECT now_ms())
          AND t.v <= ${sql.lit(PAYLOAD_VERSION)} AND ${NOT_HELD}
          ORDER BY t.next_at, t."row" LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS due
        UNION ALL
        SELECT * FROM (SELECT t."row" FROM jobs t WHERE t.owner IS NOT NULL AND ${NOT_HELD} AND ${hasEnded(p.owner)}
          AND ${mayTakeOver(p.owner)}
          ORDER BY t.lease_until LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS orphaned
        LIMIT ${p.limit}) AS claimable`,
      )}
      RETURNING ${sql.join(JOB_COLUMNS.map((column) => sql.ref(column)))}, epoch,
        coalesce((SELECT r.attempt FROM job_runs r WHERE r.id = jobs.id || '.' || jobs.begun), 1),
        coalesce((SELECT r.started_at FROM job_runs r WHERE r.id = jobs.id || '.' || jobs.begun), (SELECT now_ms())),
        coalesce((SELECT r.due_at FROM job_runs r WHERE r.id = jobs.id || '.' || jobs.begun), next_at)`,
    ),
    begin: statements.add(
      "job.begin-runs",
      {},
      (_db, p) => sql`
      INSERT INTO job_runs (id, job_id, space_id, state, due_at, attempt, started_at, deadline_at)
      SELECT t.id || '.' || t.begun, t.id, t.space_id, 'starting', t.next_at, 1, (SELECT now_ms()),
        (SELECT now_ms()) + CAST(${p.runMs} AS BIGINT)
      FROM jobs t WHERE t.owner IS NOT NULL AND t.owner = ${p.owner}
      ON CONFLICT (id) DO NOTHING`,
    ),
    postpone: statements.add(
      "job.postpone",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE jobs SET lease_until = (SELECT now_ms()) + ${p.delayMs}
      WHERE id = ${p.jobId} AND epoch = ${p.epoch} AND owner IS NOT NULL`,
    ),
    tryAgain: statements.add(
      "job.try-again",
      {},
      (_db, p) => sql`
      UPDATE job_runs SET attempt = attempt + 1, deadline_at = deadline_at + CAST(${p.delayMs} AS BIGINT), reason = ${p.reason}
      WHERE id = (SELECT t.id || '.' || t.begun FROM jobs t WHERE t.id = ${p.jobId}) AND state = 'starting'`,
    ),
  };
}

/** An older run that ends late changes nothing of the one that has begun since. */
const isNewest = (p: EndJob): RawBuilder<unknown> => sql`id || '.' || begun = ${p.runId}`;
const goesOn = (p: EndJob): RawBuilder<unknown> => sql`(${isNewest(p)} AND state IN ('running', 'paused'))`;

function settleWrites({
  statements,
}: PortDeps): Pick<
  RunWrites,
  "mayBegin" | "jobState" | "started" | "letGo" | "endRun" | "endJob" | "release"
> {
  return {
    mayBegin: statements.add(
      "job.may-begin",
      { guard: "store.conflict", returns: "row" },
      (_db, p) => sql`
      SELECT 1 FROM job_runs r JOIN jobs j ON j.id = r.job_id
      WHERE r.id = ${p.runId} AND r.state IN ('starting', 'running') AND j.id = ${p.jobId} AND j.ended_at IS NULL`,
    ),
    jobState: statements.add("job.state", { returns: "row" }, (db, p) =>
      db.selectFrom("jobs").select("state").where("id", "=", p.jobId),
    ),
    started: statements.add(
      "job.started",
      {},
      (_db, p) => sql`
      UPDATE job_runs SET state = 'running', turn_id = ${p.turnId} WHERE id = ${p.runId} AND state = 'starting'`,
    ),
    letGo: statements.add(
      "job.let-go",
      {},
      (_db, p) => sql`
      UPDATE jobs SET owner = NULL, lease_until = 0 WHERE id = ${p.jobId} AND epoch = ${p.epoch}`,
    ),
    endRun: statements.add(
      "job.end-run",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE job_runs SET state = ${p.state}, turn_id = coalesce(${p.turnId}, turn_id), message_id = ${p.messageId},
        reason = ${p.reason}, ended_at = ${p.at}
      WHERE id = ${p.runId} AND state IN ('starting', 'running')`,
    ),
    endJob: statements.add(
      "job.end-job",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE jobs SET updated_at = ${p.at}, runs = runs + CAST(${p.counted} AS BIGINT),
        owner = CASE WHEN ${isNewest(p)} THEN NULL ELSE owner END,
        lease_until = CASE WHEN ${isNewest(p)} THEN 0 ELSE lease_until END,
        state = CASE WHEN ${isNewest(p)} AND (state = 'running' OR (state = 'paused' AND CAST(${p.isEnd} AS BIGINT) = 1)) THEN ${p.jobState} ELSE state END,
        ended_at = CASE WHEN ${goesOn(p)} AND CAST(${p.isEnd} AS BIGINT) = 1 THEN ${p.at} ELSE ended_at END,
        next_at = CASE WHEN ${goesOn(p)} THEN ${p.nextAt} ELSE next_at END,
        next_local = CASE WHEN ${goesOn(p)} THEN ${p.nextLocal} ELSE next_local END,
        zone = CASE WHEN ${goesOn(p)} THEN ${p.zone} ELSE zone END,
        reason = CASE WHEN ${isNewest(p)} AND state = 'running' THEN ${p.reason} ELSE reason END
      WHERE id = ${p.jobId} AND revision = ${p.revision}`,
    ),
    release: statements.add(
      "job.release",
      { returns: "rows" },
      (_db, p) =>
        sql`${UNBLOCK}, updated_at = ${p.at} WHERE state = 'blocked' AND ${NEEDS_NOTHING} RETURNING id`,
    ),
  };
}

function runSelects({ statements, dialect }: PortDeps) {
  return {
    stuck: statements.add<{ limit: number }>(
      "job.stuck",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(RUN_COLUMNS.map((column) => sql.ref(`r.${column}`)))} FROM job_runs r ${dialect.indexedBy("job_runs_open")} LEFT JOIN turns t ON t.id = r.turn_id
      WHERE r.state IN ('starting', 'running') AND (r.deadline_at <= (SELECT now_ms())
        OR (r.state = 'running' AND (t.id IS NULL OR t.state NOT IN ('queued', 'running'))
          AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.turn_id = r.turn_id AND e.kind = 'job.ended'
            AND e.state IN ('pending', 'running'))))
      ORDER BY r.deadline_at, r."row" LIMIT ${p.limit}`,
    ),
    untilDue: statements.add<{ owner: string }>(
      "job.until-due",
      { returns: "row" },
      (_db, p) => sql`
      SELECT min(next_at) - (SELECT now_ms()) FROM (
        SELECT * FROM (SELECT t.next_at FROM jobs t WHERE t.state IN ('pending', 'active')
          AND t.v <= ${sql.lit(PAYLOAD_VERSION)} AND ${NOT_HELD} ORDER BY t.next_at LIMIT 1) AS due
        UNION ALL
        SELECT min(CASE WHEN ${hasEnded(p.owner)} THEN (SELECT now_ms()) ELSE t.lease_until END) FROM jobs t WHERE t.owner IS NOT NULL AND ${NOT_HELD}) AS next`,
    ),
    counts: statements.add<{ spaceId: string }>(
      "job.counts",
      { returns: "row" },
      (_db, p) => sql`
      SELECT (SELECT count(*) FROM jobs WHERE space_id = ${p.spaceId} AND ended_at IS NULL),
        (SELECT count(*) FROM job_runs WHERE space_id = ${p.spaceId} AND state IN ('starting', 'running')), due.n, due.oldest,
        (SELECT next_at FROM jobs WHERE space_id = ${p.spaceId} AND state IN ('pending', 'active') ORDER BY next_at LIMIT 1)
      FROM (SELECT count(*) AS n, min(next_at) AS oldest FROM jobs WHERE space_id = ${p.spaceId}
        AND state IN ('pending', 'active') AND next_at <= (SELECT now_ms())) AS due`,
    ),
  };
}

import { type RawBuilder, sql } from "kysely";
import { type Statement, write } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

/** What becomes of the jobs that wait for one that has ended; in this order, and in the commit that ends it. */
export interface Dependants {
  after(jobId: string, at: number): readonly ReturnType<typeof write>[];
  /** The same for all that wait for one which ended while nobody looked: as they were made, or in the same moment. */
  left(at: number): readonly ReturnType<typeof write>[];
}

/** A blocked job all of whose needs have completed. */
export const NEEDS_NOTHING: RawBuilder<unknown> = sql`NOT EXISTS (SELECT 1 FROM job_needs d
      LEFT JOIN jobs n ON n.id = d.needs_id WHERE d.job_id = jobs.id AND (n.id IS NULL OR n.state <> 'completed'))`;

/** Moves a blocked job to where it waits for its time. */
export const UNBLOCK: RawBuilder<unknown> = sql`UPDATE jobs SET
      state = CASE kind WHEN 'one_off' THEN 'pending' ELSE 'active' END, reason = NULL`;

const FAILED_WITH = sql.lit("A job that it waited for did not succeed.");
const HELD_BY = sql.lit("A job that it waits for did not succeed.");

export function dependants({ statements, dialect }: PortDeps): Dependants {
  type Ended = { readonly id: string; readonly at: number };
  const add = (name: string, build: (p: Ended) => RawBuilder<unknown>): Statement<Ended> =>
    statements.add<Ended>(name, {}, (_db, p) => build(p));
  const isWaiting = (id: unknown) =>
    dialect.among(sql.ref("id"), sql`SELECT job_id FROM job_needs WHERE needs_id = ${id}`);
  const hasFailed = (id: unknown) =>
    sql`EXISTS (SELECT 1 FROM jobs n WHERE n.id = ${id} AND n.state IN ('failed', 'cancelled'))`;
  // Those that fail with it, and those that fail with them.
  const fail = add(
    "job.fail-dependants",
    (p) => sql`
    WITH RECURSIVE doomed(id) AS (
      SELECT d.job_id FROM job_needs d JOIN jobs j ON j.id = d.job_id
        WHERE d.needs_id = ${p.id} AND j.state = 'blocked' AND j.on_failure = 'fail' AND ${hasFailed(p.id)}
      UNION
      SELECT d.job_id FROM doomed JOIN job_needs d ON d.needs_id = doomed.id JOIN jobs j ON j.id = d.job_id
        WHERE j.state = 'blocked' AND j.on_failure = 'fail')
    UPDATE jobs SET state = 'failed', reason = ${FAILED_WITH}, updated_at = ${p.at}, ended_at = ${p.at}
    WHERE ${dialect.among(sql.ref("id"), sql`SELECT id FROM doomed`)}`,
  );
  const hold = add(
    "job.hold-dependants",
    (p) => sql`
    UPDATE jobs SET reason = ${HELD_BY}, updated_at = ${p.at}
    WHERE ${isWaiting(p.id)} AND state = 'blocked' AND ${hasFailed(p.id)}`,
  );
  const release = add(
    "job.release-dependants",
    (p) => sql`
    ${UNBLOCK}, updated_at = ${p.at}
    WHERE ${isWaiting(p.id)} AND state = 'blocked' AND ${NEEDS_NOTHING}`,
  );
  const needsFailed = sql`EXISTS (SELECT 1 FROM job_needs d JOIN jobs n ON n.id = d.needs_id
      WHERE d.job_id = jobs.id AND n.state IN ('failed', 'cancelled'))`;
  const failLeft = statements.add<{ readonly at: number }>(
    "job.fail-left",
    {},
    (_db, p) => sql`
    UPDATE jobs SET state = 'failed', reason = ${FAILED_WITH}, updated_at = ${p.at}, ended_at = ${p.at}
    WHERE state = 'blocked' AND on_failure = 'fail' AND ${needsFailed}`,
  );
  const holdLeft = statements.add<{ readonly at: number }>(
    "job.hold-left",
    {},
    (_db, p) => sql`
    UPDATE jobs SET reason = ${HELD_BY}, updated_at = ${p.at}
    WHERE state = 'blocked' AND on_failure = 'hold' AND reason IS NULL AND ${needsFailed}`,
  );
  return {
    after: (id, at) => [fail, hold, release].map((statement) => write(statement, { id, at })),
    left: (at) => [failLeft, holdLeft].map((statement) => write(statement, { at })),
  };
}

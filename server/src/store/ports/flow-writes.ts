import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../statement.ts";
import type { WaitInput } from "./flow-rows.ts";
import { FLOW_COLUMNS, FLOW_PAYLOAD_VERSION } from "./flow-rows.ts";
import { dueByStore, mayTakeOver, type PortDeps } from "./kit.ts";

type Input = Readonly<Record<string, unknown>>;

export interface FlowWrites {
  readonly start: Statement<Input>;
  readonly move: Statement<WaitInput & Input>;
  readonly drive: Statement<WaitInput & Input>;
  readonly claim: Statement<Input>;
  readonly renew: Statement<Input>;
  readonly release: Statement<Input>;
  readonly noteTurn: Statement<Input>;
  readonly requestCancel: Statement<Input>;
  readonly cancelChildren: Statement<Input>;
  readonly tellParent: Statement<Input>;
  /** History of a guarded change. */
  readonly tell: Statement<Input>;
  /** History of a change that may not have applied: of all flows that bear its name. */
  readonly tellIfDone: Statement<Input>;
  readonly pruneEvents: Statement<Input>;
  readonly prune: Statement<Input>;
}

const V = sql.lit(FLOW_PAYLOAD_VERSION);

/** A claim of a process that is gone, however long its lease. */
const IS_LEFT = sql`flows.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms()))`;

export function flowWrites(deps: PortDeps): FlowWrites {
  return { ...changing(deps), ...claiming(deps), ...cancelling(deps), ...telling(deps) };
}

function changing({ statements, dialect }: PortDeps): Pick<FlowWrites, "start" | "move" | "drive"> {
  const text = (value: unknown): RawBuilder<unknown> => sql`CAST(${value} AS TEXT)`;
  const int = (value: unknown): RawBuilder<unknown> => sql`CAST(${value} AS BIGINT)`;
  return {
    start: statements.add(
      "flow.start",
      {},
      (_db, p) => sql`
      INSERT INTO flows (id, space_id, definition, version, program, parent_id, session_id, agent_id, goal, step, reason, v,
        state, status, wait, wait_kind, topic, correlation_id, waiting_since, due_at, mirrored, revision, attempt, epoch,
        last_change, created_at, updated_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.definition}, ${p.version}, ${p.program}, ${p.parentId}, ${p.sessionId}, ${p.agentId},
        ${p.goal}, ${p.step}, 'start', ${V}, ${p.state}, ${p.status}, ${p.wait}, ${p.waitKind}, ${p.topic},
        ${p.correlationId}, ${p.waitingSince}, ${dueByStore(dialect, { dueAt: p.dueAt, at: p.at })}, ${p.mirrored}, 1, 0, 0, ${p.key}, ${p.at}, ${p.at})
      ON CONFLICT (id) DO NOTHING`,
    ),
    move: statements.add(
      "flow.move",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE flows SET version = ${p.version}, program = ${p.program}, step = ${p.step}, reason = ${p.reason}, v = ${V},
        state = ${p.state}, status = ${p.status}, wait = ${p.wait}, wait_kind = ${p.waitKind}, topic = ${p.topic},
        correlation_id = ${p.correlationId}, waiting_since = ${p.waitingSince}, due_at = ${dueByStore(dialect, { dueAt: p.dueAt, at: p.at })}, error = ${p.error},
        updated_at = ${p.at}, ended_at = ${p.endedAt}, revision = revision + 1, attempt = 0, owner = NULL
      WHERE id = ${p.id} AND revision = ${p.revision} AND ended_at IS NULL
        AND (${int(p.epoch)} IS NULL OR epoch = ${p.epoch})
        AND (cancel_requested IS NULL OR ${text(p.status)} = 'cancelled')`,
    ),
    drive: statements.add(
      "flow.drive",
      {},
      (_db, p) => sql`
      UPDATE flows SET step = coalesce(${p.step}, step), reason = 'step',
        state = ${dialect.jsonMerged(sql.ref("state"), p.patch)}, status = ${p.status}, wait = ${p.wait},
        wait_kind = ${p.waitKind}, topic = ${p.topic}, correlation_id = ${p.correlationId},
        waiting_since = ${p.waitingSince}, due_at = ${dueByStore(dialect, { dueAt: p.dueAt, at: p.at })}, error = ${p.error}, updated_at = ${p.at},
        ended_at = ${p.endedAt}, revision = revision + 1, attempt = 0, owner = NULL, last_change = ${p.key}
      WHERE id = ${p.id} AND space_id = ${p.spaceId} AND session_id = ${p.sessionId} AND definition = ${p.definition}
        AND ended_at IS NULL AND cancel_requested IS NULL AND v <= ${V}`,
    ),
  };
}

function claiming({
  statements,
  dialect,
}: PortDeps): Pick<FlowWrites, "claim" | "renew" | "release" | "noteTurn"> {
  const known = (programs: unknown) =>
    sql`program IN (SELECT known.value FROM ${dialect.texts(programs, "known")})`;
  return {
    // Three ways to be due: its time came, somebody wants it cancelled, or its process is gone.
    claim: statements.add(
      "flow.claim",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE flows SET owner = ${p.owner}, epoch = epoch + 1, attempt = attempt + 1, due_at = (SELECT now_ms()) + ${p.leaseMs}
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (
        SELECT * FROM (SELECT "row" FROM flows WHERE ${known(p.programs)} AND due_at IS NOT NULL
          AND due_at <= (SELECT now_ms()) AND v <= ${V} ORDER BY due_at, "row" LIMIT ${p.limit} ${dialect.skipLocked("flows")}) AS due
        UNION ALL
        SELECT * FROM (SELECT "row" FROM flows WHERE cancel_requested IS NOT NULL AND ended_at IS NULL
          AND due_at <= (SELECT now_ms()) AND NOT ${known(p.programs)} AND v <= ${V}
          ORDER BY due_at, "row" LIMIT ${p.limit} ${dialect.skipLocked("flows")}) AS dead
        UNION ALL
        SELECT * FROM (SELECT "row" FROM flows WHERE owner IS NOT NULL AND ${IS_LEFT} AND ${known(p.programs)}
          AND due_at > (SELECT now_ms()) AND v <= ${V} ORDER BY "row" LIMIT ${p.limit} ${dialect.skipLocked("flows")}) AS orphaned
        LIMIT ${p.limit}) AS claimable`,
      )}
        AND ${mayTakeOver(p.owner)}
      RETURNING ${sql.join(FLOW_COLUMNS.map((column) => sql.ref(column)))}`,
    ),
    renew: statements.add(
      "flow.renew",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE flows SET due_at = (SELECT now_ms()) + ${p.leaseMs}
      WHERE owner = ${p.owner} AND ended_at IS NULL AND id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})
      RETURNING id, epoch, cancel_requested`,
    ),
    release: statements.add(
      "flow.release",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE flows SET owner = NULL, due_at = ${p.dueAt}, error = coalesce(${p.error}, error), attempt = ${p.attempt}
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND revision = ${p.revision} AND ended_at IS NULL`,
    ),
    noteTurn: statements.add(
      "flow.note-turn",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE flows SET owner = NULL, attempt = 0, wait = ${p.wait}, due_at = ${p.dueAt}, error = NULL
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND revision = ${p.revision} AND ended_at IS NULL`,
    ),
  };
}

function cancelling({
  statements,
}: PortDeps): Pick<FlowWrites, "requestCancel" | "cancelChildren" | "tellParent"> {
  /** A claim is left to whoever holds it: the next change of theirs is refused, and then they look. */
  const asked = (p: Input) => sql`
      UPDATE flows SET cancel_requested = ${p.reason}, due_at = CASE WHEN owner IS NULL THEN 0 ELSE due_at END,
        updated_at = ${p.at}, revision = revision + 1, last_change = ${p.key}`;
  return {
    requestCancel: statements.add(
      "flow.request-cancel",
      {},
      (_db, p) => sql`${asked(p)}
      WHERE id = ${p.id} AND space_id = ${p.spaceId} AND ended_at IS NULL AND cancel_requested IS NULL`,
    ),
    cancelChildren: statements.add(
      "flow.cancel-children",
      {},
      (_db, p) => sql`${asked(p)}
      WHERE parent_id = ${p.id} AND ended_at IS NULL AND cancel_requested IS NULL`,
    ),
    // Only if the child has ended, and only for a parent that waits for it: then it counts anew.
    tellParent: statements.add(
      "flow.tell-parent",
      {},
      (_db, p) => sql`
      UPDATE flows SET due_at = 0, revision = revision + 1, updated_at = ${p.at}, last_change = ${p.key}
      WHERE id = (SELECT child.parent_id FROM flows AS child WHERE child.id = ${p.id} AND child.ended_at IS NOT NULL)
        AND wait_kind = 'children' AND ended_at IS NULL`,
    ),
  };
}

function telling({
  statements,
}: PortDeps): Pick<FlowWrites, "tell" | "tellIfDone" | "pruneEvents" | "prune"> {
  const oldest = (p: Input) => sql`
      SELECT id FROM flows WHERE space_id = ${p.spaceId} AND ended_at < ${p.before} ORDER BY ended_at, id LIMIT ${p.limit}`;
  return {
    tell: statements.add(
      "flow.tell",
      {},
      (_db, p) => sql`
      INSERT INTO flow_events (flow_id, n, at, what, step, made_by, detail)
      VALUES (${p.id}, ${p.n}, ${p.at}, ${p.what}, ${p.step}, ${p.by}, ${p.detail})`,
    ),
    tellIfDone: statements.add(
      "flow.tell-if-done",
      {},
      (_db, p) => sql`
      INSERT INTO flow_events (flow_id, n, at, what, step, made_by, detail)
      SELECT id, revision, CAST(${p.at} AS BIGINT), CAST(${p.what} AS TEXT), step, CAST(${p.by} AS TEXT), CAST(${p.detail} AS TEXT)
      FROM flows WHERE (id = ${p.id} OR parent_id = ${p.parentId}
        OR id = (SELECT child.parent_id FROM flows AS child WHERE child.id = ${p.childId})) AND last_change = ${p.key}
      ON CONFLICT (flow_id, n) DO NOTHING`,
    ),
    pruneEvents: statements.add(
      "flow.prune-events",
      { returns: "rows" },
      (_db, p) => sql`DELETE FROM flow_events WHERE flow_id IN (${oldest(p)}) RETURNING flow_id`,
    ),
    prune: statements.add("flow.prune", {}, (_db, p) => sql`DELETE FROM flows WHERE id IN (${oldest(p)})`),
  };
}

/** Of `nextDue`: the programs one by one, so that each is one look into the index however many flows wait. */
export function nextDueStatement({ statements, dialect }: PortDeps): Statement<{ programs: string }> {
  return statements.add(
    "flow.next-due",
    { returns: "row" },
    (_db, p) => sql`
    SELECT min(due_at) FROM (
      SELECT (SELECT f.due_at FROM flows f WHERE f.program = known.value AND f.due_at IS NOT NULL AND f.v <= ${V}
        ORDER BY f.due_at LIMIT 1) AS due_at FROM ${dialect.texts(p.programs, "known")}
      UNION ALL
      SELECT min(due_at) AS due_at FROM flows WHERE cancel_requested IS NOT NULL AND ended_at IS NULL AND v <= ${V}
      UNION ALL
      SELECT min(0) AS due_at FROM flows WHERE owner IS NOT NULL AND ${IS_LEFT} AND v <= ${V}
        AND program IN (SELECT known.value FROM ${dialect.texts(p.programs, "known")})) AS next`,
  );
}

import type { Effect, EffectOutcome, EffectRecord, EffectState, EffectStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, type Statement, write, writeRows } from "../statement.ts";
import type { EffectTable, TupleOf } from "../tables.ts";
import { laneNumber, laneOf, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { waitingReader } from "./waiting.ts";

const COLUMNS = [
  "row",
  "id",
  "space_id",
  "kind",
  "v",
  "lane",
  "turn_id",
  "session_id",
  "payload",
  "attempt",
  "epoch",
  "created_at",
  "state",
  "ended_at",
  "error",
] as const satisfies readonly (keyof EffectTable)[];

type PutInput = Omit<Effect, "attempt" | "epoch" | "lane" | "payload"> & {
  readonly lane: number;
  readonly payload: string;
};

interface EffectStatements {
  readonly put: Statement<PutInput>;
  readonly claim: Statement<{
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly lane: number;
  }>;
  readonly settle: Statement<{
    readonly id: string;
    readonly epoch: number;
    readonly state: string;
    readonly dueAt: number | undefined;
    readonly error: string | undefined;
    readonly endedAt: number | undefined;
  }>;
  readonly ofTurn: Statement<{ readonly turnId: string }>;
  readonly list: Statement<{
    readonly spaceId: string;
    readonly states: string;
    readonly before: number | undefined;
    readonly limit: number;
  }>;
  readonly nextDue: Statement<{ readonly lane: number }>;
}

/** Which versions of a payload can be handled is the handlers' to say; here it is kept as it came. */
export function createEffectStore(deps: PortDeps): EffectStore {
  const { reads } = deps;
  const statements = effectStatements(deps);
  return {
    waiting: waitingReader(deps, "effects", ["pending", "running"]),
    put: (effect) =>
      write(statements.put, {
        ...effect,
        lane: laneNumber(effect.lane),
        payload: JSON.stringify(effect.payload),
      }),
    claim: (query) =>
      writeRows(statements.claim, { ...query, lane: laneNumber(query.lane) }, (rows) =>
        rows.toSorted((a, b) => Number(a[0]) - Number(b[0])).map((row) => effectOf(deps, row)),
      ),
    settle: ({ id, epoch }, outcome, at) =>
      write(statements.settle, {
        id,
        epoch,
        state: stateAfter(outcome),
        dueAt: outcome.kind === "retry" ? outcome.dueAt : undefined,
        error: outcome.kind === "done" ? undefined : outcome.error,
        endedAt: outcome.kind === "retry" ? undefined : at,
      }),
    async ofTurn(turnId, options) {
      return (await reads.rows(statements.ofTurn, { turnId }, options)).map((row) => recordOf(deps, row));
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const input = {
        spaceId: query.spaceId,
        states: JSON.stringify(query.states),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(statements.list, input, options);
      return pageOf(
        rows,
        limit,
        (row) => recordOf(deps, row),
        (row) => String(row[0]),
      );
    },
    async nextDue(lane, options) {
      const row = await reads.row(statements.nextDue, { lane: laneNumber(lane) }, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
  };
}

/** A claim ends with its own lease, or earlier with that of its process, where one is known. */
const HAS_ENDED = sql`(effects.lease_until <= (SELECT now_ms())
          OR effects.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms())))`;

function effectStatements({ statements, dialect }: PortDeps): EffectStatements {
  return {
    put: statements.add(
      "effect.put",
      {},
      (_db, p) => sql`
      INSERT INTO effects (id, space_id, kind, v, lane, turn_id, session_id, payload, state, attempt, epoch, lease_until, due_at, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.kind}, ${p.v}, ${p.lane}, ${p.turnId}, ${p.sessionId}, ${p.payload}, 'pending', 0, 0, 0, ${p.createdAt}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    claim: statements.add(
      "effect.claim",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE effects SET state = 'running', attempt = attempt + 1, epoch = epoch + 1, owner = ${p.owner}, lease_until = (SELECT now_ms()) + ${p.leaseMs}
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (
        SELECT * FROM (SELECT "row" FROM effects WHERE state = 'pending' AND lane = ${p.lane} AND due_at <= (SELECT now_ms())
          ORDER BY due_at, "row" LIMIT ${p.limit} ${dialect.skipLocked("effects")}) AS due
        UNION ALL
        SELECT * FROM (SELECT "row" FROM effects WHERE state = 'running' AND lane = ${p.lane} AND ${HAS_ENDED}
          ORDER BY "row" LIMIT ${p.limit} ${dialect.skipLocked("effects")}) AS orphaned
        ORDER BY "row" LIMIT ${p.limit}) AS claimable`,
      )}
      RETURNING ${sql.join(COLUMNS.map((column) => sql.ref(column)))}`,
    ),
    settle: statements.add(
      "effect.settle",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE effects SET state = ${p.state}, due_at = coalesce(${p.dueAt}, due_at), error = ${p.error}, ended_at = ${p.endedAt},
        owner = NULL, lease_until = 0
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'running'`,
    ),
    ofTurn: statements.add("effect.of-turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("effects").select(COLUMNS).where("turn_id", "=", p.turnId).orderBy("row"),
    ),
    list: statements.add(
      "effect.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(column)))} FROM effects
      WHERE space_id = ${p.spaceId} AND state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")})
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    ),
    nextDue: statements.add(
      "effect.next-due",
      { returns: "row" },
      (_db, p) => sql`
      SELECT min(due_at) FROM (
        SELECT min(due_at) AS due_at FROM effects WHERE state = 'pending' AND lane = ${p.lane}
        UNION ALL
        SELECT min(CASE WHEN ${HAS_ENDED} THEN 0 ELSE lease_until END) FROM effects WHERE state = 'running' AND lane = ${p.lane}) AS next`,
    ),
  };
}

function stateAfter(outcome: EffectOutcome): string {
  return outcome.kind === "retry" ? "pending" : outcome.kind;
}

function effectOf(deps: PortDeps, row: Row): Effect {
  const [, id, spaceId, kind, v, lane, turnId, sessionId, payload, attempt, epoch, createdAt] =
    row as unknown as TupleOf<EffectTable, typeof COLUMNS>;
  return {
    id,
    spaceId,
    kind,
    v,
    lane: laneOf(lane),
    turnId,
    sessionId,
    payload: payloadOf(deps, id, payload),
    attempt,
    epoch,
    createdAt,
  };
}

function recordOf(deps: PortDeps, row: Row): EffectRecord {
  const [state, endedAt, error] = row.slice(12) as [EffectState, number | null, string | null];
  return {
    ...effectOf(deps, row),
    state,
    ...(error === null ? {} : { error }),
    ...(endedAt === null ? {} : { endedAt }),
  };
}

/** An unreadable payload is given as empty: its handler refuses it and the effect ends dead, where an operator sees it. */
function payloadOf({ logger }: PortDeps, id: string, text: string): Effect["payload"] {
  try {
    return JSON.parse(text) as Effect["payload"];
  } catch (error) {
    logger.error("store.payload-unreadable", { what: "effect", id, error });
    return {};
  }
}

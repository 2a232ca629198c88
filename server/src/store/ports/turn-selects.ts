import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { hasNoLease, type PortDeps } from "./kit.ts";
import { MESSAGE_COLUMNS } from "./messages.ts";
import { STEP_COLUMNS, TURN_COLUMNS } from "./turn-rows.ts";

interface TurnListInput {
  spaceId: string;
  ownerId: string | undefined;
  sessionId: string | undefined;
  parentTurnId: string | undefined;
  rootTurnId: string | undefined;
  states: string | undefined;
  before: number | undefined;
  limit: number;
}

interface TurnSelects {
  readonly get: Statement<{ turnId: string }>;
  readonly steps: Statement<{ turnId: string }>;
  readonly inbound: Statement<{ turnId: string }>;
  readonly nextDue: Statement<object>;
  readonly countQueued: Statement<{ limit: number }>;
  readonly outlook: Statement<{ owner: string }>;
  readonly all: Statement<TurnListInput>;
  readonly ofSession: Statement<TurnListInput>;
  readonly caused: Statement<TurnListInput>;
  readonly chain: Statement<TurnListInput>;
  readonly unwell: Statement<TurnListInput>;
  readonly open: Statement<TurnListInput>;
}

/** Earliest due time of queued turns that nothing of their session stands before; those of a newer version left out. */
const NEXT_DUE = sql`SELECT min(due_at) FROM (${sql.join(
  [0, 1, 2].map(
    (lane) => sql`
          SELECT due_at FROM (SELECT t.due_at FROM turns t WHERE t.state = 'queued' AND t.lane = ${sql.lit(lane)}
            AND t.v <= ${sql.lit(PAYLOAD_VERSION)} AND NOT EXISTS (
            SELECT 1 FROM turns o WHERE o.session_id = t.session_id AND o.state IN ('queued', 'running')
              AND (o.turn_seq < t.turn_seq OR o.state = 'running'))
          ORDER BY t.due_at LIMIT 1) AS of_lane`,
  ),
  sql` UNION ALL `,
)}) AS of_lanes`;

function countQueued({ statements, dialect }: Pick<PortDeps, "statements" | "dialect">) {
  return statements.add<{ limit: number }>(
    "turn.count-queued",
    { returns: "row" },
    (_db, p) => sql`
    SELECT count(*) FROM (SELECT 1 AS one FROM turns t ${dialect.indexedBy("turns_open")}
      WHERE t.state IN ('queued', 'running') AND t.state = 'queued' LIMIT ${p.limit}) AS waiting`,
  );
}

export function turnSelects({ statements, dialect }: PortDeps): TurnSelects {
  // Literal conditions, because a partial index is only used where the query repeats its condition word for word.
  const list = (
    name: string,
    index: RawBuilder<unknown>,
    condition: (p: TurnListInput) => RawBuilder<unknown>,
  ): Statement<TurnListInput> =>
    statements.add<TurnListInput>(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(TURN_COLUMNS.map((column) => sql.ref(`t.${column}`)))} FROM turns t ${index}
      WHERE t.space_id = ${p.spaceId} ${condition(p)}
        AND (CAST(${p.ownerId} AS TEXT) IS NULL OR (SELECT owner_id FROM sessions WHERE id = t.session_id) = ${p.ownerId})
        AND (CAST(${p.states} AS TEXT) IS NULL OR t.state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")}))
        AND (CAST(${p.before} AS BIGINT) IS NULL OR t."row" < ${p.before})
      ORDER BY t."row" DESC LIMIT ${p.limit}`,
    );

  return {
    get: statements.add<{ turnId: string }>("turn.get", { returns: "row" }, (db, p) =>
      db.selectFrom("turns").select(TURN_COLUMNS).where("id", "=", p.turnId),
    ),
    steps: statements.add<{ turnId: string }>("turn.steps", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("turn_steps")
        .select(STEP_COLUMNS)
        .where("turn_id", "=", p.turnId)
        .orderBy("n")
        .orderBy(sql`CASE kind WHEN 'model' THEN 0 WHEN 'intent' THEN 1 ELSE 2 END`),
    ),
    inbound: statements.add<{ turnId: string }>(
      "turn.inbound",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(MESSAGE_COLUMNS.map((column) => sql.ref(`m.${column}`)))} FROM turns t
      JOIN messages m ON m.session_id = t.session_id AND m.turn_seq = t.turn_seq
      WHERE t.id = ${p.turnId} AND m.turn_id = t.id AND m.role = 'user' ORDER BY m.seq`,
    ),
    nextDue: statements.add<object>("turn.next-due", { returns: "row" }, () => NEXT_DUE),
    countQueued: countQueued({ statements, dialect }),
    outlook: statements.add<{ owner: string }>(
      "turn.outlook",
      { returns: "row" },
      (_db, p) => sql`
      SELECT next_due <= (SELECT now_ms()) OR EXISTS (SELECT 1 FROM turns t ${dialect.indexedBy("turns_open")}
          WHERE t.state IN ('queued', 'running') AND t.state = 'running' AND t.v <= ${sql.lit(PAYLOAD_VERSION)} AND ${hasNoLease(sql.ref("t.owner"))}),
        next_due,
        (SELECT ${dialect.jsonArrayOf(sql`t.id`)} FROM turns t ${dialect.indexedBy("turns_open")}
          WHERE t.state IN ('queued', 'running') AND t.state = 'running' AND t.owner = ${p.owner} AND t.cancel_requested = 1)
      FROM (SELECT (${NEXT_DUE}) AS next_due) AS next`,
    ),
    all: list("turn.list", sql``, () => sql``),
    ofSession: list(
      "turn.list-of-session",
      dialect.indexedBy("turns_session"),
      (p) => sql`AND t.session_id = ${p.sessionId}`,
    ),
    caused: list(
      "turn.list-caused",
      dialect.indexedBy("turns_caused"),
      (p) => sql`AND t.parent_turn_id IS NOT NULL AND t.parent_turn_id = ${p.parentTurnId}`,
    ),
    chain: list(
      "turn.list-chain",
      dialect.indexedBy("turns_chain"),
      (p) => sql`AND t.root_turn_id IS NOT NULL AND t.root_turn_id = ${p.rootTurnId}`,
    ),
    unwell: list(
      "turn.list-unwell",
      dialect.indexedBy("turns_unwell"),
      () => sql`AND t.state IN ('failed', 'cancelled', 'suppressed', 'dead')`,
    ),
    open: list(
      "turn.list-open",
      dialect.indexedBy("turns_open"),
      () => sql`AND t.state IN ('queued', 'running')`,
    ),
  };
}

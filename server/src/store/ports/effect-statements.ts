import type { EffectStore, NewEffect } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../statement.ts";
import { dueByStore, mayTakeOver, type PortDeps } from "./kit.ts";
import { troubleOf } from "./troubles.ts";

/** Their order is that of the values of a row. */
export const EFFECT_COLUMNS = [
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
  "priority",
  "due_at",
  "state",
  "ended_at",
  "error",
  "key",
  "errors",
] as const;

export type EffectColumns = typeof EFFECT_COLUMNS;

const columns = sql.join(EFFECT_COLUMNS.map((column) => sql.ref(column)));
/** What a claim gives: what its handler needs, and by what it is ordered. Each further one costs a tenth of the claim. */
const CLAIMED = sql.join(
  EFFECT_COLUMNS.slice(0, EFFECT_COLUMNS.indexOf("state")).map((column) => sql.ref(column)),
);

type Query<Name extends "claim" | "renew" | "shed"> = Parameters<EffectStore[Name]>[0];

interface ListInput {
  readonly spaceId: string;
  readonly states: string;
  readonly before: number | undefined;
  readonly limit: number;
}

type ClaimInput = Omit<Query<"claim">, "lane" | "only"> & {
  readonly lane: number;
  readonly kind: string | undefined;
  readonly v: number | undefined;
};

export interface EffectWrites {
  readonly put: Statement<
    Omit<NewEffect, "lane" | "payload"> & { readonly lane: number; readonly payload: string }
  >;
  readonly claim: Statement<ClaimInput>;
  readonly claimOnly: Statement<ClaimInput>;
  readonly renew: Statement<Omit<Query<"renew">, "ids"> & { readonly ids: string }>;
  readonly settle: Statement<{
    readonly id: string;
    readonly epoch: number;
    readonly state: string;
    readonly dueAt: number | undefined;
    readonly error: string | undefined;
    readonly trouble: string | undefined;
    /** Taken off the attempts. */
    readonly uncounted: 0 | 1;
    readonly endedAt: number | undefined;
  }>;
  readonly settleDone: Statement<{
    /** JSON: the ids, and each with its epoch behind a space. */
    readonly ids: string;
    readonly claims: string;
    readonly count: number;
    readonly endedAt: number;
  }>;
  readonly shed: Statement<
    Omit<Query<"shed">, "lane" | "kinds"> & { readonly lane: number; readonly kinds: string }
  >;
  readonly unpark: Statement<{ readonly versions: string; readonly at: number }>;
}

/** A claim ends with its own lease, or earlier with that of its process, where one is known; but whoever asks is alive. */
const HAS_ENDED = sql`(t.lease_until <= (SELECT now_ms())
          OR t.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms())))`;

/** Nothing of its key runs, and nothing older of it is open. */
const IS_FIRST = sql`(t."key" IS NULL OR NOT EXISTS (SELECT 1 FROM effects o WHERE o.space_id = t.space_id AND o."key" = t."key"
          AND o."key" IS NOT NULL AND o.state IN ('pending', 'running') AND (o."row" < t."row" OR o.state = 'running')))`;

const IS_DUE = sql`t.state = 'pending' AND t.due_at <= (SELECT now_ms())`;

const LOST_OWNER = sql`'"at":' || (SELECT now_ms()) || ',"error":"Its process ended, or slept past its lease, while it ran."}'`;

/** Made twice, for all kinds and for one: a condition that tells the two apart is asked of each row, and costs a fifth. */
function claimStatement(
  { statements, dialect }: Pick<PortDeps, "statements" | "dialect">,
  name: string,
  isWanted: (p: Record<keyof ClaimInput, unknown>) => RawBuilder<unknown>,
): Statement<ClaimInput> {
  return statements.add<ClaimInput>(name, { returns: "rows" }, (_db, p) => {
    const lock = dialect.skipLocked("t");
    return sql`
      UPDATE effects SET state = 'running', attempt = attempt + 1, epoch = epoch + 1, owner = ${p.owner}, lease_until = (SELECT now_ms()) + ${p.leaseMs},
        errors = CASE WHEN state = 'running' THEN coalesce(errors || ',', '') || '{"attempt":' || attempt || ',' || ${LOST_OWNER} ELSE errors END
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (
        SELECT * FROM (SELECT t."row", t.priority, t.due_at FROM effects t WHERE ${IS_DUE} AND t.lane = ${p.lane} ${isWanted(p)} AND ${IS_FIRST}
          ORDER BY t.priority, t.due_at, t."row" LIMIT ${p.limit} ${lock}) AS due
        UNION ALL
        SELECT * FROM (SELECT t."row", t.priority, t.due_at FROM effects t WHERE t.state = 'running' AND t.lane = ${p.lane} ${isWanted(p)}
          AND ${HAS_ENDED} AND (t.owner <> ${p.owner} OR t.lease_until <= (SELECT now_ms())) AND ${mayTakeOver(p.owner)}
          ORDER BY t."row" LIMIT ${p.limit} ${lock}) AS orphaned
        ORDER BY priority, due_at, "row" LIMIT ${p.limit}) AS claimable`,
      )}
      RETURNING ${CLAIMED}`;
  });
}

export function effectWrites({ statements, dialect }: PortDeps): EffectWrites {
  return {
    put: statements.add(
      "effect.put",
      {},
      (_db, p) => sql`
      INSERT INTO effects (id, space_id, kind, v, lane, turn_id, session_id, payload, state, attempt, epoch, lease_until, priority, "key", due_at, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.kind}, ${p.v}, ${p.lane}, ${p.turnId}, ${p.sessionId}, ${p.payload}, 'pending', 0, 0, 0, ${p.priority}, ${p.key}, ${dueByStore(dialect, { dueAt: p.dueAt, at: p.createdAt })}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    claim: claimStatement({ statements, dialect }, "effect.claim", () => sql``),
    claimOnly: claimStatement(
      { statements, dialect },
      "effect.claim-only",
      (p) => sql`AND t.kind = ${p.kind} AND t.v = CAST(${p.v} AS BIGINT)`,
    ),
    renew: statements.add(
      "effect.renew",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE effects SET lease_until = (SELECT now_ms()) + ${p.leaseMs}
      WHERE state = 'running' AND owner = ${p.owner} AND id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})
      RETURNING id, epoch`,
    ),
    settle: statements.add(
      "effect.settle",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE effects SET state = ${p.state}, due_at = coalesce(${p.dueAt}, due_at), error = ${p.error}, errors = ${troubleOf(p.trouble)},
        attempt = attempt - ${p.uncounted}, ended_at = ${p.endedAt}, owner = NULL, lease_until = 0
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'running'`,
    ),
    settleDone: statements.add(
      "effect.settle-done",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE effects SET state = 'done', error = NULL, ended_at = ${p.endedAt}, owner = NULL, lease_until = 0
      WHERE id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})
        AND (SELECT count(*) FROM effects e WHERE e.id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")}) AND e.state = 'running'
          AND e.id || ' ' || e.epoch IN (SELECT held.value FROM ${dialect.texts(p.claims, "held")})) = ${p.count}`,
    ),
    shed: statements.add(
      "effect.shed",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE effects SET state = 'shed', error = ${p.reason}, ended_at = ${p.at}
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (SELECT t."row" FROM effects t WHERE ${IS_DUE} AND t.lane = ${p.lane}
          AND t.kind IN (SELECT kind.value FROM ${dialect.texts(p.kinds, "kind")})
          ORDER BY t.priority DESC, t.due_at DESC, t."row" DESC LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS due`,
      )}
      RETURNING id, kind, turn_id`,
    ),
    unpark: statements.add(
      "effect.unpark",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE effects ${dialect.indexedBy("effects_lost")} SET state = 'pending', attempt = 0, due_at = ${p.at}, error = NULL, ended_at = NULL
      WHERE state IN ('parked', 'dead') AND state = 'parked'
        AND kind || ' ' || v IN (SELECT one.value FROM ${dialect.texts(p.versions, "one")})
      RETURNING id, kind`,
    ),
  };
}

export interface EffectSelects {
  readonly ofTurn: Statement<{ readonly turnId: string }>;
  readonly firstOpenTurn: Statement<{
    readonly sessionId: string;
    readonly kinds: string;
    readonly toTurnSeq: number;
  }>;
  readonly list: Statement<ListInput>;
  readonly listLost: Statement<ListInput>;
  readonly listShed: Statement<ListInput>;
  readonly nextDue: Statement<{ readonly lane: number }>;
  readonly lanes: Statement<{ readonly spaceId: string }>;
  readonly parked: Statement<object>;
  readonly backlog: Statement<{ readonly lane: number; readonly atMost: number }>;
}

export function effectSelects({ statements, dialect }: PortDeps): EffectSelects {
  const list = (name: string, condition: RawBuilder<unknown>): Statement<ListInput> =>
    statements.add(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM effects
      WHERE space_id = ${p.spaceId} ${condition} AND state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")})
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    );
  return {
    ofTurn: statements.add("effect.of-turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("effects").select(EFFECT_COLUMNS).where("turn_id", "=", p.turnId).orderBy("row"),
    ),
    // By the two indexes of open rows: the turns of a long session are many, open effects are few.
    firstOpenTurn: statements.add("effect.first-open-turn", { returns: "rows" }, (_db, p) => {
      const open = (state: string): RawBuilder<unknown> => sql`
        SELECT turn_id FROM effects WHERE state = ${sql.lit(state)} AND session_id = ${p.sessionId}
          AND kind IN (SELECT kind.value FROM ${dialect.texts(p.kinds, "kind")})`;
      return sql`
      SELECT min(t.turn_seq) FROM (${open("pending")} UNION ALL ${open("running")}) AS e JOIN turns t ON t.id = e.turn_id
      WHERE t.turn_seq <= ${p.toTurnSeq}`;
    }),
    list: list("effect.list", sql``),
    listLost: list("effect.list-lost", sql`AND state IN ('parked', 'dead')`),
    listShed: list("effect.list-shed", sql`AND state = 'shed'`),
    // Priority by priority, each by one look into the index. What stands behind an older one of its key cannot go yet.
    nextDue: statements.add(
      "effect.next-due",
      { returns: "row" },
      (_db, p) => sql`
      WITH RECURSIVE waiting(priority) AS (
        SELECT min(priority) FROM effects WHERE state = 'pending' AND lane = ${p.lane}
        UNION ALL
        SELECT (SELECT min(priority) FROM effects WHERE state = 'pending' AND lane = ${p.lane} AND priority > waiting.priority)
          FROM waiting WHERE waiting.priority IS NOT NULL)
      SELECT min(due_at) FROM (
        SELECT (SELECT t.due_at FROM effects t WHERE t.state = 'pending' AND t.lane = ${p.lane} AND t.priority = waiting.priority AND ${IS_FIRST}
          ORDER BY t.due_at LIMIT 1) AS due_at FROM waiting
        UNION ALL
        SELECT min(CASE WHEN ${HAS_ENDED} THEN 0 ELSE t.lease_until END) FROM effects t WHERE t.state = 'running' AND t.lane = ${p.lane}) AS next`,
    ),
    // The two partial indexes hold the open rows alone.
    lanes: statements.add(
      "effect.lanes",
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
      SELECT lane, 'pending', count(*), sum(CASE WHEN due_at <= (SELECT now_ms()) THEN 1 ELSE 0 END),
        min(CASE WHEN due_at <= (SELECT now_ms()) THEN due_at END), min(created_at)
      FROM effects WHERE state = 'pending' AND space_id = ${p.spaceId} GROUP BY lane
      UNION ALL
      SELECT lane, 'running', count(*), 0, NULL, min(created_at)
      FROM effects WHERE state = 'running' AND space_id = ${p.spaceId} GROUP BY lane`,
    ),
    parked: statements.add(
      "effect.parked",
      { returns: "rows" },
      () => sql`
      SELECT DISTINCT kind, v FROM effects ${dialect.indexedBy("effects_lost")} WHERE state IN ('parked', 'dead') AND state = 'parked'`,
    ),
    backlog: statements.add(
      "effect.backlog",
      { returns: "row" },
      (_db, p) => sql`
      SELECT count(*) FROM (SELECT 1 FROM effects t WHERE ${IS_DUE} AND t.lane = ${p.lane} LIMIT ${p.atMost}) AS due`,
    ),
  };
}

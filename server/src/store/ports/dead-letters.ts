import type {
  DeadLetter,
  DeadLetterChoice,
  DeadLetterDetail,
  DeadLetterQuery,
  DeadLetterSource,
  DeadLetterStore,
} from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { type Row, type Statement, writeRows } from "../statement.ts";
import { badCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { troublesOf } from "./troubles.ts";

interface ListInput {
  readonly spaceId: string;
  readonly kind: string | undefined;
  readonly agentId: string | undefined;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly id: string | undefined;
  readonly beforeAt: number | undefined;
  readonly beforeId: string | undefined;
  readonly limit: number;
}

type ChoiceInput = Omit<DeadLetterChoice, "ids"> & { readonly ids: string; readonly evenUnknown: boolean };

export function createDeadLetterStore(deps: PortDeps): DeadLetterStore {
  const { reads } = deps;
  const selects = deadLetterSelects(deps);
  const changes = deadLetterChanges(deps);
  const ids = (rows: readonly Row[]): readonly string[] => rows.map(([id]) => String(id));
  const inputOf = ({ ids: chosen, ...rest }: DeadLetterChoice & { readonly evenUnknown?: boolean }) => ({
    evenUnknown: false,
    ...rest,
    ids: JSON.stringify(chosen),
  });
  return {
    async list(query, options) {
      const limit = pageLimit(query);
      const rows = await reads.farRows(selects.list, listInput(query, limit + 1), options);
      return pageOf(rows, limit, letterOf, (row) => `${row[10]}:${row[1]}`);
    },
    async get(spaceId, id, options) {
      const [row] = await reads.farRows(selects.list, { ...listInput({ spaceId }, 1), id }, options);
      if (row === undefined) return undefined;
      const letter = letterOf(row);
      const [detail = []] = await reads.farRows(selects[letter.source], { id }, options);
      return { ...letter, ...detailOf(letter.source, detail) };
    },
    async counts(spaceId, options) {
      const rows = await reads.farRows(selects.counts, { spaceId }, options);
      return rows.map(([kind, count, oldestAt]) => ({
        ...{ kind: String(kind), count: Number(count), oldestAt: Number(oldestAt) },
      }));
    },
    replay: (source, choice) =>
      writeRows(source === "effect" ? changes.replayEffects : changes.replayDeliveries, inputOf(choice), ids),
    purge: (source, choice) => writeRows(changes.purge[source], inputOf(choice), ids),
  };
}

function listInput(query: DeadLetterQuery, limit: number): ListInput {
  const { spaceId, kind, agentId, since, until, cursor } = query;
  const [, at, beforeId] = /^(\d{1,15}):(.+)$/s.exec(cursor ?? "") ?? [];
  if (cursor !== undefined && beforeId === undefined) throw badCursor(cursor);
  const beforeAt = at === undefined ? undefined : Number(at);
  return { spaceId, kind, agentId, since, until, id: undefined, beforeAt, beforeId, limit };
}

interface Selects extends Readonly<Record<DeadLetterSource, Statement<{ readonly id: string }>>> {
  readonly list: Statement<ListInput>;
  readonly counts: Statement<{ readonly spaceId: string }>;
}

/** All dead letters of a space, in the order of what `letterOf` reads. */
function everyLetter({ dialect }: PortDeps, spaceId: unknown): RawBuilder<unknown> {
  return sql`
      SELECT 'effect' AS source, e.id, e.kind AS kind, e.state, e.turn_id, e.session_id,
        (SELECT u.agent_id FROM turns u WHERE u.id = e.turn_id) AS agent_id, e.attempt, e.error, e.created_at, coalesce(e.ended_at, e.created_at) AS failed_at
      FROM effects e ${dialect.indexedBy("effects_lost")} WHERE e.space_id = ${spaceId} AND e.state IN ('parked', 'dead')
      UNION ALL
      SELECT 'delivery', o.id, 'delivery.' || o.channel, o.state, o.turn_id, o.session_id,
        (SELECT u.agent_id FROM turns u WHERE u.id = o.turn_id), o.attempt, o.error, o.created_at, coalesce(o.ended_at, o.created_at)
      FROM outbox o ${dialect.indexedBy("outbox_lost")} WHERE o.space_id = ${spaceId} AND o.state IN ('unknown', 'dead')
      UNION ALL
      SELECT 'turn', t.id, 'turn', t.state, t.id, t.session_id, t.agent_id, t.attempt, t.error_message, t.created_at, coalesce(t.finished_at, t.created_at)
      FROM turns t ${dialect.indexedBy("turns_unwell")} WHERE t.space_id = ${spaceId} AND t.state IN ('failed', 'cancelled', 'suppressed', 'dead')
        AND t.state = 'dead' AND t.dismissed_at IS NULL`;
}

function deadLetterSelects(deps: PortDeps): Selects {
  const { statements } = deps;
  return {
    list: statements.add(
      "dead-letter.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT source, id, kind, state, turn_id, session_id, agent_id, attempt, error, created_at, failed_at
      FROM (${everyLetter(deps, p.spaceId)}) AS dead
      WHERE (CAST(${p.kind} AS TEXT) IS NULL OR kind = ${p.kind} OR source = ${p.kind})
        AND (CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})
        AND (CAST(${p.id} AS TEXT) IS NULL OR id = ${p.id})
        AND (CAST(${p.since} AS BIGINT) IS NULL OR failed_at >= ${p.since})
        AND (CAST(${p.until} AS BIGINT) IS NULL OR failed_at < ${p.until})
        AND (CAST(${p.beforeAt} AS BIGINT) IS NULL OR failed_at < ${p.beforeAt} OR (failed_at = ${p.beforeAt} AND id < ${p.beforeId}))
      ORDER BY failed_at DESC, id DESC LIMIT ${p.limit}`,
    ),
    counts: statements.add(
      "dead-letter.counts",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT kind, count(*), min(failed_at) FROM (${everyLetter(deps, p.spaceId)}) AS dead GROUP BY kind ORDER BY kind`,
    ),
    effect: statements.add("dead-letter.effect", { returns: "rows" }, (db, p) =>
      db.selectFrom("effects").select(["payload", "errors"]).where("id", "=", p.id),
    ),
    delivery: statements.add("dead-letter.delivery", { returns: "rows" }, (db, p) =>
      db.selectFrom("outbox").select(["channel", "target", "text", "errors"]).where("id", "=", p.id),
    ),
    turn: statements.add("dead-letter.turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("turns").select(["trigger", "error_code"]).where("id", "=", p.id),
    ),
  };
}

interface Changes {
  readonly replayEffects: Statement<ChoiceInput>;
  readonly replayDeliveries: Statement<ChoiceInput>;
  readonly purge: Readonly<Record<DeadLetterSource, Statement<ChoiceInput>>>;
}

function deadLetterChanges({ statements, dialect }: PortDeps): Changes {
  const isChosen = (p: Required<ChoiceInput>) =>
    sql`space_id = ${p.spaceId} AND id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})`;
  return {
    replayEffects: statements.add(
      "dead-letter.replay-effects",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE effects SET state = 'pending', attempt = 0, due_at = ${p.at}, error = NULL, ended_at = NULL
      WHERE ${isChosen(p)} AND state IN ('parked', 'dead') RETURNING id`,
    ),
    replayDeliveries: statements.add(
      "dead-letter.replay-deliveries",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE outbox SET state = 'pending', begun = 0, attempt = 0, due_at = ${p.at}, error = NULL, ended_at = NULL
      WHERE ${isChosen(p)} AND state IN ('unknown', 'dead') AND (state = 'dead' OR CAST(${p.evenUnknown} AS BIGINT) = 1) RETURNING id`,
    ),
    purge: {
      effect: statements.add(
        "dead-letter.purge-effects",
        { returns: "rows" },
        (_db, p) =>
          sql`DELETE FROM effects WHERE ${isChosen(p)} AND state IN ('parked', 'dead') RETURNING id`,
      ),
      delivery: statements.add(
        "dead-letter.purge-deliveries",
        { returns: "rows" },
        (_db, p) =>
          sql`DELETE FROM outbox WHERE ${isChosen(p)} AND state IN ('unknown', 'dead') RETURNING id`,
      ),
      turn: statements.add(
        "dead-letter.dismiss-turns",
        { returns: "rows" },
        (_db, p) => sql`
      UPDATE turns SET dismissed_at = ${p.at} WHERE ${isChosen(p)} AND state = 'dead' AND dismissed_at IS NULL RETURNING id`,
      ),
    },
  };
}

function letterOf(row: Row): DeadLetter {
  const [source, id, kind, state, turnId, sessionId, agentId, attempts, error, createdAt, failedAt] = row;
  return {
    source: source as DeadLetterSource,
    id: String(id),
    kind: String(kind),
    state: state as DeadLetter["state"],
    turnId: String(turnId),
    sessionId: String(sessionId),
    agentId: (agentId ?? undefined) as string | undefined,
    attempts: Number(attempts),
    error: (error ?? undefined) as string | undefined,
    createdAt: Number(createdAt),
    failedAt: Number(failedAt),
  };
}

function detailOf(source: DeadLetterSource, row: Row): Pick<DeadLetterDetail, "payload" | "errors"> {
  const errors = troublesOf((source === "turn" ? null : (row.at(-1) ?? null)) as string | null);
  if (source === "turn") return { payload: { trigger: row[0], errorCode: row[1] }, errors };
  if (source === "delivery") {
    const [channel, target, text] = row;
    return { payload: { channel, target, text }, errors };
  }
  return { payload: payloadOf(String(row[0])), errors };
}

/** One that cannot be read is shown as it is: that may be why its effect is dead. */
function payloadOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return { text };
  }
}

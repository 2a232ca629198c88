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
  readonly state: string | undefined;
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
      const [detail = []] = await reads.farRows(selects[letter.source], keyOf(letter), options);
      return { ...letter, ...detailOf(letter.source, detail) };
    },
    async counts(spaceId, options) {
      const rows = await reads.farRows(selects.counts, { spaceId }, options);
      return rows.map(([kind, count, oldestAt]) => ({
        ...{ kind: String(kind), count: Number(count), oldestAt: Number(oldestAt) },
      }));
    },
    replay: (source, choice) => writeRows(changes.replay[source], inputOf(choice), ids),
    purge: (source, choice) => writeRows(changes.purge[source], inputOf(choice), ids),
  };
}

function listInput(query: DeadLetterQuery, limit: number): ListInput {
  const { spaceId, kind, agentId, state, since, until, cursor } = query;
  const [, at, beforeId] = /^(\d{1,15}):(.+)$/s.exec(cursor ?? "") ?? [];
  if (cursor !== undefined && beforeId === undefined) throw badCursor(cursor);
  const beforeAt = at === undefined ? undefined : Number(at);
  return { spaceId, kind, agentId, state, since, until, id: undefined, beforeAt, beforeId, limit };
}

interface LetterKey {
  readonly id: string;
  /** Of an agent's message. */
  readonly agentId: string | undefined;
}

function keyOf({ source, id, agentId }: DeadLetter): LetterKey {
  if (source !== "agent-message") return { id, agentId: undefined };
  return { id: id.slice(0, id.lastIndexOf(":")), agentId };
}

interface Selects extends Readonly<Record<DeadLetterSource, Statement<LetterKey>>> {
  readonly list: Statement<ListInput>;
  readonly counts: Statement<{ readonly spaceId: string }>;
}

const AGENT_MESSAGE_ID = sql`d.message_id || ':' || d.to_agent`;

/** All dead letters of a space, in the order of what `letterOf` reads. */
function everyLetter({ dialect }: PortDeps, spaceId: unknown): RawBuilder<unknown> {
  return sql`
      SELECT 'effect' AS source, e.id, e.kind AS kind, e.state, e.turn_id, e.session_id,
        (SELECT u.agent_id FROM turns u WHERE u.id = e.turn_id) AS agent_id, e.attempt, e.error, e.created_at, coalesce(e.ended_at, e.created_at) AS failed_at,
        CAST(NULL AS TEXT) AS target
      FROM effects e ${dialect.indexedBy("effects_lost")} WHERE e.space_id = ${spaceId} AND e.state IN ('parked', 'dead')
      UNION ALL
      SELECT 'delivery', o.id, 'delivery.' || o.channel, o.state, o.turn_id, o.session_id,
        (SELECT u.agent_id FROM turns u WHERE u.id = o.turn_id), o.attempt, o.error, o.created_at, coalesce(o.ended_at, o.created_at), o.target
      FROM outbox o ${dialect.indexedBy("outbox_lost")} WHERE o.space_id = ${spaceId} AND o.state IN ('unknown', 'dead')
      UNION ALL
      SELECT 'agent-message', ${AGENT_MESSAGE_ID}, 'agent.message', d.state, coalesce(d.turn_id, d.origin_turn_id),
        coalesce((SELECT u.session_id FROM turns u WHERE u.id = coalesce(d.turn_id, d.origin_turn_id)), ''),
        d.to_agent, d.attempts, d.reason, d.created_at, coalesce(d.ended_at, d.created_at), d.to_agent
      FROM agent_deliveries d ${dialect.indexedBy("agent_deliveries_lost")} WHERE d.space_id = ${spaceId} AND d.state = 'dead' AND d.dismissed_at IS NULL
      UNION ALL
      SELECT 'turn', t.id, 'turn', t.state, t.id, t.session_id, t.agent_id, t.attempt, t.error_message, t.created_at, coalesce(t.finished_at, t.created_at), NULL
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
      SELECT source, id, kind, state, turn_id, session_id, agent_id, attempt, error, created_at, failed_at, target
      FROM (${everyLetter(deps, p.spaceId)}) AS dead
      WHERE (CAST(${p.kind} AS TEXT) IS NULL OR kind = ${p.kind} OR source = ${p.kind})
        AND (CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})
        AND (CAST(${p.state} AS TEXT) IS NULL OR state = ${p.state})
        AND (CAST(${p.id} AS TEXT) IS NULL OR id = ${p.id})
        AND (CAST(${p.since} AS BIGINT) IS NULL OR failed_at >= ${p.since})
        AND (CAST(${p.until} AS BIGINT) IS NULL OR failed_at < ${p.until})
        AND (CAST(${p.beforeAt} AS BIGINT) IS NULL OR failed_at < ${p.beforeAt} OR (failed_at = ${p.beforeAt} AND id < ${p.beforeId}))
      ORDER BY failed_at DESC, id DESC LIMIT ${p.limit}`,
    ),
    counts: statements.add(
      "dead-letter.counts",
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
      SELECT kind, count(*), min(failed_at) FROM (${everyLetter(deps, p.spaceId)}) AS dead GROUP BY kind ORDER BY kind`,
    ),
    effect: statements.add("dead-letter.effect", { returns: "rows" }, (db, p) =>
      db.selectFrom("effects").select(["payload", "errors"]).where("id", "=", p.id),
    ),
    delivery: statements.add("dead-letter.delivery", { returns: "rows" }, (db, p) =>
      db.selectFrom("outbox").select(["channel", "target", "text", "errors"]).where("id", "=", p.id),
    ),
    "agent-message": statements.add("dead-letter.agent-message", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("agent_deliveries as d")
        .innerJoin("agent_messages as m", "m.id", "d.message_id")
        .select(["d.kind", "d.from_agent", "d.to_agent", "d.channel_id", "m.text", "d.origin_turn_id"])
        .where("d.message_id", "=", p.id)
        .where("d.to_agent", "=", p.agentId as string),
    ),
    turn: statements.add("dead-letter.turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("turns").select(["trigger", "error_code"]).where("id", "=", p.id),
    ),
  };
}

interface Changes {
  readonly replay: Readonly<Record<Exclude<DeadLetterSource, "turn">, Statement<ChoiceInput>>>;
  readonly purge: Readonly<Record<DeadLetterSource, Statement<ChoiceInput>>>;
}

function deadLetterChanges({ statements, dialect }: PortDeps): Changes {
  const isChosen = (p: Required<ChoiceInput>) =>
    sql`space_id = ${p.spaceId} AND id IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})`;
  const isChosenMessage = (p: Required<ChoiceInput>) =>
    sql`d.space_id = ${p.spaceId} AND d.state = 'dead' AND d.dismissed_at IS NULL
        AND ${AGENT_MESSAGE_ID} IN (SELECT one.value FROM ${dialect.texts(p.ids, "one")})`;
  return {
    replay: {
      effect: statements.add(
        "dead-letter.replay-effects",
        { returns: "rows" },
        (_db, p) => sql`
      UPDATE effects SET state = 'pending', attempt = 0, due_at = ${p.at}, error = NULL, ended_at = NULL
      WHERE ${isChosen(p)} AND state IN ('parked', 'dead') RETURNING id`,
      ),
      delivery: statements.add(
        "dead-letter.replay-deliveries",
        { returns: "rows" },
        (_db, p) => sql`
      UPDATE outbox SET state = 'pending', begun = 0, attempt = 0, due_at = ${p.at}, error = NULL, ended_at = NULL
      WHERE ${isChosen(p)} AND state IN ('unknown', 'dead') AND (state = 'dead' OR CAST(${p.evenUnknown} AS BIGINT) = 1) RETURNING id`,
      ),
      // What was stopped stays so.
      "agent-message": statements.add(
        "dead-letter.replay-agent-messages",
        { returns: "rows" },
        (_db, p) => sql`
      UPDATE agent_deliveries AS d SET state = 'waiting', attempts = 0, batch_id = NULL, alone = 1, turn_id = NULL, reason = NULL, ended_at = NULL
      WHERE ${isChosenMessage(p)} AND NOT EXISTS (SELECT 1 FROM agent_stops s WHERE s.root_turn_id IN (d.root_turn_id, d.origin_turn_id))
      RETURNING message_id || ':' || to_agent`,
      ),
    },
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
      "agent-message": statements.add(
        "dead-letter.dismiss-agent-messages",
        { returns: "rows" },
        (_db, p) => sql`
      UPDATE agent_deliveries AS d SET dismissed_at = ${p.at} WHERE ${isChosenMessage(p)} RETURNING message_id || ':' || to_agent`,
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
  const [source, id, kind, state, turnId, sessionId, agentId, attempts, error, createdAt, failedAt, to] = row;
  return {
    source: source as DeadLetterSource,
    id: String(id),
    kind: String(kind),
    state: state as DeadLetter["state"],
    turnId: String(turnId),
    sessionId: String(sessionId),
    agentId: (agentId ?? undefined) as string | undefined,
    to: (to ?? undefined) as string | undefined,
    attempts: Number(attempts),
    error: (error ?? undefined) as string | undefined,
    createdAt: Number(createdAt),
    failedAt: Number(failedAt),
  };
}

function detailOf(source: DeadLetterSource, row: Row): Pick<DeadLetterDetail, "payload" | "errors"> {
  switch (source) {
    case "turn":
      return { payload: { trigger: row[0], errorCode: row[1] }, errors: [] };
    case "agent-message": {
      const [kind, from, to, channelId, text, originTurnId] = row;
      return { payload: { kind, from, to, channelId, text, originTurnId }, errors: [] };
    }
    case "delivery": {
      const [channel, target, text, errors] = row;
      return { payload: { channel, target, text }, errors: troublesOf((errors ?? null) as string | null) };
    }
    case "effect": {
      const [payload, errors] = row;
      return { payload: payloadOf(String(payload)), errors: troublesOf((errors ?? null) as string | null) };
    }
  }
}

/** One that cannot be read is shown as it is: that may be why its effect is dead. */
function payloadOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return { text };
  }
}

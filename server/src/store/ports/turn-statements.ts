import type { NewTurn } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Dialect } from "../dialect.ts";
import type { Statement } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { dueByStore, hasNoLease, mayTakeOver, type PortDeps } from "./kit.ts";
import { MESSAGE_COLUMNS } from "./messages.ts";
import { TURN_COLUMNS } from "./turn-rows.ts";

type OpenInput = Omit<NewTurn, "lane" | "payload"> & {
  readonly lane: number;
  readonly payload: string;
  readonly rootTurnId: string | undefined;
  readonly parentTurnId: string | undefined;
};

interface ClaimInput {
  readonly owner: string;
  readonly limit: number;
  readonly lane: number | undefined;
  readonly sessionId: string | undefined;
}

interface FinishInput {
  readonly id: string;
  readonly epoch: number;
  readonly inboundCount: number;
  readonly state: string;
  readonly agentRevision: number;
  readonly costMicroUsd: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  readonly trace: string;
  readonly at: number;
}

interface TurnStatements {
  readonly open: Statement<OpenInput>;
  readonly join: Statement<{
    readonly id: string;
    readonly state: string;
    readonly epoch: number | undefined;
    readonly dueAt: number | undefined;
  }>;
  readonly claim: Statement<ClaimInput>;
  readonly claimOfSession: Statement<ClaimInput>;
  readonly reclaim: Statement<{ readonly id: string; readonly epoch: number; readonly owner: string }>;
  readonly reserve: Statement<{ readonly id: string; readonly epoch: number; readonly microUsd: number }>;
  readonly holds: Statement<{ readonly id: string; readonly epoch: number }>;
  readonly journal: Statement<{
    readonly turnId: string;
    readonly n: number;
    readonly kind: string;
    readonly at: number;
    readonly payload: string;
  }>;
  readonly finish: Statement<FinishInput>;
  readonly recount: Statement<{ readonly turnId: string }>;
  readonly markMessages: Statement<{ readonly turnId: string; readonly outcome: string }>;
  readonly stateOf: Statement<{ readonly turnId: string }>;
  readonly cancelQueued: Statement<{ readonly turnId: string; readonly at: number; readonly trace: string }>;
  readonly requestCancel: Statement<{ readonly turnId: string }>;
  readonly note: Statement<{ readonly turnId: string; readonly trace: string }>;
}

export function turnStatements(deps: PortDeps): TurnStatements {
  return { ...lifeStatements(deps), ...claimStatements(deps), ...cancelStatements(deps) };
}

/** Appends to the stored trace. */
function traceWith(entries: string): RawBuilder<string> {
  return sql<string>`CASE WHEN trace = '' THEN ${entries} WHEN ${entries} = '' THEN trace ELSE trace || ',' || ${entries} END`;
}

function lifeStatements({
  statements,
  dialect,
}: PortDeps): Pick<
  TurnStatements,
  "open" | "join" | "holds" | "journal" | "reserve" | "finish" | "recount" | "markMessages" | "note"
> {
  return {
    // One of a chain that was stopped runs for nobody: it waits to be claimed, and ends as it begins. Each answer is asked for once.
    open: statements.add<OpenInput>(
      "turn.open",
      { returns: "row", guard: "store.conflict" },
      (_db, p) => sql`
      INSERT INTO turns (id, space_id, agent_id, agent_revision, session_id, turn_seq, trigger, lane, state, attempt, epoch, owner,
        inbound_count, v, payload, due_at, deadline_at, cancel_requested, reserved_micro_usd, cost_micro_usd, input_tokens,
        cached_input_tokens, output_tokens, trace, created_at, root_turn_id, parent_turn_id)
      WITH of_session AS MATERIALIZED (
        SELECT id, last_seq, CASE WHEN EXISTS (SELECT 1 FROM agent_stops
          WHERE root_turn_id IN (CAST(${p.rootTurnId} AS TEXT), CAST(${p.parentTurnId} AS TEXT))) THEN 1 ELSE 0 END AS stopped
        FROM sessions WHERE id = ${p.sessionId}
      ), s AS MATERIALIZED (
        SELECT id, last_seq, stopped, ${dueByStore(dialect, { dueAt: p.dueAt, at: p.createdAt })} AS due,
          CASE WHEN stopped = 0 AND CAST(${p.owner} AS TEXT) IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM turns WHERE session_id = ${p.sessionId} AND state IN ('queued', 'running')) THEN 1 ELSE 0 END AS runs
        FROM of_session
      )
      SELECT ${p.id}, ${p.spaceId}, ${p.agentId}, 0, s.id, s.last_seq, ${p.trigger}, ${p.lane},
        CASE s.runs WHEN 1 THEN 'running' ELSE 'queued' END, s.runs, s.runs, CASE s.runs WHEN 1 THEN ${p.owner} END,
        1, ${sql.lit(PAYLOAD_VERSION)}, ${p.payload}, s.due,
        CAST(${p.deadlineAt} AS BIGINT) - CAST(${p.dueAt} AS BIGINT) + s.due, s.stopped, ${p.reservedMicroUsd}, 0, 0, 0, 0, '', ${p.createdAt},
        ${p.rootTurnId}, ${p.parentTurnId}
      FROM s
      RETURNING state, epoch`,
    ),
    join: statements.add(
      "turn.join",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE turns SET inbound_count = inbound_count + 1, deadline_at = deadline_at + coalesce(${p.dueAt}, due_at) - due_at,
        due_at = coalesce(${p.dueAt}, due_at)
      WHERE id = ${p.id} AND state = ${p.state} AND (CAST(${p.epoch} AS BIGINT) IS NULL OR epoch = ${p.epoch})`,
    ),
    holds: statements.add("turn.holds", { guard: "store.conflict", returns: "row" }, (db, p) =>
      db
        .selectFrom("turns")
        .select("epoch")
        .where("id", "=", p.id)
        .where("epoch", "=", p.epoch)
        .where(sql<boolean>`state = 'running'`),
    ),
    journal: statements.add("turn.journal", {}, (db, p) =>
      db
        .insertInto("turn_steps")
        .values({
          turn_id: p.turnId,
          n: p.n,
          kind: p.kind,
          v: sql.lit(PAYLOAD_VERSION),
          at: p.at,
          payload: p.payload,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    reserve: statements.add(
      "turn.reserve",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE turns SET reserved_micro_usd = reserved_micro_usd + ${p.microUsd}
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'running'`,
    ),
    finish: statements.add<FinishInput>(
      "turn.finish",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE turns SET state = ${p.state}, agent_revision = ${p.agentRevision}, cost_micro_usd = ${p.costMicroUsd},
        input_tokens = ${p.inputTokens}, cached_input_tokens = ${p.cachedInputTokens}, output_tokens = ${p.outputTokens},
        error_code = ${p.errorCode}, error_message = ${p.errorMessage}, trace = ${traceWith(p.trace)}, finished_at = ${p.at}
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'running' AND inbound_count = ${p.inboundCount}`,
    ),
    recount: statements.add(
      "turn.recount",
      {},
      (_db, p) => sql`
      UPDATE turns SET (cost_micro_usd, input_tokens, cached_input_tokens, output_tokens) = (
        SELECT coalesce(sum(cost_micro_usd), 0), coalesce(sum(input_tokens), 0), coalesce(sum(cached_input_tokens), 0),
          coalesce(sum(output_tokens), 0) FROM model_calls WHERE turn_id = ${p.turnId} AND purpose IN ('turn', 'decision'))
      WHERE id = ${p.turnId}`,
    ),
    markMessages: statements.add(
      "turn.mark-messages",
      {},
      (_db, p) => sql`
      UPDATE messages SET outcome = ${p.outcome}
      WHERE (session_id, turn_seq) = (SELECT session_id, turn_seq FROM turns WHERE id = ${p.turnId})
        AND turn_id = ${p.turnId} AND outcome <> ${p.outcome}`,
    ),
    note: statements.add(
      "turn.note",
      {},
      (_db, p) => sql`
      UPDATE turns SET trace = ${traceWith(p.trace)} WHERE id = ${p.turnId}`,
    ),
  };
}

const NOW = sql`(SELECT now_ms())`;
const columns = (...names: string[]): RawBuilder<unknown>[] => names.map((name) => sql.ref(name));

/** A claimed turn with what running it needs: its messages, its session, and who asked, each as JSON. */
const claimed = ({
  jsonArray,
  jsonArrayOf,
}: Dialect): RawBuilder<unknown> => sql`RETURNING ${sql.join(TURN_COLUMNS.map((column) => sql.ref(column)))},
          (SELECT ${jsonArrayOf(jsonArray(MESSAGE_COLUMNS.map((column) => sql.ref(`m.${column}`))))}
            FROM messages m WHERE m.session_id = turns.session_id AND m.turn_seq = turns.turn_seq AND m.turn_id = turns.id AND m.role = 'user'),
          (SELECT ${jsonArray(columns("channel", "key", "peer_id", "owner_id", "audience", "stateless"))} FROM sessions s WHERE s.id = turns.session_id),
          (SELECT ${jsonArray(columns("principal_id", "principal_kind", "reply_channel", "reply_target"))} FROM inbox i WHERE i.turn_id = turns.id ORDER BY n LIMIT 1)`;

function claimStatements({
  statements,
  dialect,
}: PortDeps): Pick<TurnStatements, "claim" | "claimOfSession" | "reclaim"> {
  const claim = (name: string, ofSession: (p: ClaimInput) => RawBuilder<unknown>) =>
    statements.add<ClaimInput>(name, { returns: "rows" }, (_db, p) => {
      const mine = sql`AND t.v <= ${sql.lit(PAYLOAD_VERSION)} AND (CAST(${p.lane} AS BIGINT) IS NULL OR t.lane = ${p.lane}) ${ofSession(p)}`;
      const detail = sql`'the lease of process ' || coalesce(owner, '?') || ' ended'`;
      const tookOver = dialect.jsonObject({ at: NOW, what: sql`'crash'`, detail });
      return sql`
        UPDATE turns SET attempt = attempt + 1, epoch = epoch + 1, owner = ${p.owner}, state = 'running',
          trace = CASE WHEN state = 'queued' THEN trace WHEN trace = '' THEN ${tookOver} ELSE trace || ',' || ${tookOver} END
        WHERE ${dialect.among(
          sql.ref("row"),
          sql`SELECT "row" FROM (
          SELECT * FROM (SELECT t."row", t.lane, t.due_at FROM turns t WHERE t.state = 'queued' AND t.due_at <= (SELECT now_ms()) ${mine}
            AND NOT EXISTS (SELECT 1 FROM turns o WHERE o.session_id = t.session_id AND o.state IN ('queued', 'running')
              AND (o.turn_seq < t.turn_seq OR o.state = 'running'))
            ORDER BY t.lane, t.due_at, t."row" LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS due
          UNION ALL
          SELECT * FROM (SELECT t."row", t.lane, t.due_at FROM turns t
            WHERE t.state IN ('queued', 'running') AND t.state = 'running' AND ${hasNoLease(sql.ref("t.owner"))} AND ${mayTakeOver(p.owner)} ${mine}
            ORDER BY t.lane, t.due_at, t."row" LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS orphaned
          ORDER BY lane, due_at, "row" LIMIT ${p.limit}) AS claimable`,
        )}
        ${claimed(dialect)}`;
    });
  const again = dialect.jsonObject({ at: NOW, what: sql`'again'`, detail: sql`'an attempt broke off'` });
  return {
    claim: claim("turn.claim", () => sql``),
    claimOfSession: claim("turn.claim-of-session", (p) => sql`AND t.session_id = ${p.sessionId}`),
    reclaim: statements.add(
      "turn.reclaim",
      { returns: "rows" },
      (_db, p) => sql`
        UPDATE turns SET attempt = attempt + 1, epoch = epoch + 1, trace = CASE trace WHEN '' THEN ${again} ELSE trace || ',' || ${again} END
        WHERE id = ${p.id} AND epoch = ${p.epoch} AND owner = ${p.owner} AND state = 'running'
        ${claimed(dialect)}`,
    ),
  };
}

function cancelStatements({
  statements,
}: PortDeps): Pick<TurnStatements, "stateOf" | "cancelQueued" | "requestCancel"> {
  return {
    stateOf: statements.add("turn.state-of", { returns: "row" }, (db, p) =>
      db.selectFrom("turns").select("state").where("id", "=", p.turnId),
    ),
    cancelQueued: statements.add(
      "turn.cancel-queued",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE turns SET state = 'cancelled', cancel_requested = 1, finished_at = ${p.at}, trace = ${traceWith(p.trace)}
      WHERE id = ${p.turnId} AND state = 'queued'`,
    ),
    requestCancel: statements.add("turn.request-cancel", {}, (db, p) =>
      db
        .updateTable("turns")
        .set({ cancel_requested: sql.lit(1) })
        .where("id", "=", p.turnId)
        .where(sql<boolean>`state = 'running'`),
    ),
  };
}

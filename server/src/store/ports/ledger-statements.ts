import type { AccountKey, ModelCallRecord } from "@troupe/contracts";
import { sql } from "kysely";
import type { Statement } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

export const CALL_COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "session_id",
  "turn_id",
  "peer_id",
  "owner_id",
  "storyline_id",
  "model",
  "key_id",
  "purpose",
  "outcome",
  "error_code",
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "estimated",
  "cost_micro_usd",
  "priced",
  "latency_ms",
  "day",
  "at",
] as const;

export const ACCOUNT_COLUMNS = [
  "space_id",
  "scope",
  "subject",
  "period",
  "spent_micro_usd",
  "reserved_micro_usd",
  "granted_micro_usd",
  "asked",
  "asked_at",
] as const;

interface LedgerStatements {
  readonly reserve: Statement<AccountKey & { readonly microUsd: number; readonly limitMicroUsd: number }>;
  readonly hold: Statement<AccountKey & { readonly microUsd: number; readonly holder: string }>;
  readonly free: Statement<{ readonly holder: string }>;
  readonly letGo: Statement<{ readonly holder: string }>;
  readonly freeDead: Statement<{ readonly spaceId: string }>;
  readonly letDeadGo: Statement<{ readonly spaceId: string }>;
  readonly grant: Statement<AccountKey & { readonly microUsd: number }>;
  readonly ask: Statement<AccountKey & { readonly at: number }>;
  readonly account: Statement<AccountKey>;
  readonly asked: Statement<{ readonly spaceId: string }>;
  readonly spenders: Statement<{ readonly spaceId: string; readonly scope: string; readonly period: string }>;
  readonly record: Statement<ModelCallRecord>;
  readonly charge: Statement<ModelCallRecord & { readonly month: string }>;
  readonly useUp: Statement<ModelCallRecord & { readonly month: string; readonly holder: string }>;
  readonly useUpHeld: Statement<ModelCallRecord & { readonly month: string; readonly holder: string }>;
  readonly markCharged: Statement<{ readonly turnId: string; readonly id: string }>;
  readonly callsOfTurn: Statement<{ readonly turnId: string }>;
}

export function ledgerStatements(deps: PortDeps): LedgerStatements {
  return {
    ...accountStatements(deps),
    ...reservationStatements(deps),
    ...paidStatements(deps),
    ...callStatements(deps),
  };
}

function accountStatements({
  statements,
}: PortDeps): Pick<LedgerStatements, "grant" | "ask" | "account" | "asked" | "spenders"> {
  const columns = sql.join(ACCOUNT_COLUMNS.map((column) => sql.ref(column)));
  return {
    grant: statements.add(
      "ledger.grant",
      {},
      (_db, p) => sql`
      INSERT INTO accounts (${columns})
      VALUES (${p.spaceId}, ${p.scope}, ${p.subject}, ${p.period}, 0, 0, ${p.microUsd}, 0, NULL)
      ON CONFLICT (space_id, scope, subject, period) DO UPDATE SET
        granted_micro_usd = accounts.granted_micro_usd + excluded.granted_micro_usd, asked = 0, asked_at = NULL`,
    ),
    ask: statements.add(
      "ledger.ask",
      {},
      (_db, p) => sql`
      INSERT INTO accounts (${columns})
      VALUES (${p.spaceId}, ${p.scope}, ${p.subject}, ${p.period}, 0, 0, 0, 1, ${p.at})
      ON CONFLICT (space_id, scope, subject, period) DO UPDATE SET asked = accounts.asked + 1, asked_at = excluded.asked_at`,
    ),
    account: statements.add(
      "ledger.account",
      { returns: "row" },
      (_db, p) => sql`
      SELECT ${columns} FROM accounts
      WHERE space_id = ${p.spaceId} AND scope = ${p.scope} AND subject = ${p.subject} AND period = ${p.period}`,
    ),
    asked: statements.add(
      "ledger.asked",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM accounts WHERE space_id = ${p.spaceId} AND asked <> 0 ORDER BY asked_at DESC LIMIT 100`,
    ),
    spenders: statements.add(
      "ledger.spenders",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM accounts WHERE space_id = ${p.spaceId} AND scope = ${p.scope} AND period = ${p.period}
        AND spent_micro_usd + reserved_micro_usd > 0
      ORDER BY spent_micro_usd + reserved_micro_usd DESC, subject LIMIT 100`,
    ),
  };
}

function reservationStatements({
  statements,
  dialect,
}: PortDeps): Pick<LedgerStatements, "reserve" | "hold" | "free" | "letGo" | "freeDead" | "letDeadGo"> {
  const isDead = sql`NOT EXISTS (SELECT 1 FROM turns t WHERE t.id = reservations.holder AND t.state IN ('queued', 'running'))
        AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.id = reservations.holder AND e.state IN ('pending', 'running'))`;
  return {
    reserve: statements.add(
      "ledger.reserve",
      { guard: "budget.exceeded" },
      (_db, p) => sql`
      INSERT INTO accounts (space_id, scope, subject, period, spent_micro_usd, reserved_micro_usd, granted_micro_usd, asked)
      SELECT ${p.spaceId}, ${p.scope}, ${p.subject}, ${p.period}, 0, ${p.microUsd}, 0, 0
      WHERE CAST(${p.microUsd} AS BIGINT) <= CAST(${p.limitMicroUsd} AS BIGINT) OR EXISTS (SELECT 1 FROM accounts
        WHERE space_id = ${p.spaceId} AND scope = ${p.scope} AND subject = ${p.subject} AND period = ${p.period})
      ON CONFLICT (space_id, scope, subject, period) DO UPDATE SET
        reserved_micro_usd = accounts.reserved_micro_usd + excluded.reserved_micro_usd
      WHERE accounts.spent_micro_usd + accounts.reserved_micro_usd + excluded.reserved_micro_usd
        <= ${p.limitMicroUsd} + accounts.granted_micro_usd`,
    ),
    hold: statements.add(
      "ledger.hold",
      {},
      (_db, p) => sql`
      INSERT INTO reservations (holder, space_id, scope, subject, period, micro_usd)
      VALUES (${p.holder}, ${p.spaceId}, ${p.scope}, ${p.subject}, ${p.period}, ${p.microUsd})
      ON CONFLICT (holder, space_id, scope, subject, period) DO UPDATE SET micro_usd = reservations.micro_usd + excluded.micro_usd`,
    ),
    free: statements.add(
      "ledger.free",
      {},
      (_db, p) => sql`
      UPDATE accounts SET reserved_micro_usd = ${dialect.greatest(sql`0`, sql`accounts.reserved_micro_usd - r.micro_usd`)} FROM reservations r
      WHERE r.holder = ${p.holder} AND accounts.space_id = r.space_id AND accounts.scope = r.scope
        AND accounts.subject = r.subject AND accounts.period = r.period`,
    ),
    letGo: statements.add("ledger.let-go", {}, (db, p) =>
      db.deleteFrom("reservations").where("holder", "=", p.holder),
    ),
    // By what is held and not by what accounts say: those grow with every peer and day, and nothing else finds them quickly.
    freeDead: statements.add(
      "ledger.free-dead",
      {},
      (_db, p) => sql`
      UPDATE accounts SET reserved_micro_usd = ${dialect.greatest(sql`0`, sql`accounts.reserved_micro_usd - dead.micro_usd`)}
      FROM (SELECT space_id, scope, subject, period, sum(micro_usd) AS micro_usd FROM reservations
        WHERE space_id = ${p.spaceId} AND ${isDead} GROUP BY space_id, scope, subject, period) dead
      WHERE accounts.space_id = dead.space_id AND accounts.scope = dead.scope
        AND accounts.subject = dead.subject AND accounts.period = dead.period`,
    ),
    letDeadGo: statements.add(
      "ledger.let-dead-go",
      {},
      (_db, p) => sql`DELETE FROM reservations WHERE space_id = ${p.spaceId} AND ${isDead}`,
    ),
  };
}

type Paid = ModelCallRecord & { readonly month: string; readonly holder: string };

function paidStatements({ statements, dialect }: PortDeps): Pick<LedgerStatements, "useUp" | "useUpHeld"> {
  /** What a holder reserved in the accounts that a call is charged to, while it is not. */
  const paidOf = (p: { readonly [Name in keyof Paid]: unknown }) => sql<boolean>`r.holder = ${p.holder}
        AND r.space_id = ${p.spaceId} AND r.period IN (${p.day}, ${p.month})
        AND (r.scope = 'space' OR (r.scope = 'agent' AND r.subject = ${p.agentId}) OR (r.scope = 'peer' AND r.subject = ${p.peerId}))
        AND EXISTS (SELECT 1 FROM model_calls WHERE turn_id = ${p.turnId} AND id = ${p.id} AND charged = 0)`;
  return {
    // Between `charge` and `mark-charged`, the account before what is held: it is reduced by what the holder still has.
    useUp: statements.add<Paid>(
      "ledger.use-up",
      {},
      (_db, p) => sql`
      UPDATE accounts SET reserved_micro_usd = ${dialect.greatest(
        sql`0`,
        sql`accounts.reserved_micro_usd - CASE WHEN r.micro_usd < ${p.costMicroUsd} THEN r.micro_usd ELSE ${p.costMicroUsd} END`,
      )} FROM reservations r
      WHERE ${paidOf(p)} AND accounts.space_id = r.space_id AND accounts.scope = r.scope
        AND accounts.subject = r.subject AND accounts.period = r.period`,
    ),
    useUpHeld: statements.add<Paid>(
      "ledger.use-up-held",
      {},
      (_db, p) => sql`
      UPDATE reservations AS r SET micro_usd = ${dialect.greatest(sql`0`, sql`r.micro_usd - ${p.costMicroUsd}`)}
      WHERE ${paidOf(p)}`,
    ),
  };
}

function callStatements({
  statements,
}: PortDeps): Pick<LedgerStatements, "record" | "charge" | "markCharged" | "callsOfTurn"> {
  return {
    record: statements.add("ledger.record", {}, (db, p) =>
      db
        .insertInto("model_calls")
        .values((eb) => ({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          session_id: p.sessionId,
          turn_id: p.turnId,
          peer_id: p.peerId,
          owner_id: p.ownerId,
          storyline_id: p.storylineId,
          model: p.model,
          key_id: p.keyId,
          purpose: p.purpose,
          outcome: p.outcome,
          error_code: p.errorCode,
          input_tokens: p.inputTokens,
          cached_input_tokens: p.cachedInputTokens,
          cache_write_tokens: p.cacheWriteTokens,
          output_tokens: p.outputTokens,
          reasoning_tokens: p.reasoningTokens,
          estimated: eb.val<number>(p.estimated as never),
          cost_micro_usd: p.costMicroUsd,
          priced: eb.val<number>(p.isPriced as never),
          charged: sql.lit(0),
          latency_ms: p.latencyMs,
          day: p.day,
          at: p.at,
        }))
        .onConflict((conflict) => conflict.doNothing()),
    ),
    // Follows `record`: what was known already is charged already, and is not charged again.
    charge: statements.add(
      "ledger.charge",
      {},
      (_db, p) => sql`
      INSERT INTO accounts (space_id, scope, subject, period, spent_micro_usd, reserved_micro_usd, granted_micro_usd, asked)
      SELECT ${p.spaceId}, concerned.column1, concerned.column2, concerned.column3, ${p.costMicroUsd}, 0, 0, 0
      FROM (VALUES ('space', '', ${p.day}), ('space', '', ${p.month}), ('agent', ${p.agentId}, ${p.day}),
        ('agent', ${p.agentId}, ${p.month}), ('peer', ${p.peerId}, ${p.day}), ('peer', ${p.peerId}, ${p.month})) concerned
      WHERE EXISTS (SELECT 1 FROM model_calls WHERE turn_id = ${p.turnId} AND id = ${p.id} AND charged = 0)
      ON CONFLICT (space_id, scope, subject, period) DO UPDATE SET
        spent_micro_usd = accounts.spent_micro_usd + excluded.spent_micro_usd`,
    ),
    markCharged: statements.add(
      "ledger.mark-charged",
      {},
      (_db, p) => sql`
      UPDATE model_calls SET charged = 1 WHERE turn_id = ${p.turnId} AND id = ${p.id} AND charged = 0`,
    ),
    callsOfTurn: statements.add("ledger.calls-of-turn", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("model_calls")
        .select(CALL_COLUMNS)
        .where("turn_id", "=", p.turnId)
        .orderBy("at")
        .orderBy("id"),
    ),
  };
}

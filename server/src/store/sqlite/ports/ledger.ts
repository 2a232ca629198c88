import type { Ledger, LedgerEntry, ModelCallRecord } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, type Statement, write } from "../statement.ts";
import type { ModelCallTable, TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";

const COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "session_id",
  "turn_id",
  "model",
  "purpose",
  "outcome",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "estimated",
  "cost_micro_usd",
  "latency_ms",
  "at",
] as const satisfies readonly (keyof ModelCallTable)[];

export function createLedger(deps: PortDeps): Ledger {
  const { reads } = deps;
  const statements = ledgerStatements(deps);
  return {
    reserve: (entry) => write(statements.reserve, entry),
    settle: (entry) => write(statements.settle, entry),
    record: (call) => write(statements.record, call),
    reconcile: (spaceId) => write(statements.reconcile, { spaceId }),
    async budget(spaceId, day, options) {
      const row = await reads.row(statements.budget, { spaceId, day }, options);
      return { day, spentMicroUsd: Number(row?.[0] ?? 0), reservedMicroUsd: Number(row?.[1] ?? 0) };
    },
    async callsOfTurn(turnId, options) {
      return (await reads.rows(statements.callsOfTurn, { turnId }, options)).map(callOf);
    },
  };
}

interface LedgerStatements {
  readonly reserve: Statement<LedgerEntry & { readonly limitMicroUsd: number | undefined }>;
  readonly settle: Statement<LedgerEntry & { readonly reservedMicroUsd: number }>;
  readonly record: Statement<ModelCallRecord>;
  readonly reconcile: Statement<{ readonly spaceId: string }>;
  readonly budget: Statement<{ readonly spaceId: string; readonly day: string }>;
  readonly callsOfTurn: Statement<{ readonly turnId: string }>;
}

function ledgerStatements({ statements }: PortDeps): LedgerStatements {
  return {
    reserve: statements.add(
      "ledger.reserve",
      { guard: "budget.exceeded" },
      (_db, p) => sql`
      INSERT INTO budgets (space_id, day, spent_micro_usd, reserved_micro_usd)
      SELECT ${p.spaceId}, ${p.day}, 0, ${p.microUsd} WHERE ${p.limitMicroUsd} IS NULL OR ${p.microUsd} <= ${p.limitMicroUsd}
      ON CONFLICT (space_id, day) DO UPDATE SET reserved_micro_usd = reserved_micro_usd + excluded.reserved_micro_usd
      WHERE ${p.limitMicroUsd} IS NULL OR spent_micro_usd + reserved_micro_usd + excluded.reserved_micro_usd <= ${p.limitMicroUsd}`,
    ),
    settle: statements.add(
      "ledger.settle",
      {},
      (_db, p) => sql`
      INSERT INTO budgets (space_id, day, spent_micro_usd, reserved_micro_usd) VALUES (${p.spaceId}, ${p.day}, ${p.microUsd}, 0)
      ON CONFLICT (space_id, day) DO UPDATE SET spent_micro_usd = spent_micro_usd + excluded.spent_micro_usd,
        reserved_micro_usd = max(0, reserved_micro_usd - ${p.reservedMicroUsd})`,
    ),
    record: statements.add("ledger.record", {}, (db, p) =>
      db
        .insertInto("model_calls")
        .values((eb) => ({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          session_id: p.sessionId,
          turn_id: p.turnId,
          model: p.model,
          purpose: p.purpose,
          outcome: p.outcome,
          input_tokens: p.inputTokens,
          cached_input_tokens: p.cachedInputTokens,
          output_tokens: p.outputTokens,
          estimated: eb.val<number>(p.estimated as never),
          cost_micro_usd: p.costMicroUsd,
          latency_ms: sql<number>`CAST(${p.latencyMs} AS INTEGER)`,
          at: p.at,
        }))
        .onConflict((conflict) => conflict.doNothing()),
    ),
    // A turn reserves on the day it was accepted; an effect tells its reservation in its payload.
    reconcile: statements.add(
      "ledger.reconcile",
      {},
      (_db, p) => sql`
      UPDATE budgets SET reserved_micro_usd = ifnull((
          SELECT sum(t.reserved_micro_usd) FROM turns t WHERE t.state IN ('queued', 'running') AND t.space_id = budgets.space_id
            AND strftime('%Y-%m-%d', t.created_at / 1000, 'unixepoch') = budgets.day), 0)
        + ifnull((SELECT sum(json_extract(e.payload, '$.reservedMicroUsd')) FROM (
            SELECT payload, space_id, created_at FROM effects WHERE state = 'pending'
            UNION ALL SELECT payload, space_id, created_at FROM effects WHERE state = 'running') e
          WHERE e.space_id = budgets.space_id AND json_valid(e.payload)
            AND strftime('%Y-%m-%d', e.created_at / 1000, 'unixepoch') = budgets.day), 0)
      WHERE space_id = ${p.spaceId} AND reserved_micro_usd <> 0`,
    ),
    budget: statements.add("ledger.budget", { returns: "row" }, (db, p) =>
      db
        .selectFrom("budgets")
        .select(["spent_micro_usd", "reserved_micro_usd"])
        .where("space_id", "=", p.spaceId)
        .where("day", "=", p.day),
    ),
    callsOfTurn: statements.add("ledger.calls-of-turn", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("model_calls")
        .select(COLUMNS)
        .where("turn_id", "=", p.turnId)
        .orderBy("at")
        .orderBy("id"),
    ),
  };
}

function callOf(row: Row): ModelCallRecord {
  const [
    id,
    spaceId,
    agentId,
    sessionId,
    turnId,
    model,
    purpose,
    outcome,
    inputTokens,
    cachedInputTokens,
    outputTokens,
    estimated,
    costMicroUsd,
    latencyMs,
    at,
  ] = row as unknown as TupleOf<ModelCallTable, typeof COLUMNS>;
  return {
    id,
    spaceId,
    agentId,
    sessionId,
    turnId,
    model,
    purpose: purpose as ModelCallRecord["purpose"],
    outcome: outcome as ModelCallRecord["outcome"],
    inputTokens,
    cachedInputTokens,
    outputTokens,
    estimated: estimated === 1,
    costMicroUsd,
    latencyMs,
    at,
  };
}

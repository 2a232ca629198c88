import type { Ledger, UsageDimension, UsageSum } from "@troupe/contracts";
import { sql } from "kysely";
import type { Row, Statement } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

const DEFAULT_LINES = 200;
const MAX_LINES = 1_000;

const COLUMN: Readonly<Record<UsageDimension, string>> = {
  agent: "agent_id",
  peer: "peer_id",
  model: "model",
  day: "day",
  purpose: "purpose",
};

interface Input {
  readonly spaceId: string;
  readonly ownerId: string | undefined;
  readonly fromDay: string;
  readonly toDay: string;
  readonly limit: number;
}

/** Sums of calls by one of their columns, made by the reader that nobody's turn waits for. */
export function createUsageReport({ statements, reads }: PortDeps): Ledger["usage"] {
  const sums = sql`count(*), coalesce(sum(CASE WHEN outcome = 'error' THEN 1 ELSE 0 END), 0), coalesce(sum(1 - priced), 0), coalesce(sum(input_tokens), 0),
        coalesce(sum(cached_input_tokens), 0), coalesce(sum(cache_write_tokens), 0), coalesce(sum(output_tokens), 0),
        coalesce(sum(reasoning_tokens), 0), coalesce(sum(cost_micro_usd), 0)`;
  const total = statements.add<Omit<Input, "limit">>(
    "ledger.usage-total",
    { returns: "rows" },
    (_db, p) => sql`
      SELECT '', ${sums} FROM model_calls WHERE space_id = ${p.spaceId} AND day BETWEEN ${p.fromDay} AND ${p.toDay}
        AND (CAST(${p.ownerId} AS TEXT) IS NULL OR owner_id = ${p.ownerId})`,
  );
  const statementBy = (dimension: UsageDimension): Statement<Input> => {
    const column = sql.ref(COLUMN[dimension]);
    const order =
      dimension === "day"
        ? sql`day`
        : sql`sum(cost_micro_usd) DESC, sum(input_tokens + output_tokens) DESC, ${column}`;
    return statements.add<Input>(
      `ledger.usage-by-${dimension}`,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${column}, ${sums} FROM model_calls WHERE space_id = ${p.spaceId} AND day BETWEEN ${p.fromDay} AND ${p.toDay}
        AND (CAST(${p.ownerId} AS TEXT) IS NULL OR owner_id = ${p.ownerId})
      GROUP BY ${column} ORDER BY ${order} LIMIT ${p.limit}`,
    );
  };
  const by: Readonly<Record<UsageDimension, Statement<Input>>> = {
    agent: statementBy("agent"),
    peer: statementBy("peer"),
    model: statementBy("model"),
    day: statementBy("day"),
    purpose: statementBy("purpose"),
  };
  return async (query, options) => {
    const { spaceId, ownerId, fromDay, toDay } = query;
    const limit = Math.min(Math.max(Math.trunc(query.limit ?? DEFAULT_LINES), 1), MAX_LINES);
    const input: Input = { spaceId, ownerId, fromDay, toDay, limit };
    const [lines, [all]] = await Promise.all([
      reads.farRows(by[query.by], input, options),
      reads.farRows(total, input, options),
    ]);
    return {
      items: lines.map((line) => ({ key: String(line[0]), ...sumOf(line) })),
      total: sumOf(all ?? []),
    };
  };
}

function sumOf(row: Row): UsageSum {
  const [
    ,
    calls,
    failedCalls,
    unpricedCalls,
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    costMicroUsd,
  ] = row.map(Number);
  return {
    calls: calls ?? 0,
    failedCalls: failedCalls ?? 0,
    unpricedCalls: unpricedCalls ?? 0,
    inputTokens: inputTokens ?? 0,
    cachedInputTokens: cachedInputTokens ?? 0,
    cacheWriteTokens: cacheWriteTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    reasoningTokens: reasoningTokens ?? 0,
    costMicroUsd: costMicroUsd ?? 0,
  };
}

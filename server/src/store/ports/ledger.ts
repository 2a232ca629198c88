import type { AccountKey, AccountState, Ledger, ModelCallRecord, Write } from "@troupe/contracts";
import { joined, type Row, write } from "../statement.ts";
import type { AccountTable, ModelCallTable, TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";
import { type ACCOUNT_COLUMNS, type CALL_COLUMNS, ledgerStatements } from "./ledger-statements.ts";
import { createUsageReport } from "./usage.ts";

export function createLedger(deps: PortDeps): Ledger {
  const { reads } = deps;
  const statements = ledgerStatements(deps);
  const charge = (call: ModelCallRecord, holder: string | undefined): readonly Write[] => {
    const month = call.day.slice(0, "2026-11".length);
    const paid = holder === undefined ? undefined : { ...call, month, holder };
    return [
      write(statements.charge, { ...call, month }),
      ...(paid === undefined ? [] : [write(statements.useUp, paid), write(statements.useUpHeld, paid)]),
      write(statements.markCharged, call),
    ];
  };
  return {
    reserve: ({ holder, microUsd, accounts }) =>
      joined(
        accounts.flatMap(({ limitMicroUsd, ...account }) => [
          write(statements.reserve, { ...account, microUsd, limitMicroUsd }),
          write(statements.hold, { ...account, microUsd, holder }),
        ]),
      ),
    release: (holder) => write(statements.free, { holder }, [write(statements.letGo, { holder })]),
    // What costs nothing needs no account.
    record: (call, paid) =>
      write(
        statements.record,
        { ...call, latencyMs: Math.trunc(call.latencyMs) },
        call.costMicroUsd > 0 ? charge(call, paid?.holder) : undefined,
      ),
    reconcile: (spaceId) =>
      write(statements.freeDead, { spaceId }, [write(statements.letDeadGo, { spaceId })]),
    grant: (account, microUsd) => write(statements.grant, { ...account, microUsd }),
    ask: (account, at) => write(statements.ask, { ...account, at }),
    async accounts(keys, options) {
      const rows = await Promise.all(keys.map((key) => reads.row(statements.account, key, options)));
      return keys.map((key, at) => (rows[at] === undefined ? emptyAccount(key) : accountOf(rows[at])));
    },
    async asked(spaceId, options) {
      return (await reads.rows(statements.asked, { spaceId }, options)).map(accountOf);
    },
    async spenders(query, options) {
      return (await reads.farRows(statements.spenders, query, options)).map(accountOf);
    },
    async callsOfTurn(turnId, options) {
      return (await reads.rows(statements.callsOfTurn, { turnId }, options)).map(callOf);
    },
    usage: createUsageReport(deps),
  };
}

function emptyAccount({ spaceId, scope, subject, period }: AccountKey): AccountState {
  const none = { spentMicroUsd: 0, reservedMicroUsd: 0, grantedMicroUsd: 0, asked: 0, askedAt: undefined };
  return { spaceId, scope, subject, period, ...none };
}

function accountOf(row: Row): AccountState {
  const [spaceId, scope, subject, period, spent, reserved, granted, asked, askedAt] =
    row as unknown as TupleOf<AccountTable, typeof ACCOUNT_COLUMNS>;
  return {
    spaceId,
    scope: scope as AccountState["scope"],
    subject,
    period,
    spentMicroUsd: spent,
    reservedMicroUsd: reserved,
    grantedMicroUsd: granted,
    asked,
    askedAt: askedAt ?? undefined,
  };
}

function callOf(row: Row): ModelCallRecord {
  const [
    id,
    spaceId,
    agentId,
    sessionId,
    turnId,
    peerId,
    ownerId,
    storylineId,
    model,
    keyId,
    purpose,
    outcome,
    errorCode,
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    estimated,
    costMicroUsd,
    priced,
    latencyMs,
    day,
    at,
  ] = row as unknown as TupleOf<ModelCallTable, typeof CALL_COLUMNS>;
  return {
    id,
    spaceId,
    agentId,
    sessionId,
    turnId,
    peerId,
    ownerId,
    storylineId: storylineId ?? undefined,
    model,
    keyId: keyId ?? undefined,
    purpose: purpose as ModelCallRecord["purpose"],
    outcome: outcome as ModelCallRecord["outcome"],
    errorCode: (errorCode ?? undefined) as ModelCallRecord["errorCode"],
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    estimated: estimated === 1,
    costMicroUsd,
    isPriced: priced === 1,
    latencyMs,
    day,
    at,
  };
}

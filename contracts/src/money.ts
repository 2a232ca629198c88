/** Money: what models were paid for, and what budgets allow. Amounts are whole millionths of a US dollar. */
import type { ErrorCode } from "./errors.ts";
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";

/** One call of a model, kept whatever its outcome; a retry and a failover are calls of their own. */
export interface ModelCallRecord {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Empty, as `turnId` is, where it was made for no turn. */
  readonly sessionId: string;
  readonly turnId: string;
  /** Whom the agent talked with. */
  readonly peerId: string;
  /** The principal whose session it is; it may read what this cost. */
  readonly ownerId: string;
  readonly storylineId: string | undefined;
  /** `provider/model`. */
  readonly model: string;
  /** As in `ModelChoice`. */
  readonly keyId: string | undefined;
  /**
   * `decision`: modules were unsure what to do about their tasks; counts in its turn. `check`: the operator asked whether
   * the model answers.
   */
  readonly purpose: "turn" | "decision" | "summary" | "memory" | "embedding" | "check";
  /** `ok`: the model came to its own end. `length`, `content-filter`: it wrote, and was cut there. */
  readonly outcome: "ok" | "length" | "content-filter" | "error" | "aborted";
  readonly errorCode: ErrorCode | undefined;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly estimated: boolean;
  readonly costMicroUsd: number;
  /** False: nobody told a price of the model, so the cost counts as zero and is shown as unknown. */
  readonly isPriced: boolean;
  readonly latencyMs: number;
  /** UTC day, `2026-11-21`, of whose accounts it is paid: the one on which it was reserved. */
  readonly day: string;
  /** When it ended, UTC milliseconds. */
  readonly at: number;
}

/** Who spends, in so far as budgets tell spenders apart. */
export interface Spender {
  readonly spaceId: string;
  readonly agentId: string;
  readonly peerId: string;
}

export type AccountScope = "space" | "agent" | "peer";

/** What one spender has spent in one UTC day or month. Each call counts in six: three scopes, day and month. */
export interface AccountKey {
  readonly spaceId: string;
  readonly scope: AccountScope;
  /** Id of the agent or peer; empty for the space. */
  readonly subject: string;
  /** `2026-11-21` or `2026-11`. */
  readonly period: string;
}

export interface AccountLimit extends AccountKey {
  readonly limitMicroUsd: number;
}

export interface AccountState extends AccountKey {
  readonly spentMicroUsd: number;
  readonly reservedMicroUsd: number;
  /** Allowed beyond the limit, in this period. */
  readonly grantedMicroUsd: number;
  /** How often its owner was asked for more since the last grant, and when last. */
  readonly asked: number;
  readonly askedAt: number | undefined;
}

/** `refuse`: say so. `cheaper`: go on with another model. `ask`: say so, and ask the owner for more. */
export type AtLimit = "refuse" | "cheaper" | "ask";

/** A budget as it concerns one spender at one time. */
export interface AppliedBudget extends AccountLimit {
  /** As configured. */
  readonly name: string;
  readonly atLimit: AtLimit;
  /** Logical model or `provider/model` to fall to; only with `cheaper`. */
  readonly cheaperModel?: string;
  /** When its period ends, UTC milliseconds. */
  readonly resetsAt: number;
}

/** What follows from a reservation that was refused. */
export type LimitVerdict =
  /** Room was made meanwhile. */
  | { readonly kind: "retry" }
  | { readonly kind: "cheaper"; readonly model: string }
  /** `opensAt`: when a new period begins for all that are used up, UTC milliseconds. `isAsked`: an owner was asked for more. */
  | { readonly kind: "refuse"; readonly opensAt: number; readonly isAsked: boolean };

/** The configured budgets. A reload changes what they answer. */
export interface Budgets {
  /** Those that a call of this spender is paid from, at `at` (UTC milliseconds). The same empty array where there is none. */
  of(spender: Spender, at: number): readonly AppliedBudget[];
  /**
   * What to do about a reservation that the store refused with `budget.exceeded`. Of several that are used up, one that
   * refuses goes before one that asks, and that before one that falls to a cheaper model. Keeps that an owner was asked.
   */
  atLimit(
    refused: {
      readonly budgets: readonly AppliedBudget[];
      readonly microUsd: number;
      /** Logical model or `provider/model` that was to be asked. */
      readonly model: string;
    },
    options: CallOptions,
  ): Promise<LimitVerdict>;
}

/** What is set aside for a turn or effect until its calls are settled. */
export interface Reservation {
  /** Id of the turn or effect; further reservations of the same holder add up. */
  readonly holder: string;
  readonly microUsd: number;
  readonly accounts: readonly AccountLimit[];
}

export type UsageDimension = "agent" | "peer" | "model" | "day" | "purpose";

export interface UsageQuery {
  readonly spaceId: string;
  /** Only calls of this principal's sessions; an operator leaves it out. */
  readonly ownerId?: string;
  readonly by: UsageDimension;
  /** UTC days, both included. */
  readonly fromDay: string;
  readonly toDay: string;
  /** Most lines; 1 to 1,000, default 200. */
  readonly limit?: number;
}

/** What the calls of one group came to. */
export interface UsageSum {
  readonly calls: number;
  readonly failedCalls: number;
  /** Calls of models without a known price. */
  readonly unpricedCalls: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costMicroUsd: number;
}

export interface UsageReport {
  /** Days in their order; all else the dearest first, then the most tokens. Not more than were asked for. */
  readonly items: readonly (UsageSum & { readonly key: string })[];
  /** Of everything, lines that were left out included. */
  readonly total: UsageSum;
}

/**
 * Calls, accounts and reservations. Every call that is recorded counts in its accounts in the same commit, whether or not
 * a budget looks at them, so that a new budget knows what was spent before it. Source: design §2 rule 8.
 */
export interface Ledger {
  /**
   * Guard `budget.exceeded`: in one of the accounts, spent + reserved + this would pass its limit and what was granted
   * beyond it.
   */
  reserve(reservation: Reservation): Write;
  /** Frees all that `holder` has reserved, in whatever accounts. Nothing is left to free on a repeat. */
  release(holder: string): Write;
  /**
   * Keeps a call and adds its cost to its accounts. Never refused: what was billed is told. The same id again changes nothing.
   * With `holder`, what it reserved in those accounts is used up by as much, so that an account never counts both while
   * the holder goes on.
   */
  record(call: ModelCallRecord, paid?: { readonly holder: string }): Write;
  /** Frees what is reserved for no living turn or effect; asked for at start. */
  reconcile(spaceId: string): Write;
  /** Allows so much more in the account's period; a repeat allows it again. Whoever asked was answered. */
  grant(account: AccountKey, microUsd: number): Write;
  /** Keeps that the owner was asked for more. */
  ask(account: AccountKey, at: number): Write;
  /** The state of each, in the order asked; one that nothing happened to is all zeros. */
  accounts(keys: readonly AccountKey[], options: CallOptions): Promise<readonly AccountState[]>;
  /** Accounts whose owner was asked for more and has not answered, the latest first, at most 100. */
  asked(spaceId: string, options: CallOptions): Promise<readonly AccountState[]>;
  /** Accounts of one scope and period in which anything was spent, the dearest first, at most 100. */
  spenders(
    query: { readonly spaceId: string; readonly scope: AccountScope; readonly period: string },
    options: CallOptions,
  ): Promise<readonly AccountState[]>;
  /** In the order in which they ended. */
  callsOfTurn(turnId: string, options: CallOptions): Promise<readonly ModelCallRecord[]>;
  usage(query: UsageQuery, options: CallOptions): Promise<UsageReport>;
}

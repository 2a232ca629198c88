import type { AppliedBudget, ClaimedTurn, ModelChoice } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { costMicroUsd, dateText, say } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { EquippedTurn } from "./values.ts";

/** Answers without a known length are reserved for as this many tokens, and grow no longer. */
const RESERVED_OUTPUT_TOKENS = 4_096;

/** What a call may cost at most, by the dearest of the models that may answer. */
export function estimateMicroUsd(
  choices: readonly ModelChoice[],
  inputTokens: number,
  outputTokens: number = RESERVED_OUTPUT_TOKENS,
): number {
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens };
  return Math.max(0, ...choices.map(({ price }) => costMicroUsd(usage, price)));
}

/** What a turn may ask next, and what it has set aside and paid. */
export interface Spending {
  /** Others than at first once a budget fell to a cheaper model. */
  choices: readonly ModelChoice[];
  /** Name under which they are configured. */
  model: string;
  extraReservedMicroUsd: number;
  readonly costMicroUsd: number;
}

/**
 * Reserves what the next call lacks, where a budget pays for it: what was paid and what it may cost, beyond what the turn
 * has reserved already. The turn's row learns of it in the same commit, so that whoever ends the turn frees it. At the limit
 * it may go on with a cheaper model. Resolves with the longest answer that it reserved for. Rejects with `budget.exceeded`, or
 * with `store.conflict` when the turn is another's by now.
 */
export async function reserveCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  spending: Spending,
  inputTokens: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { claimed } = turn.run;
  const budgets = budgetsOf(deps, claimed);
  if (budgets.length === 0) return undefined;
  const { maxOutputTokens } = claimed.turn.payload;
  for (let tries = 1; ; tries++) {
    const next = estimateMicroUsd(spending.choices, inputTokens, maxOutputTokens);
    if (next === 0) return undefined;
    const reserved = claimed.turn.reservedMicroUsd + spending.extraReservedMicroUsd;
    const microUsd = spending.costMicroUsd + next - reserved;
    if (microUsd <= 0) return RESERVED_OUTPUT_TOKENS;
    try {
      const reservation = { holder: claimed.turn.id, microUsd, accounts: budgets };
      await deps.unit.commit([deps.turns.reserve(claimed.turn, microUsd), deps.ledger.reserve(reservation)], {
        signal,
      });
      spending.extraReservedMicroUsd += microUsd;
      return RESERVED_OUTPUT_TOKENS;
    } catch (error) {
      if (!TroupeError.is(error, "budget.exceeded")) throw error;
      await fallOrEnd(deps, turn, spending, { budgets, microUsd, isLast: tries === LIMIT_TRIES }, signal);
    }
  }
}

/** Times that a reservation is tried again because there is room after all, or with a cheaper model. */
const LIMIT_TRIES = 4;

async function fallOrEnd(
  deps: AgentDeps,
  turn: EquippedTurn,
  spending: Spending,
  refused: {
    readonly budgets: readonly AppliedBudget[];
    readonly microUsd: number;
    readonly isLast: boolean;
  },
  signal: AbortSignal,
): Promise<void> {
  const { budgets, microUsd, isLast } = refused;
  const verdict = await deps.budgets.atLimit({ budgets, microUsd, model: spending.model }, { signal });
  const { trace } = turn.run;
  if (verdict.kind === "retry" && !isLast) return;
  if (verdict.kind === "cheaper" && !isLast) {
    trace.push({ at: deps.clock.now(), what: "budget", detail: `used up, goes on with ${verdict.model}` });
    spending.choices = deps.router.choices(verdict.model);
    spending.model = verdict.model;
    return;
  }
  const opensAt = verdict.kind === "refuse" ? verdict.opensAt : (budgets[0]?.resetsAt ?? deps.clock.now());
  const isAsked = verdict.kind === "refuse" && verdict.isAsked;
  const key = isAsked ? "reason.budget.asked" : "reason.budget.exceeded";
  throw new TroupeError(say(turn.language, key, { when: dateText(turn.language, opensAt) }), {
    code: "budget.exceeded",
    retryAfterMs: Math.max(0, opensAt - deps.clock.now()),
  });
}

/** The budgets that pay for a turn's calls: those of the day on which it was accepted. */
export function budgetsOf(
  deps: Pick<AgentDeps, "budgets">,
  { turn, session }: ClaimedTurn,
): readonly AppliedBudget[] {
  const { spaceId, agentId, createdAt } = turn;
  return deps.budgets.of({ spaceId, agentId, peerId: session.peerId }, createdAt);
}

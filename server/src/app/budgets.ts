import type {
  AccountScope,
  AppliedBudget,
  AtLimit,
  Budgets,
  CallOptions,
  Clock,
  Ledger,
  LimitVerdict,
  Spender,
  UnitOfWork,
} from "@troupe/contracts";
import { dayOf, type Metrics, monthOf } from "../kit/index.ts";
import type { Config } from "./config/index.ts";

/** One configured budget, as far as it limits anything. */
export interface BudgetRule {
  readonly name: string;
  readonly per: AccountScope;
  /** Only these agents or peers; undefined: each of them has an account of its own. */
  readonly only: readonly string[] | undefined;
  readonly dailyMicroUsd: number | undefined;
  readonly monthlyMicroUsd: number | undefined;
  readonly atLimit: AtLimit;
  readonly cheaperModel: string | undefined;
}

const NONE: readonly AppliedBudget[] = [];

/** The budgets of a configuration. */
export function budgetRulesOf({
  budget,
  budgets,
}: Pick<Config, "budget" | "budgets">): readonly BudgetRule[] {
  const named = Object.entries(budgets).map(
    ([name, { per, only, dailyUsd, monthlyUsd, atLimit, model }]): BudgetRule => ({
      ...{ name, per, only, atLimit, cheaperModel: model },
      dailyMicroUsd: microUsd(dailyUsd),
      monthlyMicroUsd: microUsd(monthlyUsd),
    }),
  );
  if (budget.dailyUsd === undefined) return named;
  const short: BudgetRule = {
    ...{ name: "daily", per: "space", only: undefined, monthlyMicroUsd: undefined },
    ...{ atLimit: "refuse", cheaperModel: undefined, dailyMicroUsd: microUsd(budget.dailyUsd) },
  };
  return [short, ...named];
}

/** The budgets of the configuration in force, read anew only when another one is. */
export function rulesInForce(config: () => Config): () => readonly BudgetRule[] {
  let of: Config | undefined;
  let rules: readonly BudgetRule[] = [];
  return () => {
    const now = config();
    if (now !== of) {
      rules = budgetRulesOf(now);
      of = now;
    }
    return rules;
  };
}

function microUsd(dollars: number | undefined): number | undefined {
  return dollars === undefined ? undefined : Math.round(dollars * 1_000_000);
}

export interface BudgetsDeps {
  /** Asked each time, since a reload may change what it answers. */
  readonly rules: () => readonly BudgetRule[];
  readonly ledger: Pick<Ledger, "accounts" | "ask">;
  readonly unit: Pick<UnitOfWork, "ride">;
  readonly clock: Pick<Clock, "now">;
  readonly metrics: Metrics;
  /** More was asked for on this account, of which so much was granted before. */
  readonly onAsked?: (asked: AskedAccount) => void;
}

/** A budget that is used up, whose owner is asked for more. */
export interface AskedAccount {
  readonly budget: AppliedBudget;
  /** Beyond the limit, by earlier grants of its period. */
  readonly grantedMicroUsd: number;
}

export function createBudgets(deps: BudgetsDeps): Budgets {
  const reached = deps.metrics.counter(
    "budget_limit_reached_total",
    "Reservations that a budget had no room for, by budget and what was done",
  );
  return {
    of(spender, at) {
      const known = deps.rules();
      if (known.length === 0) return NONE;
      const applied = known.flatMap((rule) => appliedOf(rule, spender, at));
      return applied.length === 0 ? NONE : tightest(applied);
    },
    async atLimit({ budgets, microUsd, model }, options) {
      const exceeded = await exceededOf(deps.ledger, budgets, microUsd, options);
      const verdict = verdictOf(
        exceeded.map(({ budget }) => budget),
        model,
      );
      for (const {
        budget: { name },
      } of exceeded)
        reached.add(1, { budget: name, action: verdict.kind });
      if (verdict.kind === "refuse" && verdict.isAsked) {
        const now = deps.clock.now();
        deps.unit.ride(exceeded.map(({ budget }) => deps.ledger.ask(budget, now)));
        for (const asked of exceeded) deps.onAsked?.(asked);
      }
      return verdict;
    },
  };
}

async function exceededOf(
  ledger: Pick<Ledger, "accounts">,
  budgets: readonly AppliedBudget[],
  microUsd: number,
  options: CallOptions,
): Promise<readonly AskedAccount[]> {
  const states = await ledger.accounts(budgets, options);
  return budgets.flatMap((budget, at) => {
    const state = states[at];
    const taken = (state?.spentMicroUsd ?? 0) + (state?.reservedMicroUsd ?? 0);
    const grantedMicroUsd = state?.grantedMicroUsd ?? 0;
    return taken + microUsd > budget.limitMicroUsd + grantedMicroUsd ? [{ budget, grantedMicroUsd }] : [];
  });
}

function verdictOf(exceeded: readonly AppliedBudget[], model: string): LimitVerdict {
  if (exceeded.length === 0) return { kind: "retry" };
  const cheaper = exceeded.find((one) => one.cheaperModel !== undefined && one.cheaperModel !== model);
  if (cheaper?.cheaperModel !== undefined && exceeded.every(({ atLimit }) => atLimit === "cheaper"))
    return { kind: "cheaper", model: cheaper.cheaperModel };
  const isAsked = exceeded.some(({ atLimit }) => atLimit === "ask");
  return {
    kind: "refuse",
    opensAt: Math.max(...exceeded.map(({ resetsAt }) => resetsAt)),
    isAsked: isAsked && exceeded.every(({ atLimit }) => atLimit !== "refuse"),
  };
}

function appliedOf(rule: BudgetRule, spender: Spender, at: number): readonly AppliedBudget[] {
  const subject = subjectOf(rule.per, spender);
  if (rule.only !== undefined && !rule.only.includes(subject)) return [];
  const { name, per: scope, atLimit, cheaperModel } = rule;
  const common = { name, spaceId: spender.spaceId, scope, subject, atLimit };
  const fall = cheaperModel === undefined ? {} : { cheaperModel };
  const applied: AppliedBudget[] = [];
  const { dailyMicroUsd, monthlyMicroUsd } = rule;
  if (dailyMicroUsd !== undefined)
    applied.push({
      ...common,
      ...fall,
      limitMicroUsd: dailyMicroUsd,
      period: dayOf(at),
      resetsAt: nextDay(at),
    });
  if (monthlyMicroUsd !== undefined)
    applied.push({
      ...{ ...common, ...fall, limitMicroUsd: monthlyMicroUsd },
      ...{ period: monthOf(at), resetsAt: nextMonth(at) },
    });
  return applied;
}

function subjectOf(scope: AccountScope, { agentId, peerId }: Spender): string {
  return scope === "space" ? "" : scope === "agent" ? agentId : peerId;
}

/** Of several budgets on one account the tightest is reached first; the others say nothing more. */
function tightest(applied: readonly AppliedBudget[]): readonly AppliedBudget[] {
  return applied.filter(
    (one, at) =>
      !applied.some(
        (other, place) =>
          one.scope === other.scope &&
          one.period === other.period &&
          (other.limitMicroUsd < one.limitMicroUsd ||
            (other.limitMicroUsd === one.limitMicroUsd && place < at)),
      ),
  );
}

/** When the next UTC day begins. */
export function nextDay(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
}

/** When the next UTC month begins. */
export function nextMonth(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

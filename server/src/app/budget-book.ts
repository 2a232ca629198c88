import type { AccountKey, AccountScope, AccountState, AtLimit, CallOptions, Stores } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { dayOf, monthOf, nearestName } from "../kit/index.ts";
import { type BudgetRule, nextDay, nextMonth } from "./budgets.ts";

/** One account as a budget limits it. Amounts are millionths of a US dollar, times UTC milliseconds. */
export interface BudgetLine {
  readonly name: string;
  readonly per: AccountScope;
  /** Agent or peer; empty for the space. */
  readonly subject: string;
  /** `2026-11-21` or `2026-11`. */
  readonly period: string;
  readonly limitMicroUsd: number;
  readonly spentMicroUsd: number;
  readonly reservedMicroUsd: number;
  /** Allowed beyond the limit in this period. */
  readonly grantedMicroUsd: number;
  readonly resetsAt: number;
  readonly atLimit: AtLimit;
  readonly model?: string;
  /** How often more was asked for since the last grant. */
  readonly asked: number;
}

export interface BudgetGrant {
  readonly name: string;
  readonly subject: string | undefined;
  readonly per: "day" | "month" | undefined;
  readonly microUsd: number;
}

export interface BudgetBook {
  /** Every account that a budget limits and that can be named; of peers those who have spent, the dearest first. */
  list(spaceId: string, options: CallOptions): Promise<readonly BudgetLine[]>;
  /** Allows more in the present period. Throws `request.not_found` and `request.invalid`. */
  allow(spaceId: string, grant: BudgetGrant, options: CallOptions): Promise<BudgetLine>;
}

export function createBudgetBook(deps: {
  readonly rules: () => readonly BudgetRule[];
  readonly agentIds: () => readonly string[];
  readonly stores: Pick<Stores, "ledger" | "unit">;
  readonly now: () => number;
}): BudgetBook {
  const { ledger, unit } = deps.stores;

  const subjectsOf = async (
    { per, only }: BudgetRule,
    account: Pick<AccountKey, "spaceId" | "period">,
    options: CallOptions,
  ): Promise<readonly string[]> => {
    if (per === "space") return [""];
    if (only !== undefined) return only;
    if (per === "agent") return deps.agentIds();
    return (await ledger.spenders({ ...account, scope: "peer" }, options)).map(({ subject }) => subject);
  };

  return {
    async list(spaceId, options) {
      const lines: BudgetLine[] = [];
      for (const rule of deps.rules()) {
        for (const period of periodsOf(rule, deps.now())) {
          const subjects = await subjectsOf(rule, { spaceId, period: period.name }, options);
          const keys = subjects.map(
            (subject): AccountKey => ({ spaceId, scope: rule.per, subject, period: period.name }),
          );
          const states = await ledger.accounts(keys, options);
          lines.push(...states.map((state) => lineOf(rule, period, state)));
        }
      }
      return lines;
    },
    async allow(spaceId, grant, options) {
      const rules = deps.rules();
      const rule = rules.find(({ name }) => name === grant.name);
      if (rule === undefined) throw unknownBudget(grant.name, rules);
      const subject = subjectFor(rule, grant.subject);
      const periods = periodsOf(rule, deps.now());
      const period = periods.find(({ per }) => grant.per === undefined || per === grant.per);
      if (period === undefined) {
        const message = `The budget "${rule.name}" has no limit for a ${grant.per}.`;
        throw new TroupeError(message, { code: "request.invalid" });
      }
      const key: AccountKey = { spaceId, scope: rule.per, subject, period: period.name };
      await unit.commit([ledger.grant(key, grant.microUsd)], options);
      const [state] = await ledger.accounts([key], options);
      if (state === undefined) throw new TypeError("An account that was asked for is not told.");
      return lineOf(rule, period, state);
    },
  };
}

interface Period {
  readonly per: "day" | "month";
  readonly name: string;
  readonly limitMicroUsd: number;
  readonly resetsAt: number;
}

function periodsOf({ dailyMicroUsd, monthlyMicroUsd }: BudgetRule, at: number): readonly Period[] {
  const periods: Period[] = [];
  if (dailyMicroUsd !== undefined)
    periods.push({ per: "day", name: dayOf(at), limitMicroUsd: dailyMicroUsd, resetsAt: nextDay(at) });
  if (monthlyMicroUsd !== undefined)
    periods.push({
      per: "month",
      name: monthOf(at),
      limitMicroUsd: monthlyMicroUsd,
      resetsAt: nextMonth(at),
    });
  return periods;
}

function lineOf(rule: BudgetRule, period: Period, state: AccountState): BudgetLine {
  return {
    name: rule.name,
    per: rule.per,
    subject: state.subject,
    period: period.name,
    limitMicroUsd: period.limitMicroUsd,
    spentMicroUsd: state.spentMicroUsd,
    reservedMicroUsd: state.reservedMicroUsd,
    grantedMicroUsd: state.grantedMicroUsd,
    resetsAt: period.resetsAt,
    atLimit: rule.atLimit,
    ...(rule.cheaperModel === undefined ? {} : { model: rule.cheaperModel }),
    asked: state.asked,
  };
}

function subjectFor({ name, per, only }: BudgetRule, subject: string | undefined): string {
  if (per === "space") {
    if (subject === undefined) return "";
    throw new TroupeError(`The budget "${name}" is of the whole space; leave out whose.`, {
      code: "request.invalid",
    });
  }
  const known = subject ?? (only?.length === 1 ? only[0] : undefined);
  if (known === undefined) {
    throw new TroupeError(`The budget "${name}" is of each ${per}; say whose, with --for.`, {
      code: "request.invalid",
    });
  }
  if (only === undefined || only.includes(known)) return known;
  const message = `The budget "${name}" does not concern "${known}". It is of ${only.join(", ")}.`;
  throw new TroupeError(message, { code: "request.invalid" });
}

function unknownBudget(name: string, rules: readonly BudgetRule[]): TroupeError {
  const names = rules.map((rule) => rule.name);
  const meant = nearestName(name, names);
  const guess = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  const known = names.length === 0 ? "None is configured." : `Known: ${names.join(", ")}.`;
  return new TroupeError(`There is no budget "${name.slice(0, 40)}".${guess} ${known}`, {
    code: "request.not_found",
  });
}

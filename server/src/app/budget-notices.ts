import { type Notices, OPERATOR_ID } from "@troupe/contracts";
import type { AskedAccount } from "./budgets.ts";

const MICRO = 1_000_000;

/**
 * Tells operators of an account that is used up and for which more was asked: once, and again when what was allowed since is
 * used up, too.
 */
export function budgetNotices(notices: Pick<Notices, "post">): (asked: AskedAccount) => void {
  return ({ budget, grantedMicroUsd }) => {
    const { name, scope, subject, period, limitMicroUsd } = budget;
    const limit = ((limitMicroUsd + grantedMicroUsd) / MICRO).toFixed(2);
    const whose = scope === "space" ? "" : ` of the ${scope} ${subject}`;
    const per = period.length > "2026-11".length ? "day" : "month";
    const forWhom = scope === "space" ? "" : ` --for ${JSON.stringify(subject)}`;
    notices.post({
      ownerId: OPERATOR_ID,
      key: ["budget", name, scope, subject, period, grantedMicroUsd].join(" "),
      title: `More is asked for: the budget ${name}${whose} is used up`,
      text: [
        `The budget **${name}**${whose} is at its limit of $${limit} for ${period}, and messages wait for you to allow more.`,
        "Allow an amount, here one dollar, with:",
        `    ./troupe budget allow ${name} 1.00${forWhom} --per ${per}\n`,
      ].join("\n\n"),
    });
  };
}

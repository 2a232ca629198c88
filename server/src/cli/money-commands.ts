import type { Command } from "commander";
import { add, group } from "./add-command.ts";

/** `usage` and `budget …`: what models cost, and what they may. */
export function addMoney(program: Command): void {
  add(program, "usage", "what models were asked, and what it cost", async (context, options) =>
    (await import("./commands/usage.ts")).showUsage(context, options),
  )
    .option("--by <what>", "sums by agent, peer, model, day or purpose", "day")
    .option("--from <day>", "first UTC day, as 2026-11-01; default: the first of this month")
    .option("--to <day>", "last UTC day; default: today")
    .option("--limit <n>", "at most so many lines", "50");
  const budget = group(program, "budget", "budgets: list what is spent, allow more");
  add(budget, "list", "list limits, what is spent and reserved, and when each begins anew", async (context) =>
    (await import("./commands/budget.ts")).listBudgets(context),
  );
  add(
    budget,
    "allow <name> <usd>",
    "allow so many dollars more, in the present day or month alone",
    async (context, options, name = "", usd = "") =>
      (await import("./commands/budget.ts")).allowMore(context, options, name, usd),
  )
    .option("--for <id>", "the agent or peer, where the budget is of each")
    .option("--per <period>", "day or month, where the budget has both; default: day");
}

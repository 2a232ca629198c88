import { TroupeError } from "@troupe/contracts";
import type { BudgetLine } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { formatBudgetLine, formatBudgets } from "../format/budgets.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listBudgets({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "budget list" });
  const { items } = await client.call<{ readonly items: readonly BudgetLine[] }>("GET", "/api/budgets");
  output.result(items, () => formatBudgets(items, output.paint));
}

export async function allowMore(
  { connect, output }: CommandContext,
  options: Options,
  name: string,
  dollars: string,
): Promise<void> {
  const usd = Number(dollars);
  if (!(usd > 0)) {
    throw new TroupeError(`"${dollars}" is no amount; write dollars, such as 2.50.`, {
      code: "request.invalid",
    });
  }
  await using client = await connect({ command: "budget allow" });
  const path = `/api/budgets/${encodeURIComponent(name)}/allow`;
  const line = await client.call<BudgetLine>("POST", path, { usd, for: options.for, per: options.per });
  output.result(line, () => `Allowed.\n${formatBudgetLine(line, output.paint)}`);
}

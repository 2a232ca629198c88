import type { BudgetLine } from "../../app/index.ts";
import { oneLine, type Paint, table } from "../output.ts";
import { usd } from "./time.ts";

/** A line an account; those that are used up or asked about say so. */
export function formatBudgets(lines: readonly BudgetLine[], paint: Paint): string {
  if (lines.length === 0)
    return "No budget has anything to show. Write one under budgets in troupe.yaml, such as all: { dailyUsd: 5 }.";
  return table(lines.map((line) => cells(line, paint)));
}

export function formatBudgetLine(line: BudgetLine, paint: Paint): string {
  return table([cells(line, paint)], "  ");
}

function cells(line: BudgetLine, paint: Paint): readonly string[] {
  const { spentMicroUsd, reservedMicroUsd, limitMicroUsd, grantedMicroUsd } = line;
  const allowed = limitMicroUsd + grantedMicroUsd;
  const isSpent = spentMicroUsd + reservedMicroUsd >= allowed;
  const granted = grantedMicroUsd === 0 ? "" : ` (${usd(grantedMicroUsd)} of it granted)`;
  const words = [
    isSpent ? paint.bad("used up") : "",
    line.asked === 0 ? "" : paint.warn(`asked for more ${line.asked === 1 ? "once" : `${line.asked} times`}`),
  ];
  return [
    paint.bold(line.name),
    line.per === "space" ? "the space" : `${line.per} ${oneLine(line.subject, 32)}`,
    line.period,
    `${usd(spentMicroUsd)} of ${usd(allowed)}${granted}`,
    reservedMicroUsd === 0 ? "" : `${usd(reservedMicroUsd)} reserved`,
    `anew ${new Date(line.resetsAt).toISOString().slice(0, 10)}`,
    line.atLimit === "cheaper" ? `then ${line.model}` : line.atLimit,
    words.filter(Boolean).join(", "),
  ];
}

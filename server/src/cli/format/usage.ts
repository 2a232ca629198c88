import type { UsageReport, UsageSum } from "@troupe/contracts";
import { oneLine, type Paint, table } from "../output.ts";
import { count, plural, usd } from "./time.ts";

export interface UsageView extends UsageReport {
  readonly by: string;
  readonly from: string;
  readonly to: string;
}

/** A line a group, the sum of everything below. */
export function formatUsage({ by, from, to, items, total }: UsageView, paint: Paint): string {
  const span = from === to ? from : `${from} to ${to}`;
  if (total.calls === 0) return `No model was asked, ${span} (UTC).`;
  const lines = items.map((item) => [
    item.key === "" ? paint.dim("none") : oneLine(item.key, 48),
    ...cells(item),
  ]);
  const left = total.calls - items.reduce((sum, item) => sum + item.calls, 0);
  const rest = left > 0 ? [[paint.dim("the rest"), plural(left, "call"), "", "", "", ""]] : [];
  const all = [paint.bold("in all"), ...cells(total)];
  return `Usage by ${by}, ${span} (UTC)\n${table([...lines, ...rest, all], "  ")}`;
}

function cells(sum: UsageSum): readonly string[] {
  const failed = sum.failedCalls === 0 ? "" : `, ${count(sum.failedCalls)} failed`;
  const cached = sum.cachedInputTokens === 0 ? "" : ` (${count(sum.cachedInputTokens)} cached)`;
  return [
    plural(sum.calls, "call") + failed,
    `${count(sum.inputTokens)} in${cached}`,
    `${count(sum.outputTokens)} out`,
    usd(sum.costMicroUsd),
    sum.unpricedCalls === 0 ? "" : `${count(sum.unpricedCalls)} of unknown price`,
  ];
}

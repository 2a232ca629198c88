import type { Figure } from "../figure.ts";

const HEADER = ["subject", "metric", "value", "unit", "target", "holds"] as const;

/** One line of JSON a figure, with its six fields and no other. */
export function formatJson(figures: readonly Figure[]): string {
  return figures
    .map(({ subject, metric, value, unit, target, holds }) =>
      JSON.stringify({ subject, metric, value, unit, target, holds }),
    )
    .join("\n");
}

/** The figures for people: columns are aligned, numbers to the right. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.subject,
    figure.metric,
    formatValue(figure.value),
    figure.unit,
    figure.target === null ? "" : String(figure.target),
    figure.holds === null ? "" : figure.holds ? "yes" : "NO",
  ]);
  const widths = HEADER.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(HEADER), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

/** Three digits that matter, but never fewer than all before the point. */
export function formatValue(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, Math.min(6, 3 - before)));
}

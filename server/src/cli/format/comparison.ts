import type { Usage } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import { wrapped } from "../chat/wrap.ts";
import { type Output, oneLine, widthOf } from "../output.ts";
import { count, duration, plural, usd } from "./time.ts";

/** As `/api/sessions/{id}/compare/{other}` gives it. */
export interface SessionComparison {
  readonly left: { readonly id: string; readonly title: string };
  readonly right: { readonly id: string; readonly title: string };
  readonly common: readonly ComparedTurn[];
  readonly rows: readonly {
    readonly left?: ComparedTurn;
    readonly right?: ComparedTurn;
    readonly sameQuestion: boolean;
  }[];
  readonly totals: { readonly left: Total; readonly right: Total };
  readonly isCut: boolean;
}

interface ComparedTurn {
  readonly turnId: string;
  readonly question: string;
  readonly answer: string;
  readonly tools: readonly string[];
  readonly state?: string;
  readonly usage?: Usage;
  readonly costMicroUsd?: number;
  readonly tookMs?: number;
}

interface Total {
  readonly turns: number;
  readonly usage: Usage;
  readonly costMicroUsd: number;
}

const GAP = "   ";
const NARROWEST = 24;

/** Two columns, as wide as the terminal lets them be. */
export function formatComparison(
  { left, right, common, rows, totals, isCut }: SessionComparison,
  { columns, paint }: Pick<Output, "columns" | "paint">,
): string {
  const width = Math.max(NARROWEST, Math.floor((Math.min(columns, 160) - GAP.length) / 2));
  const both = (one: string, other: string): string => beside(one, other, width);
  const lines = [
    both(paint.bold(nameOf(left)), paint.bold(nameOf(right))),
    both(paint.dim(left.id), paint.dim(right.id)),
    "",
    common.length === 0
      ? "They share no turn at their beginning."
      : `Both begin with the same ${plural(common.length, "turn")}, up to: ${oneLine(common.at(-1)?.question ?? "", 60)}`,
  ];
  for (const row of rows) {
    lines.push("");
    if (row.sameQuestion) lines.push(paint.bold(`> ${oneLine(row.left?.question ?? "", width * 2)}`));
    else lines.push(both(asked(row.left), asked(row.right)));
    lines.push(both(answered(row.left), answered(row.right)));
    lines.push(both(paint.dim(costOf(row.left)), paint.dim(costOf(row.right))));
  }
  lines.push("", both(`together ${totalOf(totals.left)}`, `together ${totalOf(totals.right)}`));
  if (isCut) lines.push("Only the first messages of each were compared; there is more.");
  return lines.join("\n");
}

function nameOf({ title, id }: SessionComparison["left"]): string {
  return title === "" ? id : oneLine(title, 60);
}

function asked(turn: ComparedTurn | undefined): string {
  return turn === undefined ? "" : `> ${oneLine(turn.question, 200)}`;
}

function answered(turn: ComparedTurn | undefined): string {
  if (turn === undefined) return "(nothing)";
  const tools = turn.tools.length === 0 ? "" : `(${turn.tools.join(", ")}) `;
  const failed = turn.state === undefined || turn.state === "replied" ? "" : `[${turn.state}] `;
  return `${failed}${tools}${safeText(turn.answer).trim()}`;
}

function costOf(turn: ComparedTurn | undefined): string {
  if (turn?.usage === undefined) return "";
  const took = turn.tookMs === undefined ? "" : `, ${duration(turn.tookMs)}`;
  return `${tokensOf(turn.usage)}, ${usd(turn.costMicroUsd ?? 0)}${took}`;
}

function totalOf({ turns, usage, costMicroUsd }: Total): string {
  return `${plural(turns, "turn")}, ${tokensOf(usage)}, ${usd(costMicroUsd)}`;
}

function tokensOf({ inputTokens, outputTokens }: Usage): string {
  return `${count(inputTokens)} in, ${count(outputTokens)} out`;
}

function beside(one: string, other: string, width: number): string {
  const [left, right] = [one, other].map((text) => wrapped(text, width).split("\n"));
  const height = Math.max(left?.length ?? 0, right?.length ?? 0);
  return Array.from({ length: height }, (_, at) => {
    const text = left?.[at] ?? "";
    return `${text}${" ".repeat(Math.max(0, width - widthOf(text)))}${GAP}${right?.[at] ?? ""}`.trimEnd();
  }).join("\n");
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.ts";

/** A fenced block of a page. */
export interface Block {
  /** The words after the fence: `console`, `js`, `yaml`. */
  readonly kind: string;
  readonly text: string;
  /** Line of its fence in the page, from 1. */
  readonly line: number;
}

/** One command of a `console` block and what stands below it. */
export interface Step {
  readonly command: string;
  readonly expected: readonly string[];
  readonly line: number;
}

export const GUIDE: string = join(root, "docs", "guide");

export function guidePages(): readonly string[] {
  return readdirSync(GUIDE).filter((name) => name.endsWith(".md"));
}

export function readPage(name: string): string {
  return readFileSync(join(GUIDE, name), "utf8");
}

export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { kind: string; line: number; lines: string[] } | undefined;
  for (const [at, line] of markdown.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { kind: fence[1]?.trim() ?? "", line: at + 1, lines: [] };
    else {
      blocks.push({ kind: open.kind, text: open.lines.join("\n"), line: open.line });
      open = undefined;
    }
  }
  return blocks;
}

/** `$ ` begins a command, `> ` goes on with it, everything else is what it prints. */
export function stepsOf(block: Block): readonly Step[] {
  const steps: { command: string; expected: string[]; line: number }[] = [];
  for (const [at, line] of block.text.split("\n").entries()) {
    const last = steps.at(-1);
    if (line.startsWith("$ "))
      steps.push({ command: line.slice(2), expected: [], line: block.line + at + 1 });
    else if (last === undefined) throw new Error(`Line ${block.line + at + 1} stands before any command.`);
    else if (line.startsWith("> ") && last.expected.length === 0) last.command += `\n${line.slice(2)}`;
    else last.expected.push(line);
  }
  return steps;
}

/** What a page says is printed: `…` stands for anything in its line, and alone in a line for any lines. */
export function patternOf(expected: readonly string[]): RegExp {
  const lines = expected.join("\n").trim().split("\n");
  const parts = lines.map((line) => {
    if (line.trim() === "…") return "(?:[^\\n]*\\n)*?";
    const escaped = line
      .trimEnd()
      .split("…")
      .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return `${escaped.join("[^\\n]*")}\\n`;
  });
  return new RegExp(`^${parts.join("")}$`);
}

import { stripVTControlCharacters, styleText } from "node:util";
import { safeText } from "../kit/index.ts";

/** What a command writes to. Standard output holds results, standard error everything said on the way. */
export interface Output {
  /** `--json` was asked for: one JSON value on standard output and nothing else. */
  readonly isJson: boolean;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** One result: `value` for programs, `text()` for people. */
  result(value: unknown, text: () => string): void;
  line(text?: string): void;
  /** Writes as it is, without a line break. */
  write(text: string): void;
  /** Said on the way; never part of the result. */
  note(text: string): void;
  readonly paint: Paint;
}

/** Colour helps and never carries meaning alone. */
export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

export function createOutput(options: { readonly isJson: boolean; readonly noColor: boolean }): Output {
  const { stdout, stderr } = process;
  const hasColor = !options.noColor && !options.isJson && stdout.isTTY === true;
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    hasColor ? styleText(format, text, { validateStream: false }) : text;
  return {
    isJson: options.isJson,
    isTerminal: stdout.isTTY === true && !options.isJson,
    columns: stdout.columns ?? 100,
    result(value, text) {
      stdout.write(`${options.isJson ? JSON.stringify(value) : text()}\n`);
    },
    line: (text = "") => void stdout.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    note: (text) => void stderr.write(`${text}\n`),
    paint: {
      dim: paint("dim"),
      bold: paint("bold"),
      good: paint("green"),
      bad: paint("red"),
      warn: paint("yellow"),
    },
  };
}

/** Columns beside each other, two spaces between; the last one is not padded. */
export function table(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - widthOf(cell)),
      );
      return indent + cells.join("  ").trimEnd();
    })
    .join("\n");
}

/** A list as it is printed, and how to see what comes after it. */
export function withMore(lines: string, next: string | undefined): string {
  return next === undefined ? lines : `${lines}\n\nThere are more: --cursor ${next}`;
}

/** Characters as a terminal counts them: combining marks take no place, wide ones take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(stripVTControlCharacters(text))) {
    width += WIDE.test(segment) ? 2 : 1;
  }
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Text from outside on one line: no control characters, at most `length` characters. */
export function oneLine(text: string, length = 80): string {
  const plain = safeText(text).replace(/\s+/g, " ").trim();
  return plain.length > length ? `${plain.slice(0, length - 1)}…` : plain;
}

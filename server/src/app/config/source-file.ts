import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, isMap, isScalar, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import type { Problem } from "./problem.ts";

/** A YAML file that knows where each of its values stands. */
export interface SourceFile {
  /** Relative to the home. */
  readonly name: string;
  readonly document: Document;
  /** Faults of the YAML itself; when there are any, nothing else is worth saying about the file. */
  readonly problems: readonly Problem[];
  /** Line of the value at `path`, or of the nearest thing above it that exists. */
  lineOf(path: readonly PropertyKey[]): number;
  /** Line of the key `key` of the map at `path`. */
  lineOfKey(path: readonly PropertyKey[], key: string): number;
}

export function readSource(name: string, text: string): SourceFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): number =>
    offset === undefined ? 1 : lines.linePos(offset).line;

  const nodeAt = (path: readonly PropertyKey[]): YamlNode | undefined => {
    for (let length = path.length; length > 0; length--) {
      const found = document.getIn(path.slice(0, length), true);
      if (found !== undefined && found !== null) return found as YamlNode;
    }
    return document.contents ?? undefined;
  };

  return {
    name,
    document,
    problems: document.errors.map((error) => syntaxProblem(name, text, lineAt(error.pos[0]), error)),
    lineOf(path) {
      const parent = document.getIn(path.slice(0, -1), true);
      const last = path.at(-1);
      // The value of a key may begin on the line below; people look for the key.
      if (isMap(parent) && last !== undefined && parent.has(last))
        return this.lineOfKey(path.slice(0, -1), String(last));
      return lineAt(nodeAt(path)?.range?.[0]);
    },
    lineOfKey(path, key) {
      const map = path.length === 0 ? document.contents : document.getIn(path, true);
      if (!isMap(map)) return lineAt(nodeAt(path)?.range?.[0]);
      const pair = map.items.find((item) => keyText(item) === key);
      return lineAt((pair?.key as YamlNode | undefined)?.range?.[0] ?? map.range?.[0]);
    },
  };
}

function keyText(pair: { readonly key: unknown }): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

function syntaxProblem(
  file: string,
  text: string,
  line: number,
  error: { code: string; message: string },
): Problem {
  const written = text.split("\n")[line - 1] ?? "";
  const hints: string[] = [];
  if (/[[{].*[^"'$]\$\{/.test(written)) hints.push('Inside { } and [ ], put "${…}" in quotes.');
  if (error.code === "DUPLICATE_KEY")
    hints.push("Put what both hold under one of them, and take the other out.");
  if (written.includes("\t")) hints.push("YAML is indented with spaces; this line holds a tab.");
  const detail = error.message.split("\n")[0]?.replace(/\s*:?\s*$/, "") ?? error.code;
  const message =
    error.code === "DUPLICATE_KEY"
      ? `The key "${written.trim().split(":")[0]}" is written twice in one place.`
      : `This is not valid YAML: ${detail.replace(/\.$/, "")}.`;
  return { file, line, path: "", message, hints };
}

/** The text of a file of the home; one that cannot be read is a problem. */
export function readOrTell(home: string, name: string, problems: Problem[]): string | undefined {
  try {
    return readFileSync(join(home, name), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === "ENOENT" ? "is not there." : `cannot be read (${code}).`;
    const hints = code === "ENOENT" ? ["./troupe up writes one."] : ["Check who owns it: ls -l."];
    problems.push({ file: name, line: undefined, path: "", message, hints });
    return undefined;
  }
}

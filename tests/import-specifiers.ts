// Finds what a source file imports, from its text alone: TypeScript 7 has no compiler API, and a stripper or bundler
// would drop `import type`, which binds layers as firmly as any other import.

export interface ImportFound {
  /** The module named; undefined where `import()` is given something other than a literal. */
  readonly specifier: string | undefined;
  readonly line: number;
}

// In masked code every literal is `"N"`, its place in the list of literals, so a pattern cannot match inside one.
const NAMING = [
  /(?<![.\w$])from\s*"(\d+)"/g,
  /(?<![.\w$])import\s*"(\d+)"/g,
  /(?<![.\w$])import\s*\(\s*"(\d+)"/g,
  /(?<![.\w$])require\s*\(\s*"(\d+)"/g,
  /import\.meta\.resolve\s*\(\s*"(\d+)"/g,
  // A URL alone is data, not an import; the file that a worker starts with is one.
  /new\s+Worker\s*\(\s*new\s+URL\s*\(\s*"(\d+)"/g,
  /new\s+Worker\s*\(\s*"(\d+)"/g,
];
const UNNAMED = /(?<![.\w$])import\s*\(\s*(?!["\s])/g;

export function importsOf(source: string): ImportFound[] {
  const { code, literals } = mask(source);
  const lineAt = (index: number) => code.slice(0, index).split("\n").length;
  const found: ImportFound[] = [];
  for (const pattern of NAMING) {
    for (const match of code.matchAll(pattern)) {
      found.push({ specifier: literals[Number(match[1])], line: lineAt(match.index) });
    }
  }
  for (const match of code.matchAll(UNNAMED)) found.push({ specifier: undefined, line: lineAt(match.index) });
  return found.sort((a, b) => a.line - b.line);
}

interface Masked {
  readonly code: string;
  readonly literals: string[];
}

/** The code with comments and regular expressions blanked and each literal replaced by its number; lines stay lines. */
export function mask(source: string): Masked {
  const literals: string[] = [];
  // For each `${` that is open: how many braces are open inside it.
  const templates: number[] = [];
  let code = "";
  let at = 0;
  const note = (text: string): void => {
    code += `"${literals.push(text) - 1}"${text.replace(/[^\n]/g, "")}`;
  };
  const readTemplate = (start: number, isFirst: boolean): void => {
    const end = endOfTemplatePart(source, start);
    const isBroken = source[end] === "$";
    // The backtick keeps a part of a template from being taken for a whole literal.
    if (isBroken || !isFirst) code += "`";
    note(source.slice(start, end));
    if (isBroken) templates.push(0);
    at = isBroken ? end + 2 : end + 1;
  };
  while (at < source.length) {
    const rest = literalAt(source, at, code);
    const char = source[at] ?? "";
    if (rest) {
      if (rest.kind === "string") note(source.slice(at + 1, rest.end - 1));
      else code += ` ${source.slice(at, rest.end).replace(/[^\n]/g, "")}`;
      at = rest.end;
    } else if (char === "`") {
      readTemplate(at + 1, true);
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      readTemplate(at + 1, false);
    } else {
      const depth = templates.pop();
      if (depth !== undefined) templates.push(depth + (char === "{" ? 1 : char === "}" ? -1 : 0));
      code += char;
      at += 1;
    }
  }
  return { code, literals };
}

/** The comment, string or regular expression that begins at `at`, if one does. */
function literalAt(
  source: string,
  at: number,
  before: string,
): { kind: "string" | "blank"; end: number } | undefined {
  const two = source.slice(at, at + 2);
  if (two === "//") return { kind: "blank", end: indexOrEnd(source, "\n", at) };
  if (two === "/*")
    return { kind: "blank", end: Math.min(indexOrEnd(source, "*/", at + 2) + 2, source.length) };
  const char = source[at];
  if (char === '"' || char === "'") {
    const end = endOfLine(source, at, char);
    return end === undefined ? undefined : { kind: "string", end };
  }
  if (char === "/" && mayBeginExpression(before)) {
    const end = endOfLine(source, at, "/");
    return end === undefined ? undefined : { kind: "blank", end };
  }
  return undefined;
}

function indexOrEnd(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index < 0 ? source.length : index;
}

/** Just past the closing quote or slash on the same line; undefined where there is none, as in page text. */
function endOfLine(source: string, start: number, close: string): number | undefined {
  let inClass = false;
  for (let at = start + 1; at < source.length; at += 1) {
    const char = source[at];
    if (char === "\n") return undefined;
    if (char === "\\") at += 1;
    else if (close === "/" && char === "[") inClass = true;
    else if (close === "/" && char === "]") inClass = false;
    else if (char === close && !inClass) return at + 1;
  }
  return undefined;
}

/** Where the text of a template stops: at its closing backtick or at the next `${`. */
function endOfTemplatePart(source: string, start: number): number {
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "`" || source.startsWith("${", at)) return at;
  }
  return source.length;
}

/** A slash after a value divides; anywhere else it begins a regular expression. */
function mayBeginExpression(before: string): boolean {
  const code = before.trimEnd();
  if (code === "" || /[([{},;=:!&|?+\-*%~^<>]$/.test(code)) return true;
  return /(?<![.\w$])(return|typeof|case|in|of|do|else|void|await|yield)$/.test(code);
}

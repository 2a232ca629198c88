import { isScalar } from "yaml";
import type { z } from "zod";
import { nearestName } from "../../kit/index.ts";
import { type InterpolationSources, interpolate } from "./interpolate.ts";
import { isPlannedKey, isPlannedProviderKind, unservedAddresses } from "./planned.ts";
import { formatPath, type Problem } from "./problem.ts";
import { jsonSchemas } from "./schema.ts";
import type { SourceFile } from "./source-file.ts";

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

export interface Validated<Output> {
  readonly value: Output | undefined;
  /** What was read, valid or not; undefined when the YAML itself is broken. */
  readonly input: unknown;
  readonly problems: readonly Problem[];
  /** What was written at a path that holds placeholders. */
  readonly written: ReadonlyMap<string, string>;
  /** Secrets that cannot be opened, by path: a sentence each. */
  readonly unreadable: ReadonlyMap<string, string>;
}

export interface ValidateOptions {
  readonly kind: "config" | "agent";
  /** Absent: placeholders are left as they are. */
  readonly interpolateFrom?: InterpolationSources;
}

/** Reads `source` by `schema`; every fault becomes a problem with its line, all of them at once. */
export function validate<Schema extends z.ZodType>(
  source: SourceFile,
  schema: Schema,
  options: ValidateOptions,
): Validated<z.output<Schema>> {
  if (source.problems.length > 0)
    return { value: undefined, input: undefined, problems: source.problems, ...NOTHING_FILLED };
  const { written, problems, broken, unreadable } = fillIn(source, options);
  const input: unknown = source.document.toJS() ?? {};
  const reader = createReader(source, options.kind, input);

  let result = schema.safeParse(input);
  if (!result.success && written.size > 0 && readAsNumbers(input, result.error.issues, written)) {
    result = schema.safeParse(input);
  }
  if (!result.success) {
    for (const issue of result.error.issues) {
      // A placeholder that could not be filled in is told once, not also for the form of what stands there.
      if (!broken.has(formatPath(issue.path))) problems.push(...reader.problemsOf(issue));
    }
  }
  problems.push(...reader.addresses());
  const value = result.success ? result.data : undefined;
  return { value, input, problems: inOrder(problems), written, unreadable };
}

const NOTHING_FILLED = { written: new Map<string, string>(), unreadable: new Map<string, string>() };

/**
 * Troupe runs on without a provider whose key cannot be opened: it is told of, and other models answer. Whatever else
 * needs a secret cannot do without.
 */
const DISPENSABLE = /^providers\./;

function fillIn(
  source: SourceFile,
  options: ValidateOptions,
): {
  written: Map<string, string>;
  problems: Problem[];
  broken: Set<string>;
  unreadable: Map<string, string>;
} {
  const written = new Map<string, string>();
  const problems: Problem[] = [];
  const broken = new Set<string>();
  const unreadable = new Map<string, string>();
  if (options.interpolateFrom === undefined) return { written, problems, broken, unreadable };
  const filled = interpolate(source.document, options.interpolateFrom);
  const pathOf = new Map<unknown, Path>();
  collectScalars(source.document.contents, [], pathOf);
  for (const [node, text] of filled.written) written.set(formatPath(pathOf.get(node) ?? []), text);
  for (const { node, message, hint, unreadable: why } of filled.faults) {
    const path = pathOf.get(node) ?? [];
    const name = formatPath(path);
    if (why !== undefined && DISPENSABLE.test(name)) {
      unreadable.set(name, why);
      continue;
    }
    broken.add(name);
    problems.push({
      file: source.name,
      line: source.lineOf(path),
      path: name,
      message: `${name} ${message}`,
      hints: [hint],
    });
  }
  return { written, problems, broken, unreadable };
}

function collectScalars(node: unknown, path: Path, into: Map<unknown, Path>): void {
  if (isScalar(node)) into.set(node, path);
  else if (typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items)) {
    for (const [index, item] of node.items.entries()) {
      if (typeof item === "object" && item !== null && "key" in item) {
        collectScalars(
          item.value,
          [...path, isScalar(item.key) ? String(item.key.value) : String(item.key)],
          into,
        );
      } else collectScalars(item, [...path, index], into);
    }
  }
}

/** `port: "${PORT:-8080}"` is text to YAML; where a number or yes/no is asked for, it is read as one. */
function readAsNumbers(
  input: unknown,
  issues: readonly Issue[],
  written: ReadonlyMap<string, string>,
): boolean {
  let changed = false;
  for (const issue of issues) {
    if (issue.code !== "invalid_type" || !written.has(formatPath(issue.path))) continue;
    const parent = valueAt(input, issue.path.slice(0, -1)) as Record<PropertyKey, unknown>;
    const key = issue.path.at(-1);
    const text = key === undefined ? undefined : parent[key];
    if (key === undefined || typeof text !== "string" || text.trim() === "") continue;
    const value = text === "true" ? true : text === "false" ? false : Number(text);
    if (Number.isNaN(value)) continue;
    parent[key] = value;
    changed = true;
  }
  return changed;
}

function createReader(
  source: SourceFile,
  kind: "config" | "agent",
  input: unknown,
): { problemsOf(issue: Issue): readonly Problem[]; addresses(): readonly Problem[] } {
  const problem = (
    path: Path,
    message: string,
    hints: readonly string[] = [],
    line = source.lineOf(path),
  ): Problem => ({
    file: source.name,
    line,
    path: formatPath(path),
    message,
    hints,
  });

  const unknownKey = (path: Path, key: string): Problem => {
    const full = [...path, key];
    const line = source.lineOfKey(path, key);
    if (isPlannedKey(kind, formatPath(full))) {
      return problem(
        full,
        `${formatPath(full)} is not served in this version.`,
        ["Take it out; a later version reads it."],
        line,
      );
    }
    const known = keysAt(kind, path);
    const meant = nearestName(key, known);
    const where = path.length === 0 ? "" : ` in ${formatPath(path)}`;
    const hint = `${meant === undefined ? "" : `Did you mean "${meant}"? `}Known${where}: ${known.join(", ")}.`;
    return problem(full, `${formatPath(full)} is not a setting.`, [hint], line);
  };

  return {
    problemsOf(issue) {
      if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(issue.path, key));
      const value = valueAt(input, issue.path);
      if (issue.path.at(-1) === "kind" && isPlannedProviderKind(value)) {
        return [
          problem(issue.path, `${formatPath(issue.path)} ${quote(value)} is not served in this version.`, [
            "Most providers have an OpenAI-compatible address: kind: openai-compatible, with its baseUrl.",
          ]),
        ];
      }
      const { message, hints } = explain(issue, value);
      const name = formatPath(issue.path);
      return [problem(issue.path, name === "" ? `The file ${message}` : `${name} ${message}`, hints)];
    },
    addresses: () =>
      kind === "config"
        ? unservedAddresses((path) => valueAt(input, path)).map(({ path, message, hint }) =>
            problem(path, message, [hint]),
          )
        : [],
  };
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a block of settings",
  record: "a block of names",
};

function explain(
  issue: Issue,
  value: unknown,
): { readonly message: string; readonly hints: readonly string[] } {
  if (value === undefined && issue.code !== "custom") {
    const hints = issue.path.join(".") === "version" ? ['Write "version: 1" at the top.'] : [];
    return { message: "is missing.", hints };
  }
  switch (issue.code) {
    case "invalid_type":
      return {
        message: `is ${quote(value)}; it must be ${EXPECTED[issue.expected] ?? issue.expected}.`,
        hints: [],
      };
    case "invalid_value": {
      const known = issue.values.map(String);
      const meant = nearestName(String(value), known);
      const must = known.length === 1 ? known[0] : `one of ${known.join(", ")}`;
      const hints = meant === undefined || known.length === 1 ? [] : [`Did you mean "${meant}"?`];
      return { message: `is ${quote(value)}; it must be ${must}.`, hints };
    }
    case "too_small":
      return { message: bound(issue.origin, value, "least", issue.minimum), hints: [] };
    case "too_big":
      return { message: bound(issue.origin, value, "most", issue.maximum), hints: [] };
    case "invalid_key":
      return {
        message: `is no name; a name ${issue.issues[0]?.message ?? "holds a–z, 0–9, _ and -"}.`,
        hints: [],
      };
    case "invalid_format":
      return { message: `is ${quote(value)}; what belongs here ${issue.message}.`, hints: [] };
    case "custom":
      return { message: `${issue.message}.`, hints: [] };
    default:
      return { message: `is not valid: ${issue.message}.`, hints: [] };
  }
}

function bound(origin: string, value: unknown, side: "least" | "most", limit: number | bigint): string {
  if (origin === "array") return `is an empty list; it needs at ${side} ${limit}.`;
  if (origin === "string") {
    return value === "" ? "is empty." : `has ${String(value).length} characters; at ${side} ${limit}.`;
  }
  return `is ${quote(value)}; it must be at ${side} ${limit}.`;
}

function quote(value: unknown): string {
  if (value === null) return "empty";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a block of settings" : String(value);
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

/** The settings that exist at `path`. */
function keysAt(kind: "config" | "agent", path: Path): readonly string[] {
  let node: SchemaNode | undefined = jsonSchemas()[kind];
  for (const step of path) {
    const named: SchemaNode | undefined = node?.properties?.[String(step)];
    const open: SchemaNode | boolean | undefined = node?.additionalProperties;
    node = named ?? node?.items ?? (typeof open === "object" ? open : undefined);
  }
  return Object.keys(node?.properties ?? {});
}

export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    input,
  );
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

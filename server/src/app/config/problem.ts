import { TroupeError } from "@troupe/contracts";
import { nearestName } from "../../kit/index.ts";

/** One thing that is wrong in the configuration, and the next step. */
export interface Problem {
  /** Relative to the home: `troupe.yaml`, `agents/ana.yaml`. */
  readonly file: string;
  readonly line: number | undefined;
  /** `models.default[0]`; empty for the file as a whole. */
  readonly path: string;
  /** A sentence that begins with the path, or with a capital where there is none. */
  readonly message: string;
  /** Further lines: what to do. */
  readonly hints: readonly string[];
}

/** `troupe.yaml:14  models.default[0] names …`, hints beneath the sentence. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  const indent = " ".repeat(place.length + 2);
  return [`${place}  ${problem.message}`, ...problem.hints.map((hint) => `${indent}${hint}`)].join("\n");
}

export function configError(problems: readonly Problem[]): TroupeError {
  return new TroupeError(problems.map(formatProblem).join("\n"), { code: "config.invalid" });
}

/** `["models", "default", 0]` as `models.default[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}

/** `Did you mean "anthropic"? Known: anthropic, local.` */
export function suggest(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known);
  const list = known.length === 0 ? "None is configured." : `Known: ${[...known].sort().join(", ")}.`;
  return meant === undefined ? list : `Did you mean "${meant}"? ${list}`;
}

import { TroupeError } from "@troupe/contracts";

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

/** The name that was probably meant: within a third of its length in edits, and nearer than any other. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean "anthropic"? Known: anthropic, local.` */
export function suggest(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const list = known.length === 0 ? "None is configured." : `Known: ${[...known].sort().join(", ")}.`;
  return meant === undefined ? list : `Did you mean "${meant}"? ${list}`;
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

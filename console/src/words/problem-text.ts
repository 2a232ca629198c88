import { ApiProblem } from "../api/problem.ts";
import type { Words } from "./en.ts";

/**
 * What went wrong, in the person's language where its code says enough. Refused messages the server tells in
 * the language that they were written in, so its own words are taken for all else.
 */
export function problemText(words: Words, problem: unknown): string {
  if (!(problem instanceof ApiProblem)) return problem instanceof Error ? problem.message : String(problem);
  const known: Readonly<Record<string, string | undefined>> = words.problems;
  return known[problem.code] ?? problem.message;
}

import type { JobUntil } from "@troupe/contracts";

const QUOTED = /["'“”„«»‘’]([^"'“”„«»‘’]{1,200})["'“”„«»‘’]/gu;

/** The words of a condition that are to be said; those in quotation marks. */
export function keywordsOf(condition: string): readonly string[] {
  return [...condition.matchAll(QUOTED)].map(([, word = ""]) => word.trim()).filter((word) => word !== "");
}

/**
 * Whether something that was said fulfils a condition, by rule: one of its quoted words is there, whole. A condition without
 * quoted words is for the agent to judge, which is told of it with each run.
 */
export function isFulfilled(until: JobUntil | undefined, said: string): boolean {
  if (until?.condition === undefined) return false;
  const words = ` ${textOf(said)} `;
  return keywordsOf(until.condition).some((keyword) => {
    const wanted = textOf(keyword);
    return wanted !== "" && words.includes(` ${wanted} `);
  });
}

function textOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}']+/gu, " ")
    .trim();
}

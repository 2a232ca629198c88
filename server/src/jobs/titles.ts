import type { Job, JobSpec } from "@troupe/contracts";

const MIN_CONTAINED = 4;
const SAME_SHARE = 0.5;
const SAME_TIME_MS = 60_000;

/** A title without what two titles of one thing differ in. Source: feature NN-054. */
export function normalTitle(title: string): string {
  return title
    .toLowerCase()
    .replace(/\([^)]*\)/g, " ")
    .replace(/[^\p{L}\s]/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** True for titles that name the same thing: one holds the other, or they share half of their pairs of letters. */
export function isSameTitle(one: string, other: string): boolean {
  const a = normalTitle(one);
  const b = normalTitle(other);
  if (a === b) return a !== "" || one.trim() === other.trim();
  if (a.length >= MIN_CONTAINED && b.length >= MIN_CONTAINED && (a.includes(b) || b.includes(a))) return true;
  return shareOf(pairsOf(a), pairsOf(b)) >= SAME_SHARE;
}

/** The open job that a new one would only repeat. One-off jobs for different times are different jobs. */
export function duplicateOf(spec: JobSpec, nextAt: number, open: readonly Job[]): Job | undefined {
  return open.find((job) => {
    const isOnce = spec.kind === "one_off" && job.spec.kind === "one_off";
    if (isOnce && Math.abs(job.next.at - nextAt) >= SAME_TIME_MS) return false;
    return (
      (spec.kind === "one_off") === (job.spec.kind === "one_off") && isSameTitle(spec.title, job.spec.title)
    );
  });
}

function pairsOf(text: string): ReadonlySet<string> {
  const letters = [...text];
  return new Set(letters.slice(1).map((letter, at) => `${letters[at]}${letter}`));
}

function shareOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((pair) => b.has(pair)).length;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : shared / all;
}

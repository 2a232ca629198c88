import type { Acquaintance } from "@troupe/contracts";

const DAY_MS = 24 * 60 * 60_000;

/** How well an agent and a peer know one another: `new`, `known`, `familiar` or `close`. */
export type Familiarity = "new" | "known" | "familiar" | "close";

/** Messages of both and days since the first one, from which on it is so. */
const LEVELS: readonly (readonly [Familiarity, messages: number, days: number])[] = [
  ["close", 1_000, 60],
  ["familiar", 100, 7],
  ["known", 10, 0],
];

/** Arithmetic over what conversations count anyway, of all names and sessions of somebody. */
export function familiarityOf(talks: readonly Pick<Acquaintance, "messages" | "firstAt" | "lastAt">[]): {
  readonly level: Familiarity;
  readonly messages: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
} {
  const messages = talks.reduce((sum, talk) => sum + talk.messages, 0);
  if (talks.length === 0) return { level: "new", messages, firstAt: undefined, lastAt: undefined };
  const firstAt = Math.min(...talks.map((talk) => talk.firstAt));
  const lastAt = Math.max(...talks.map((talk) => talk.lastAt));
  const days = (lastAt - firstAt) / DAY_MS;
  const found = LEVELS.find(([, most, least]) => messages >= most && days >= least);
  return { level: found?.[0] ?? "new", messages, firstAt, lastAt };
}

// What waits to be made of what was said, read from the database beside the process that works on it.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** `turns` that have not ended, words of messages, what is learned by rules, vectors of messages and memories. */
export const THINGS = ["turns", "words", "learning", "vectors"] as const;
export type DerivedThing = (typeof THINGS)[number];

export interface Backlog {
  /** Rows that wait. */
  readonly count: number;
  /** Of the oldest of them; 0 where none waits. */
  readonly ageMs: number;
}

const MODEL = "embedded/words-128";
const AFTER = (table: string, cursor: string): string =>
  `SELECT count(*), min(at) FROM (SELECT created_at AS at FROM ${table}
    WHERE "row" > ifnull((SELECT "row" FROM search_cursor WHERE name = '${cursor}'), 0))`;

const QUESTIONS: Readonly<Record<DerivedThing, readonly string[]>> = {
  turns: ["SELECT count(*), min(created_at) FROM turns WHERE state IN ('queued', 'running')"],
  words: [AFTER("messages", "messages")],
  learning: [
    "SELECT count(*), min(created_at) FROM effects WHERE state IN ('pending', 'running') AND kind LIKE 'memory.%'",
  ],
  vectors: [
    AFTER("messages", `vectors/message/default/${MODEL}`),
    AFTER("memories", `vectors/memory/default/${MODEL}`),
  ],
};

export function openBacklog(home: string): Disposable & { look(): Readonly<Record<DerivedThing, Backlog>> } {
  const database = new DatabaseSync(join(home, "data", "troupe.db"), { readOnly: true });
  database.exec("PRAGMA busy_timeout = 5000");
  const questions = THINGS.map((thing) => QUESTIONS[thing].map((text) => database.prepare(text)));
  for (const one of questions.flat()) one.setReturnArrays(true);
  return {
    look() {
      const now = Date.now();
      const looked = THINGS.map((thing, at) => {
        const rows = (questions[at] ?? []).map((one) => one.get() as unknown as [number, number | null]);
        const oldest = Math.min(...rows.map(([, since]) => since ?? now));
        return [
          thing,
          { count: rows.reduce((sum, [count]) => sum + count, 0), ageMs: now - oldest },
        ] as const;
      });
      return Object.fromEntries(looked) as Record<DerivedThing, Backlog>;
    },
    [Symbol.dispose]: () => database.close(),
  };
}

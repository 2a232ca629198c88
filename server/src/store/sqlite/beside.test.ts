import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Answer } from "../batch.ts";
import type { StatementText, Value } from "../statement.ts";
import { createBesideReader } from "./beside.ts";
import { openDatabase } from "./database.ts";
import { createThreadTransport } from "./writer-thread.ts";

const options = { signal: new AbortController().signal };

function statement(
  name: string,
  sql: string,
  more: Pick<StatementText, "returns" | "parameterCount">,
): StatementText {
  return { name, sql, isProcedure: false, isSmall: false, guard: undefined, ...more };
}

const INSERT = 0;
const SMALL = 1;
const LARGE = 2;
const WRONG = 3;
const OTHER = 4;
const TEXTS: readonly StatementText[] = [
  statement("insert", "INSERT INTO words (word) VALUES (?)", { returns: "nothing", parameterCount: 1 }),
  statement("small", "SELECT 'here'", { returns: "row", parameterCount: 0 }),
  statement(
    "large",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n",
    { returns: "row", parameterCount: 0 },
  ),
  statement("wrong", "SELECT abs(-9223372036854775807 - 1)", { returns: "row", parameterCount: 0 }),
  statement("other", "SELECT 'other'", { returns: "row", parameterCount: 0 }),
];

/** The database on a connection of this thread. */
let reading: DatabaseSync;
let here: (index: number) => unknown[];
let folder: string;
let transport: ReturnType<typeof createThreadTransport>;
let nowMs = 0;
const clock = { ...createManualClock(), monotonicMs: () => nowMs };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "troupe-beside-"));
  const path = join(folder, "some.db");
  const database = openDatabase({ path, access: "write", now: Date.now });
  database.exec("CREATE TABLE words (word TEXT)");
  database.close();
  reading = openDatabase({ path, access: "read", now: Date.now });
  here = (index) => {
    if (index === LARGE) nowMs += 2;
    const statement = reading.prepare(TEXTS[index]?.sql ?? "");
    statement.setReturnArrays(true);
    return statement.get() as unknown as unknown[];
  };
  transport = createThreadTransport({ path, texts: () => TEXTS });
  await transport.ready();
});
afterEach(async () => {
  await transport.close();
  reading.close();
  rmSync(folder, { recursive: true, force: true });
});

const readerOf = () =>
  createBesideReader({
    ...{ outgoing: transport, clock, mayStay: (index) => index !== OTHER },
    near: { query: async (index) => here(index) },
    far: { query: async () => ["far"] },
  });

/** What goes out at the end of this tick; an empty batch stands for commits that were all aborted. */
function commit(batch: readonly Value[]): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    transport.afterTick(() => {
      if (batch.length === 0) resolve(undefined);
      else transport.send(batch, (answer) => resolve(answer as Answer));
    });
  });
}

const insert = (...words: readonly string[]): Value[] => words.flatMap((word) => [1, INSERT, word]);

test("a question that is asked while a commit goes out is answered on this thread, beside the commit", async () => {
  const reader = readerOf();

  const committed = commit(insert("one", "two"));
  const order: string[] = [];
  const asked = reader.query(SMALL, [], options).finally(() => order.push("asked"));
  await Promise.all([committed.finally(() => order.push("committed")), asked]);

  // The answer came without waiting for the writer.
  expect([await committed, await asked, order]).toEqual([[0, 0], ["here"], ["asked", "committed"]]);
});

test("one is answered beside a commit; others, and those that may not, are answered elsewhere", async () => {
  const reader = readerOf();

  const alone = await reader.query(SMALL, [], options);
  const committed = commit(insert("one"));
  const other = reader.query(OTHER, [], options);
  const first = reader.query(SMALL, [], options);
  const second = reader.query(SMALL, [], options);
  await committed;

  expect([alone, await other, await first, await second]).toEqual([["far"], ["far"], ["here"], ["far"]]);
});

test("a question is answered elsewhere when nothing goes out after all, or too much", async () => {
  const reader = readerOf();

  const nothing = commit([]);
  const first = reader.query(SMALL, [], options);
  await nothing;
  const many = commit(insert(...Array.from({ length: 300 }, (_, n) => `word ${n}`)));
  const second = reader.query(SMALL, [], options);
  await many;

  expect([await first, await second]).toEqual([["far"], ["far"]]);
});

test("after a question that took long the next ones go elsewhere for a while, and for longer if it happens again", async () => {
  const reader = readerOf();
  const asking = async (index: number): Promise<unknown> => {
    const committed = commit(insert("one"));
    const asked = reader.query(index, [], options);
    await committed;
    return asked;
  };
  const tookLong = [300_000];

  const answers = [await asking(LARGE), await asking(SMALL)];
  nowMs += 100;
  answers.push(await asking(LARGE));
  nowMs += 100;
  answers.push(await asking(SMALL));
  nowMs += 100;
  answers.push(await asking(SMALL));

  expect(answers).toEqual([tookLong, ["far"], tookLong, ["far"], ["here"]]);
});

test("a question that fails, or is given up, changes nothing for the commit", async () => {
  const reader = readerOf();
  const life = new AbortController();

  const first = commit(insert("one"));
  const wrong = reader.query(WRONG, [], options).catch((error: Error) => error.message);
  await first;
  const second = commit(insert("two"));
  const given = reader.query(SMALL, [], { signal: life.signal });
  life.abort(new Error("enough"));

  expect([await first, await second]).toEqual([[0], [0]]);
  // Whoever answers elsewhere sees that nobody asks any more.
  expect([await wrong, await given]).toEqual(["integer overflow", ["far"]]);
});

test("a thread that has stopped does not keep a question from its answer", async () => {
  const reader = readerOf();
  await transport.close();

  const committed = commit(insert("one"));
  const asked = reader.query(SMALL, [], options);

  expect(await committed).toMatchObject({ code: "store.closed" });
  expect(await asked).toEqual(["here"]);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/index.ts";
import type { StatementText } from "../statement.ts";
import { openDatabase } from "./database.ts";
import { createThreadReader } from "./reader.ts";

const options = { signal: new AbortController().signal };
const ONE: StatementText = {
  name: "one",
  sql: "SELECT 'far'",
  isProcedure: false,
  isSmall: false,
  parameterCount: 0,
  returns: "row",
  guard: undefined,
};

let folder: string;
let nowMs = 0;
const clock = { ...systemClock(), monotonicMs: () => nowMs };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-reader-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("questions are answered here until the thread is up, and by the thread from then on", async () => {
  const path = join(folder, "some.db");
  openDatabase({ path, access: "write", now: Date.now }).close();
  const near = { query: async () => ["near"] };
  let starts = 0;
  const reader = createThreadReader({
    ...{ near, clock, texts: () => [ONE] },
    get path() {
      starts += 1;
      return path;
    },
  });
  try {
    expect(await reader.query(0, [], options)).toEqual(["near"]);
    // Not within the turn that asks.
    expect(starts).toBe(0);
    await expect.poll(() => reader.query(0, [], options), { timeout: 10_000 }).toEqual(["far"]);
  } finally {
    await reader.close();
  }

  await expect(reader.query(0, [], options)).rejects.toMatchObject({ code: "store.closed" });
});

test("a thread that cannot start leaves the answers here", async () => {
  const near = { query: async () => ["near"] };
  const reader = createThreadReader({
    path: join(folder, "none", "some.db"),
    near,
    clock,
    texts: () => [ONE],
  });
  try {
    for (let i = 0; i < 3; i++) {
      expect(await reader.query(0, [], options)).toEqual(["near"]);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  } finally {
    await reader.close();
  }
});

test("questions that are small start no thread, until one takes long", async () => {
  const path = join(folder, "some.db");
  openDatabase({ path, access: "write", now: Date.now }).close();
  let takesMs = 1;
  const near = {
    async query() {
      nowMs += takesMs;
      return ["near"];
    },
  };
  let starts = 0;
  const reader = createThreadReader({
    ...{ near, clock, texts: () => [{ ...ONE, isSmall: true }] },
    get path() {
      starts += 1;
      return path;
    },
  });
  try {
    for (let i = 0; i < 5; i++) expect(await reader.query(0, [], options)).toEqual(["near"]);
    const startsOfSmall = starts;
    takesMs = 21;
    expect(await reader.query(0, [], options)).toEqual(["near"]);
    takesMs = 1;

    await expect.poll(() => reader.query(0, [], options), { timeout: 10_000 }).toEqual(["far"]);
    expect(startsOfSmall).toBe(0);
  } finally {
    await reader.close();
  }
});

test("a thread that is wanted and not started yet is none when the store closes", async () => {
  const timers = createManualClock();
  const path = join(folder, "some.db");
  const near = { query: async () => ["near"] };
  const reader = createThreadReader({ path, near, clock: timers, texts: () => [ONE] });
  await reader.query(0, [], options);
  const before = timers.timers;

  await reader.close();

  expect([before, timers.timers]).toEqual([1, 0]);
});

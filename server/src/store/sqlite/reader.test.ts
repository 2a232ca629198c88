import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "./database.ts";
import { createThreadReader } from "./reader.ts";

const options = { signal: new AbortController().signal };
const ONE = {
  name: "one",
  sql: "SELECT 'far'",
  isProcedure: false,
  parameterCount: 0,
  returns: "row",
  guard: undefined,
} as const;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-reader-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("questions are answered here until the thread is up, and by the thread from then on", async () => {
  const path = join(folder, "some.db");
  openDatabase({ path, access: "write", now: Date.now }).close();
  const near = { query: async () => ["near"] };
  const reader = createThreadReader({ path, near, texts: () => [ONE] });
  try {
    expect(await reader.query(0, [], options)).toEqual(["near"]);
    await expect.poll(() => reader.query(0, [], options), { timeout: 10_000 }).toEqual(["far"]);
  } finally {
    await reader.close();
  }

  await expect(reader.query(0, [], options)).rejects.toMatchObject({ code: "store.closed" });
});

test("a thread that cannot start leaves the answers here", async () => {
  const near = { query: async () => ["near"] };
  const reader = createThreadReader({ path: join(folder, "none", "some.db"), near, texts: () => [ONE] });
  try {
    for (let i = 0; i < 3; i++) {
      expect(await reader.query(0, [], options)).toEqual(["near"]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await reader.close();
  }
});

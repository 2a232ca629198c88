import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { createLogRecorder } from "@troupe/testing";
import { expect, test } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../../kit/index.ts";
import { openSqliteStores } from "./open.ts";

const options = { signal: new AbortController().signal };

test("commits go on while the log cannot be emptied, because somebody reads for long", async () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-scrub-"));
  const path = join(folder, "troupe.db");
  const clock = systemClock();
  const open = await openSqliteStores({
    ...{ mode: "threads", path, clock, ids: createIdGenerator(clock), busyTimeoutMs: 500 },
    ...{ logger: createLogRecorder(), metrics: createMetrics() },
  });
  const { unit, holds, erasure } = open.stores;
  const hold = (spaceId: string) => unit.commit([holds.place({ spaceId, reason: "r", since: 1 })], options);
  await hold("before");
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM holds").get();

  const scrubbing = erasure.scrub(options);
  for (let n = 0; n < 20; n++) {
    await hold(`space ${n}`);
    await pause(50);
  }
  reader.exec("COMMIT");

  expect(await scrubbing).toEqual({ kind: "clean" });
  reader.close();
  await open.close();
  rmSync(folder, { recursive: true });
});

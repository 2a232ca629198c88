import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogRecorder, createManualClock, type StoreHarness, storeContract } from "@troupe/testing";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { openInlineStores, openSqliteStores } from "./index.ts";

storeContract("SQLite, inline, in memory", async (): Promise<StoreHarness> => {
  const clock = createManualClock();
  const store = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps(clock) });
  return {
    stores: store.stores,
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    close: () => store.close(),
  };
});

storeContract("SQLite, threads, on disk", async (): Promise<StoreHarness> => {
  const directory = mkdtempSync(join(tmpdir(), "troupe-store-"));
  const store = await openSqliteStores({
    mode: "threads",
    path: join(directory, "troupe.db"),
    ...deps(systemClock()),
  });
  return {
    stores: store.stores,
    now: () => Date.now(),
    pass: (ms) => sleep(ms + 5),
    async close() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

function deps(clock: ReturnType<typeof systemClock>) {
  return { clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() };
}

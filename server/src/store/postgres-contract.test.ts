import { setTimeout as sleep } from "node:timers/promises";
import {
  createLogRecorder,
  findPostgres,
  NO_POSTGRES,
  type StoreHarness,
  storeContract,
  type TestDatabase,
} from "@troupe/testing";
import { afterAll, beforeAll, describe } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { type OpenStores, openPostgresStores } from "./index.ts";

const postgres = await findPostgres();
describe.skipIf(postgres === undefined)(
  `on PostgreSQL${postgres === undefined ? ` (${NO_POSTGRES})` : ""}`,
  () => {
    let database: TestDatabase;
    let store: OpenStores;
    beforeAll(async () => {
      database = (await postgres?.create()) as TestDatabase;
      store = await openPostgresStores({ url: database.url, ...deps(systemClock()) });
    });
    afterAll(async () => {
      await store.close();
      await database[Symbol.asyncDispose]();
    });

    storeContract("PostgreSQL", async (): Promise<StoreHarness> => {
      await database.empty();
      return {
        stores: store.stores,
        now: () => Date.now(),
        pass: (ms) => sleep(ms + 5),
        close: () => store.stores.unit.flush({ signal: new AbortController().signal }),
      };
    });
  },
);

function deps(clock: ReturnType<typeof systemClock>) {
  return { clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() };
}

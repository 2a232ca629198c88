// What schedules stand on: one database, emptied for each, and a world whose clock is the database's.
import type { Clock, Logger } from "@troupe/contracts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import type { InlineStores } from "../../server/src/store/index.ts";
import { createWorld, type World } from "../../testing/src/simulator/index.ts";
import { createTestStores, type StoreKind } from "../lab/test-store.ts";

export interface Stand extends AsyncDisposable {
  readonly store: InlineStores;
  /** A new world over an empty database; the one before is over. */
  begin(schedule: { readonly seed: number; readonly keepLog: boolean }): Promise<World>;
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

/** One database serves all schedules, one after the other. */
export async function openStand(kind: StoreKind): Promise<Stand> {
  const stores = createTestStores(kind);
  let world: World | undefined;
  const clock: Clock = {
    now: () => world?.utcMs ?? 0,
    monotonicMs: () => world?.nowMs ?? 0,
    schedule: () => {
      throw new Error("The shared store has no timers: riders belong to processes.");
    },
  };
  const store = await stores.open({
    clock,
    ids: createIdGenerator(clock),
    logger: SILENT,
    metrics: createMetrics(),
    leaseClock: () => world?.utcMs ?? 0,
  });
  return {
    store,
    async begin(schedule) {
      // The tools load it at their first call. Reading a file takes the machine's time, which no schedule may depend on.
      await import("ajv/dist/2020.js");
      store.reset();
      world = createWorld(schedule);
      return world;
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}

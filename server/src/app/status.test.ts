import type { Effect, NewOutbox, Stores, Write } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { type InlineStores, openInlineStores } from "../store/index.ts";
import type { Config } from "./config/index.ts";
import { createHealthState } from "./health.ts";
import { createHoldState } from "./hold.ts";
import { readStatus, type StatusReport } from "./status.ts";

const options = { signal: new AbortController().signal };
const clock = createManualClock(1_000_000);
let store: InlineStores;
let stores: Stores;

beforeEach(async () => {
  store = openInlineStores({
    ...{ memory: true, clock, ids: createIdGenerator(clock), metrics: createMetrics() },
    logger: createLogRecorder(),
    leaseClock: () => clock.now(),
  });
  ({ stores } = store);
  await stores.unit.commit(
    [stores.leases.register({ id: "here", pid: 1, role: "serve", leaseMs: 60_000 })],
    options,
  );
});

afterEach(() => store.close());

function read(): Promise<StatusReport> {
  const unreadable = new Map([["providers.x.apiKey", "The master key is gone."]]);
  const config = {
    home: "/home",
    budget: {},
    budgets: {},
    models: { default: ["offline/guide"] },
    unreadable,
  };
  return readStatus(
    {
      ...{ stores, clock, spaceId: "default", processId: "here", version: "1.2.3", isServing: true },
      health: createHealthState(clock, []),
      hold: createHoldState(stores, "default"),
      turnStats: () => ({ running: 0, waiting: 0 }),
      agentIds: () => ["ana"],
      // Only what the report reads of it.
      config: () => config as unknown as Config,
      lastReload: () => undefined,
      providerHealth: () => [],
      facts: async () => [],
    },
    options,
  );
}

function reply(id: string): NewOutbox {
  const address = { channel: "telegram", target: "chat" };
  return {
    ...{ id, spaceId: "default", turnId: `turn-${id}`, sessionId: "s", address: { ...address, target: id } },
    ...{ text: "Hello.", createdAt: 1_000 },
  };
}

function effect(id: string): Omit<Effect, "attempt" | "epoch"> {
  return {
    ...{ id, spaceId: "default", kind: `kind-${id}`, v: 1, lane: "background", turnId: `turn-${id}` },
    ...{ sessionId: "s", payload: {}, createdAt: 2_000 },
  };
}

test("replies that did not surely arrive are counted and told one by one, the newest first", async () => {
  const ids = ["lost", "blocked", "here", "waiting"];
  await stores.unit.commit(
    ids.map((id) => stores.outbox.put(reply(id))),
    options,
  );
  await stores.unit.commit(
    [stores.outbox.claim({ owner: "here", leaseMs: 9_000, limit: 3, channel: "telegram" })],
    options,
  );
  await stores.unit.commit(
    [
      stores.outbox.settle({ id: "lost", epoch: 1 }, { kind: "unknown", error: "cut" }, 5_000),
      stores.outbox.settle({ id: "blocked", epoch: 1 }, { kind: "dead", error: "blocked" }, 6_000),
      stores.outbox.settle({ id: "here", epoch: 1 }, { kind: "delivered" }, 7_000),
    ],
    options,
  );

  const { outbox, unsent } = await read();

  expect(outbox).toEqual({
    pending: { count: 1, isMore: false, oldestAt: 1_000 },
    sending: { count: 0, isMore: false, oldestAt: undefined },
    unknown: { count: 1, isMore: false, oldestAt: 1_000 },
    dead: { count: 1, isMore: false, oldestAt: 1_000 },
  });
  expect(unsent).toEqual([
    {
      turnId: "turn-blocked",
      state: "dead",
      channel: "telegram",
      target: "blocked",
      error: "blocked",
      at: 6_000,
    },
    { turnId: "turn-lost", state: "unknown", channel: "telegram", target: "lost", error: "cut", at: 5_000 },
  ]);
});

test("effects that were given up or parked are counted and told one by one", async () => {
  await stores.unit.commit(
    ["a", "b", "c", "d"].map((id) => stores.effects.put(effect(id))),
    options,
  );
  const claim = { owner: "here", leaseMs: 9_000, limit: 3, lane: "background" } as const;
  await stores.unit.commit([stores.effects.claim(claim)], options);
  const settle = (id: string, kind: "dead" | "parked", at: number): Write =>
    stores.effects.settle({ id, epoch: 1 }, { kind, error: `${id} ${kind}` }, at);
  await stores.unit.commit([settle("a", "dead", 8_000), settle("b", "parked", 9_000)], options);

  const { effects, failedEffects } = await read();

  expect([effects.pending.count, effects.running.count]).toEqual([1, 1]);
  expect([effects.parked.count, effects.dead.count]).toEqual([1, 1]);
  expect(failedEffects).toEqual([
    { turnId: "turn-b", kind: "kind-b", state: "parked", error: "b parked", at: 9_000 },
    { turnId: "turn-a", kind: "kind-a", state: "dead", error: "a dead", at: 8_000 },
  ]);
});

test("every process that the store knows is told, with whether its lease holds", async () => {
  await stores.unit.commit(
    [stores.leases.register({ id: "gone", pid: 2, role: "serve", leaseMs: 10 })],
    options,
  );
  await clock.advance(20);

  const { processes } = await read();

  expect(processes.map(({ id, isAlive }) => [id, isAlive])).toEqual([
    ["here", true],
    ["gone", false],
  ]);
});

test("no more than ten are told one by one, however many there are", async () => {
  const ids = Array.from({ length: 30 }, (_, i) => `e${i}`);
  await stores.unit.commit(
    ids.map((id) => stores.effects.put(effect(id))),
    options,
  );
  const claim = { owner: "here", leaseMs: 9_000, limit: 30, lane: "background" } as const;
  await stores.unit.commit([stores.effects.claim(claim)], options);
  await stores.unit.commit(
    ids.map((id, at) => stores.effects.settle({ id, epoch: 1 }, { kind: "dead", error: "x" }, at)),
    options,
  );

  const { effects, failedEffects } = await read();

  expect(effects.dead.count).toBe(30);
  expect(failedEffects).toHaveLength(10);
  expect(failedEffects[0]?.turnId).toBe("turn-e29");
});

test("tells of a held outbox, and of settings whose secret cannot be opened", async () => {
  const hold = { spaceId: "default", reason: "Restored.", since: 900_000 };
  const before = await read();
  await stores.unit.commit([stores.holds.place(hold)], options);

  const after = await read();

  expect([before.hold, after.hold]).toEqual([undefined, hold]);
  expect(after.unreadable).toEqual([{ setting: "providers.x.apiKey", reason: "The master key is gone." }]);
});

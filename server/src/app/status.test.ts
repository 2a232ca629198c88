import type { Lane, NewOutbox, Stores, Write } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { type InlineStores, openInlineStores } from "../store/index.ts";
import type { Config } from "./config/index.ts";
import { createHealthState } from "./health.ts";
import { createHoldState } from "./hold.ts";
import type { ProcessFacts } from "./roll-call.ts";
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

function read(said: readonly ProcessFacts[] = []): Promise<StatusReport> {
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
      facts: async () => said,
      flowDefinitions: { programs: ["order@1"] },
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

function put(id: string, lane: Lane = "background"): Write {
  return stores.effects.put({
    ...{ id, spaceId: "default", kind: `kind-${id}`, v: 1, lane, turnId: `turn-${id}` },
    ...{ sessionId: "s", payload: {}, createdAt: 2_000 },
  });
}

function facts(lanes: readonly Lane[] | undefined): ProcessFacts {
  return {
    ...{ id: "p", role: "worker", version: "1.2.3", startedAt: 0, rssBytes: 1, ready: true, reasons: [] },
    ...{ turns: { running: 0, waiting: 0 }, breakers: [] },
    ...(lanes === undefined ? {} : { lanes }),
  };
}

test("what was given up is counted by kind, and the last of it told one by one", async () => {
  const ids = ["lost", "blocked", "here", "waiting"];
  await stores.unit.commit([...ids.map((id) => stores.outbox.put(reply(id))), put("a"), put("b")], options);
  const claim = { owner: "here", leaseMs: 9_000 } as const;
  await stores.unit.commit(
    [
      stores.outbox.claim({ ...claim, limit: 3, channel: "telegram" }),
      stores.effects.claim({ ...claim, limit: 2, lane: "background" }),
    ],
    options,
  );
  const { outbox: replies, effects } = stores;
  await stores.unit.commit(
    [
      replies.settle({ id: "lost", epoch: 1 }, { kind: "unknown", error: "cut" }, 5_000),
      replies.settle({ id: "blocked", epoch: 1 }, { kind: "dead", error: "blocked" }, 6_000),
      replies.settle({ id: "here", epoch: 1 }, { kind: "delivered" }, 7_000),
      effects.settle({ id: "a", epoch: 1 }, { kind: "dead", error: "a dead" }, 8_000),
      effects.settle({ id: "b", epoch: 1 }, { kind: "parked", error: "b parked" }, 9_000),
    ],
    options,
  );

  const { outbox, deadLetters } = await read();

  expect(outbox).toEqual({
    pending: { count: 1, oldestAt: 1_000 },
    sending: { count: 0, oldestAt: undefined },
  });
  expect(deadLetters.kinds).toEqual([
    { kind: "delivery.telegram", count: 2, oldestAt: 5_000 },
    { kind: "kind-a", count: 1, oldestAt: 8_000 },
    { kind: "kind-b", count: 1, oldestAt: 9_000 },
  ]);
  expect(deadLetters.latest.map(({ id, state, to }) => [id, state, to])).toEqual([
    ["b", "parked", undefined],
    ["a", "dead", undefined],
    ["blocked", "dead", "blocked"],
    ["lost", "unknown", "lost"],
  ]);
});

test("what each lane has to do is told, and a lane that no living process works in is named", async () => {
  await stores.unit.commit([put("a"), put("b"), put("c", "heavy")], options);
  await stores.unit.commit(
    [stores.effects.claim({ owner: "here", leaseMs: 9_000, limit: 1, lane: "background" })],
    options,
  );

  const alone = await read();
  const among = await read([facts(["realtime"]), facts(["background"])]);
  const older = await read([facts(["realtime"]), facts(undefined)]);

  expect(among.lanes).toMatchObject([
    { lane: "realtime", running: 0, due: 0, oldestAt: undefined },
    { lane: "background", running: 1, due: 1, dueSince: 2_000, oldestAt: 2_000 },
    { lane: "heavy", running: 0, due: 1 },
  ]);
  const left = ({ lanes }: StatusReport) => lanes.flatMap(({ lane, isLeft }) => (isLeft ? [lane] : []));
  expect([left(alone), left(among), left(older)]).toEqual([[], ["heavy"], []]);
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
    ids.map((id) => put(id)),
    options,
  );
  const claim = { owner: "here", leaseMs: 9_000, limit: 30, lane: "background" } as const;
  await stores.unit.commit([stores.effects.claim(claim)], options);
  await stores.unit.commit(
    ids.map((id, at) => stores.effects.settle({ id, epoch: 1 }, { kind: "dead", error: "x" }, at)),
    options,
  );

  const { deadLetters } = await read();

  expect(deadLetters.kinds).toHaveLength(30);
  expect(deadLetters.latest).toHaveLength(10);
  expect(deadLetters.latest[0]?.id).toBe("e29");
});

test("tells of a held outbox, and of settings whose secret cannot be opened", async () => {
  const hold = { spaceId: "default", reason: "Restored.", since: 900_000 };
  const before = await read();
  await stores.unit.commit([stores.holds.place(hold)], options);

  const after = await read();

  expect([before.hold, after.hold]).toEqual([undefined, hold]);
  expect(after.unreadable).toEqual([{ setting: "providers.x.apiKey", reason: "The master key is gone." }]);
});

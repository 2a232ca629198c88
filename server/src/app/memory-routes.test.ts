import type { NewMemory } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import type { AdminRequest } from "../gateway/index.ts";
import { createIdGenerator, createMemoryKeeper, createMetrics } from "../kit/index.ts";
import type { MemoryAudit } from "../memory/index.ts";
import { openInlineStores } from "../store/index.ts";
import { type ExplainedMemory, type FoundMemories, memoryRoutes } from "./memory-routes.ts";

const options = { signal: new AbortController().signal };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const deps = { clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() };
  const opened = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(opened.close);
  const { stores } = opened;
  const bus = createLocalBus(deps);
  const erasedFromFiles: string[][] = [];
  const workspaceEraser = {
    eraseHeld: async ({ ids }: { readonly ids: readonly string[] }) => void erasedFromFiles.push([...ids]),
  };
  const routes = memoryRoutes({
    ...deps,
    stores,
    bus,
    workspaceEraser,
    vectorModel: () => "embedded/words-128",
  });
  const call = async <Answer>(path: string, id = "", body?: unknown): Promise<Answer> => {
    const [name = "", query] = path.split("?");
    const route = routes.find((one) => one.path === `/admin/${name}`);
    const request: AdminRequest = {
      ...{ params: { id }, query: new URLSearchParams(query), ...options, json: async () => body },
      principal: { id: "operator", kind: "operator", name: "operator", spaceId: "default" } as never,
    };
    return (await route?.handle(request)) as Answer;
  };
  const keep = async (id: string, text: string, change: Partial<NewMemory> = {}): Promise<void> => {
    const keeper = createMemoryKeeper({ memories: stores.memories, isGuarded: true });
    const whole = { ...memory(id, text), recordedAt: clock.now(), ...change };
    await stores.unit.commit((await keeper.keep(whole, options)).writes, options);
  };
  const put = async (...memories: readonly NewMemory[]) =>
    void (await stores.unit.commit(
      memories.map((one) => stores.memories.put(one)),
      options,
    ));
  const open = async (path = "memories") => (await call<FoundMemories>(path)).items.map(({ id }) => id);
  return { stores, clock, call, keep, put, open, erasedFromFiles };
}

function memory(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  return {
    ...{ id, spaceId: "default", agentId: "ana", audience: ["kate"], text, turnId: `turn of ${id}` },
    ...{ recordedAt: Date.UTC(2026, 10, 20), ...change },
  };
}

it("finds memories by all of the words, of an agent, a kind and a reader, with those that count no longer", async () => {
  const { call, put, open, stores } = setUp();
  await put(
    memory("tea", "Kate drinks green tea"),
    memory("plan", "a green plan", { agentId: "bob", kind: "episode" }),
    memory("theirs", "Max drinks tea", { audience: ["max"] }),
  );
  await stores.unit.commit(
    [stores.memories.close({ spaceId: "default", id: "theirs", at: 5, reason: "expired" })],
    options,
  );

  expect(await open()).toEqual(["plan", "tea"]);
  expect(await open("memories?words=TEA%20green")).toEqual(["tea"]);
  expect(await open("memories?agent=bob")).toEqual(["plan"]);
  expect(await open("memories?kind=episode")).toEqual(["plan"]);
  expect(await open("memories?reader=max&closed=true")).toEqual(["theirs"]);
  expect(await call("memories?limit=1")).toMatchObject({ items: [{ id: "plan" }], isMore: true });
  await expect(call("memories?kind=dream")).rejects.toMatchObject({ code: "request.invalid" });
  await expect(call("memories?limit=all")).rejects.toThrow("limit must be a whole number from 1 to 200.");
});

it("forgets, brings back, and deletes for good", async () => {
  const { call, put, open, erasedFromFiles } = setUp();
  await put(memory("tea", "Kate drinks green tea"));

  expect(await call("memories/:id/forget", "tea")).toEqual({ closed: ["tea"], reopened: [], erased: [] });
  expect(await open()).toEqual([]);
  await expect(call("memories/:id/forget", "tea")).rejects.toMatchObject({ code: "request.conflict" });
  expect(await call("memories/:id/undo", "tea")).toEqual({ closed: [], reopened: ["tea"], erased: [] });
  expect(await open()).toEqual(["tea"]);
  expect(erasedFromFiles).toEqual([]);
  expect(await call("memories/:id/forget", "tea", { erase: true })).toMatchObject({ erased: ["tea"] });
  expect(erasedFromFiles).toEqual([["tea"]]);
  await expect(call("memories/:id", "tea")).rejects.toMatchObject({ code: "request.not_found" });
});

it.each(["old", "new"])("undoes a correction by either end of it: %s", async (id) => {
  const { call, keep, open } = setUp();
  await keep("old", "lives in Lviv", { slot: "kate home" });
  await keep("new", "lives in Odesa", { slot: "kate home" });
  const before = await open();

  const undone = await call("memories/:id/undo", id);

  expect(before).toEqual(["new"]);
  expect(undone).toEqual({ closed: ["new"], reopened: ["old"], erased: [] });
  expect(await open()).toEqual(["old"]);
});

it("brings back what was corrected more than once, and nothing stands beside it", async () => {
  const { call, keep, open } = setUp();
  await keep("old", "lives in Lviv", { slot: "kate home" });
  await keep("new", "lives in Odesa", { slot: "kate home" });
  await keep("newest", "lives in Kyiv", { slot: "kate home" });

  expect(await call("memories/:id/undo", "old")).toMatchObject({ closed: ["newest"], reopened: ["old"] });
  expect(await open()).toEqual(["old"]);
});

it("takes back a record that took the place of nothing", async () => {
  const { call, keep, open } = setUp();
  await keep("m", "lives in Lviv");

  expect(await call("memories/:id/undo", "m")).toEqual({ closed: ["m"], reopened: [], erased: [] });
  expect(await open()).toEqual([]);
  expect(await call<ExplainedMemory>("memories/:id", "m")).toMatchObject({
    memory: { closed: { reason: "undone" } },
  });
});

it("tells what a memory took the place of and what it rests on", async () => {
  const { call, keep } = setUp();
  await keep("old", "lives in Lviv", { slot: "kate home" });
  await keep("new", "lives in Odesa", { slot: "kate home" });

  const explained = await call<ExplainedMemory>("memories/:id", "new");

  expect(explained.replaced.map(({ id }) => id)).toEqual(["old"]);
  expect(explained.memories.map(({ id }) => id)).toEqual(["old"]);
});

it("audits: what is the same twice or nearly, stale, secret, made from itself, or told to those who do not know its source", async () => {
  const { call, put, clock, stores } = setUp();
  const now = clock.now();
  const from = (id: string) => [{ kind: "memory", id }] as const;
  await put(
    memory("a", "Kate plays the violin in Lviv"),
    memory("b", "kate plays the violin in LVIV!"),
    memory("c", "Kate plays the old violin in Lviv"),
    memory("d", "lives in Lviv", { slot: "kate home" }),
    memory("e", "sleeps near Odesa", { slot: "kate home" }),
    memory("f", "Max plays the violin in Lviv", { audience: ["max"] }),
    memory("over", "the market is closed", { validTo: now - 1 }),
    memory("month", "2026-01: the market was open", { kind: "summary", validTo: now - 1 }),
    memory("token", "the key is sk-abcdefghijklmnopqrstuvwxyz123456"),
    memory("told", "what Max does not know", { sources: from("a"), audience: ["kate", "max"] }),
    memory("egg", "the egg came first", { sources: from("hen") }),
    memory("hen", "hens are older than that", { sources: from("egg") }),
  );

  const audit = await call<MemoryAudit>("memory/audit");

  expect(audit.looked).toBe(12);
  expect(audit.exact).toEqual([["b", "a"]]);
  expect(audit.near.map((pair) => pair.toSorted().join())).toEqual(
    ["b,c", "d,e", "a,c"].toSorted((x, y) => order(audit, x) - order(audit, y)),
  );
  expect(audit).toMatchObject({
    stale: ["over"],
    secret: ["token"],
    breaches: ["told"],
    loops: ["hen", "egg"],
  });
  for (const model of ["embedded/words-128", "far/tiny"]) {
    const owner = { spaceId: "default", ownerKind: "memory", ownerId: "hen", model, createdAt: 1 } as const;
    await stores.unit.commit([stores.vectors.put({ ...owner, vector: Float32Array.from([1, 0]) })], options);
  }
  expect(await call("memory/stats")).toMatchObject({
    open: 12,
    closed: 0,
    counts: [
      { agentId: "ana", kind: "fact", open: 11 },
      { agentId: "ana", kind: "summary", open: 1 },
    ],
    vectors: [
      { model: "embedded/words-128", dimensions: 2, count: 1, isUsed: true },
      { model: "far/tiny", dimensions: 2, count: 1, isUsed: false },
    ],
  });
});

it("audits thousands of records that are each like all others, each beside a few of them", async () => {
  const { call, put } = setUp();
  await put(...Array.from({ length: 300 }, (_, n) => memory(`m${n}`, `Remember order number ${n}`)));
  await put(memory("again", "remember order number 7"));

  const { exact, near } = await call<MemoryAudit>("memory/audit");

  expect(exact.map((pair) => pair.toSorted())).toEqual([["again", "m7"]]);
  expect(near).toEqual([]);
});

/** Where a pair stands in the report; its order is the records', newest first. */
function order({ near }: MemoryAudit, pair: string): number {
  return near.findIndex((one) => one.toSorted().join() === pair);
}

it("finds a record whose message is not for all who are told it, and lets be one whose message is gone", async () => {
  const { call, put, stores, clock } = setUp();
  const touch = stores.sessions.touch({
    ...{
      id: "s",
      key: "s",
      spaceId: "default",
      agentId: "ana",
      channel: "api",
      peerId: "kate",
      ownerId: "key",
    },
    ...{ audience: ["kate"], stateless: false, at: clock.now(), count: 1 },
  });
  const message = stores.sessions.append({
    ...{ id: "message", spaceId: "default", sessionId: "s", turnId: "t", turnSeq: "same", role: "user" },
    ...{
      parts: [{ type: "text", text: "a secret" }],
      audience: ["kate"],
      outcome: "ok",
      createdAt: 1,
      fromLast: 0,
    },
  });
  await stores.unit.commit([touch, message], options);
  const from = (id: string) => [{ kind: "message", id, sessionId: "s", turnSeq: 1 }] as const;
  await put(
    memory("fine", "one", { sources: from("message") }),
    memory("leak", "two", { sources: from("message"), audience: ["kate", "max"] }),
    memory("gone", "three", { sources: from("deleted"), audience: ["kate", "max"] }),
  );

  expect((await call<MemoryAudit>("memory/audit")).breaches).toEqual(["leak"]);
});

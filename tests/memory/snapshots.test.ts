// An agent's memory is taken as a file, changed, and made what it was.
import { createHash } from "node:crypto";
import { EVERYONE, type MemoryRecord, type NewMemory, TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterAll, afterEach, expect, test } from "vitest";
import { snapshotRoutes } from "../../server/src/app/snapshot-routes.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createKnowledge, readOnThread } from "../../server/src/memory/knowledge/index.ts";
import {
  differenceOf,
  planRestore,
  readSnapshot,
  snapshotLines,
} from "../../server/src/memory/snapshots/index.ts";
import { createTestStores } from "../lab/test-store.ts";

const options = { signal: new AbortController().signal };
const of = { spaceId: "default", agentId: "ana" };
const testStores = createTestStores();
const closers: (() => Promise<void>)[] = [];
afterAll(() => testStores[Symbol.asyncDispose]());
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const deps = { clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() };
  const opened = await testStores.open({ ...deps, leaseClock: () => clock.now() });
  closers.push(opened.close);
  const { stores } = opened;
  const commit = (...writes: Parameters<typeof stores.unit.commit>[0]) => stores.unit.commit(writes, options);
  const source = { ...stores, files: async () => [{ file: "SOUL.md", text: "Kind.\n" }] };
  const take = async () =>
    (await Array.fromAsync(snapshotLines(source, { ...of, at: clock.now() }, options))).join("");
  const restore = async (text: string) => {
    const plan = await planRestore(stores, of.spaceId, readSnapshot(text), options);
    await commit(...plan.writes);
    return { added: plan.added, changed: plan.changed, removed: plan.removed };
  };
  const found = async (...words: readonly string[]) =>
    (await stores.search.search({ ...of, readers: ["kate"], words, limit: 10 }, options)).map(({ id }) => id);
  const all = async () => {
    const { items } = await stores.memories.list({ ...of, readers: undefined, state: "all" }, options);
    return items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  const knowledge = createKnowledge({ ...stores, ...deps, read: readOnThread });
  return { stores, clock, commit, take, restore, found, all, knowledge };
}

const memory = (id: string, text: string, change: Partial<NewMemory> = {}): NewMemory => ({
  ...{ id, ...of, audience: ["kate"], text, turnId: `turn ${id}`, recordedAt: 100, ...change },
});
const without = (records: readonly MemoryRecord[]) =>
  records.map(({ uses: _, lastUsedAt: __, ...rest }) => rest);

test("what was forgotten, changed, erased and learned since is as it was, and a second restore changes nothing", async () => {
  const { stores, commit, take, restore, found, all } = await setUp();
  const { memories, dreams } = stores;
  const source = { kind: "message", id: "m", sessionId: "s", turnSeq: 1 } as const;
  const whole = {
    kind: "episode",
    slot: "kate tea",
    attributes: { a: 1, b: "x" },
    sources: [source],
    validFrom: 5,
  } as const;
  await commit(
    memories.put(
      memory("tea", "Kate drinks green tea", { ...whole, emotion: { valence: 1, intensity: 0.5 } }),
    ),
    memories.put(memory("lamp", "the lamp is blue")),
    memories.put(memory("old", "the lamp was red")),
    memories.put(memory("other", "the lamp of Ben", { agentId: "ben" })),
  );
  await commit(
    memories.close({ spaceId: "default", id: "old", at: 9, reason: "contradicted", successorId: "lamp" }),
    memories.prove({
      spaceId: "default",
      memoryId: "tea",
      turnId: "turn 2",
      sources: [{ ...source, id: "m2" }],
      at: 7,
    }),
    dreams.promote({ spaceId: "default", id: "tea", at: 8 }),
  );
  const before = await all();
  const text = await take();

  await commit(
    memories.close({ spaceId: "default", id: "tea", at: 20, reason: "forgotten" }),
    memories.erase("default", "lamp"),
    memories.put(memory("new", "the lamp is gone")),
    memories.use({ spaceId: "default", ids: ["tea"], at: 30 }),
  );
  expect(await found("tea")).toEqual([]);

  expect(await restore(text)).toEqual({ added: ["lamp"], changed: ["tea"], removed: ["new"] });
  expect(without(await all())).toEqual(without(before));
  expect(await found("tea")).toEqual(["tea"]);
  expect(await found("lamp")).toEqual(["lamp"]);
  const alike = await memories.alike({ ...of, text: "x", slot: "kate tea" }, options);
  expect(alike.map(({ id }) => id)).toEqual(["tea"]);
  expect(await restore(text)).toEqual({ added: [], changed: [], removed: [] });
  const query = { spaceId: "default", agentId: "ben", readers: undefined };
  expect((await memories.list(query, options)).items).toHaveLength(1);
});

test("documents go and come with their pieces", async () => {
  const { stores, take, restore, found, knowledge } = await setUp();
  const give = (words: string, source = "/house.md") =>
    knowledge.add(
      {
        ...{ ...of, audience: [EVERYONE], source, name: "house.md", mediaType: "text/markdown" },
        bytes: Buffer.from(`# House\n\n## Laundry\n\n${words}`),
      },
      options,
    );
  await give("The machine runs until ten.");
  const text = await take();
  const titles = async () =>
    (await stores.documents.list({ ...of }, options)).items.map(({ source, chunkCount }) => [
      source,
      chunkCount,
    ]);

  const { document } = await give("The machine is broken.");
  await give("Ships come and go.", "/port.md");
  await restore(text);
  expect(await titles()).toEqual([["/house.md", 1]]);
  expect(await found("machine", "ten")).toHaveLength(1);
  expect(await found("broken")).toEqual([]);
  expect(await found("ships")).toEqual([]);

  await knowledge.remove("default", document.id, options);
  await restore(text);
  expect((await knowledge.pieces(document, 0, options)).map((piece) => piece.text)).toEqual([
    "House › Laundry\nThe machine runs until ten.",
  ]);
  expect(await give("The machine runs until ten.")).toMatchObject({ kind: "known" });
});

test("a file that is not whole, was changed, or is something else is refused", async () => {
  const { commit, stores, take } = await setUp();
  await commit(stores.memories.put(memory("tea", "Kate drinks green tea")));
  const text = await take();

  expect(() => readSnapshot(text.replace("green", "black"))).toThrow("is not whole, or was changed");
  expect(() => readSnapshot(text.split("\n").slice(0, -2).join("\n"))).toThrow("is not whole");
  expect(() => readSnapshot("hello")).toThrow("is no snapshot");
  expect(() => readSnapshot("")).toThrow("is no snapshot");
  expect(() => readSnapshot(text.replace('"v":2', '"v":3'))).toThrow("a newer Troupe");
  expect(readSnapshot(text).memories).toHaveLength(1);
});

test("a file of the version before says nothing of files, and one with a path that leads elsewhere is refused", async () => {
  const { take } = await setUp();
  const text = await take();
  const sealed = (lines: readonly string[]): string => {
    const hash = createHash("sha256");
    for (const line of lines) hash.update(`${line}\n`);
    const end = { lines: lines.length, sha256: hash.digest("hex") };
    return [...lines, JSON.stringify({ end }), ""].join("\n");
  };
  const [head = "", ...rest] = text.split("\n").slice(0, -2);

  expect(readSnapshot(text).files).toEqual([{ file: "SOUL.md", text: "Kind.\n" }]);
  expect(readSnapshot(sealed([head.replace('"v":2', '"v":1')])).files).toBeUndefined();
  for (const file of ["../ben/SOUL.md", "/etc/passwd", "notes/../SOUL.md", "troupe.yaml"])
    expect(() => readSnapshot(sealed([head, ...rest, JSON.stringify({ file, text: "x" })]))).toThrow(
      "cannot be read",
    );
});

test("two snapshots tell what came, ended, came back, changed and was deleted between them", async () => {
  const { stores, clock, commit, take, all, knowledge } = await setUp();
  const { memories } = stores;
  await commit(
    ...["tea", "lamp", "boat", "gone"].map((id) => memories.put(memory(id, `about the ${id}`))),
    memories.close({ spaceId: "default", id: "boat", at: 9, reason: "archived" }),
  );
  const give = (words: string) =>
    knowledge.add(
      {
        ...{ ...of, audience: [EVERYONE], source: "/house.md", name: "house.md", mediaType: "text/markdown" },
        bytes: Buffer.from(words),
      },
      options,
    );
  await give("Quiet after ten.");
  const earlier = readSnapshot(await take());
  await clock.advance(1_000);
  const boat = (await all()).find(({ id }) => id === "boat") as MemoryRecord;
  const source = { kind: "message", id: "m2", sessionId: "s", turnSeq: 2 } as const;
  await commit(
    memories.put(memory("new", "about the harbour")),
    memories.close({ spaceId: "default", id: "lamp", at: 20, reason: "forgotten" }),
    memories.reopen(boat),
    memories.prove({ spaceId: "default", memoryId: "tea", turnId: "turn 2", sources: [source], at: 7 }),
    memories.use({ spaceId: "default", ids: ["tea"], at: 30 }),
    memories.erase("default", "gone"),
  );
  await give("Quiet after nine.");
  const later = { ...readSnapshot(await take()), files: [{ file: "SOUL.md", text: "Kind.\nAnd brief.\n" }] };

  const difference = differenceOf(earlier, later);

  const idsOf = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id);
  const { added, closed, reopened, changed, removed } = difference.memories;
  expect([added, closed, reopened, changed, removed].map(idsOf)).toEqual([
    ["new"],
    ["lamp"],
    ["boat"],
    ["tea"],
    ["gone"],
  ]);
  expect(closed[0]).toMatchObject({ text: "about the lamp", reason: "forgotten", audience: ["kate"] });
  expect(changed[0]?.fields).toEqual(["sources", "proofCount"]);
  expect(difference.documents).toEqual({ added: [], changed: ["house.md"], removed: [] });
  expect(difference.files?.changed).toEqual([{ file: "SOUL.md", linesAdded: 1, linesRemoved: 0 }]);
  expect(difference.to - difference.from).toBe(1_000);
  const nothing = differenceOf(later, later);
  expect(Object.values(nothing.memories).flat()).toEqual([]);
});

test("a large restore is kept in stretches, says where it broke off, and goes on from there", async () => {
  const { stores, clock, commit, take, all } = await setUp();
  const { memories, unit } = stores;
  const ids = Array.from({ length: 2_300 }, (_, n) => `m${n}`);
  for (let n = 0; n < ids.length; n += 500)
    await commit(...ids.slice(n, n + 500).map((id) => memories.put(memory(id, `Tea number ${id}`))));
  const snapshot = await take();
  for (let n = 0; n < ids.length; n += 500)
    await commit(...ids.slice(n, n + 500).map((id) => memories.erase(of.spaceId, id)));
  const sizes: number[] = [];
  const breaking: typeof unit = {
    ...unit,
    commit: (writes, ...rest) => {
      sizes.push(writes.length);
      if (sizes.length === 2) throw new TroupeError("The store is away.", { code: "store.busy" });
      return unit.commit(writes, ...rest);
    },
  };
  const nothing = { added: [], changed: [], removed: [], left: [] };
  const routes = snapshotRoutes({
    workspaceBook: { texts: async () => [], plan: async () => nothing, bringBack: async () => nothing },
    ...{ stores: { ...stores, unit: breaking }, agents: { get: () => ({}) as never } },
    ...{
      bus: { publish: () => undefined },
      ids: createIdGenerator(clock),
      clock,
      logger: createLogRecorder(),
    },
  });
  const restore = (): Promise<unknown> => {
    const route = routes.find(({ method }) => method === "POST");
    const principal = { spaceId: of.spaceId, kind: "operator", id: "admin" };
    const request = { ...options, principal, params: {}, query: new URLSearchParams() };
    return Promise.resolve(route?.handle({ ...request, json: async () => ({ snapshot }) } as never));
  };

  await expect(restore()).rejects.toThrow("broke off after 1000 of 2300 changes");
  const left = await restore();

  expect(left).toMatchObject({ added: 1_300, changed: 0, removed: 0 });
  expect(sizes).toEqual([1_000, 1_000, 1_000, 300]);
  expect(await restore()).toMatchObject({ added: 0 });
  expect(await all()).not.toEqual([]);
});

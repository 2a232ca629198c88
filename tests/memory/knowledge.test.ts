// Documents that agents are given: how they come, change and go, and what recall shows of them.
import { EVERYONE, type TurnView } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterAll, afterEach, expect, test } from "vitest";
import { withAudienceCheck } from "../../server/src/app/audience-check.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createMemoryModule } from "../../server/src/memory/index.ts";
import {
  createKnowledge,
  type GivenDocument,
  readOnThread,
} from "../../server/src/memory/knowledge/index.ts";
import { createTestStores } from "../lab/test-store.ts";

const options = { signal: new AbortController().signal };
const testStores = createTestStores();
const closers: (() => Promise<void>)[] = [];
afterAll(() => testStores[Symbol.asyncDispose]());
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const opened = await testStores.open({
    ...{ clock, ids: createIdGenerator(clock), logger, metrics },
    leaseClock: () => clock.now(),
  });
  closers.push(opened.close);
  const stores = withAudienceCheck(opened.stores, { metrics, logger });
  const knowledge = createKnowledge({ ...stores, read: readOnThread, clock, logger, metrics });
  const memory = createMemoryModule({ search: stores.search, clock, logger, metrics });
  const add = (text: string, change: Partial<GivenDocument> = {}) =>
    knowledge.add(
      {
        ...{ spaceId: "default", agentId: "ana", audience: [EVERYONE], source: "/files/house.md" },
        ...{ bytes: Buffer.from(text), mediaType: "text/markdown", name: "house.md", ...change },
      },
      options,
    );
  /** What the prompt of a turn is given for a message. */
  const recalled = async (text: string, readers: readonly string[] = ["kate"], agentId = "ana") => {
    const inbound = [{ parts: [{ type: "text", text }], createdAt: clock.now() }];
    const view = { spaceId: "default", agent: { spec: { id: agentId } }, audience: readers, inbound };
    const turn = { ...view, turnId: "t", sessionId: "s", turnSeq: 1, shownFromTurnSeq: 1 };
    return (await memory.gather?.(turn as unknown as TurnView, options))?.text ?? "";
  };
  return { stores, clock, metrics, knowledge, add, recalled };
}

const HOUSE = "# House rules\n\nBe kind.\n\n## Laundry\n\nThe washing machine runs until ten in the evening.";

test("a document is recalled with its title and the place in it, by whoever talks with its agent and no other", async () => {
  const { add, recalled } = await setUp();
  expect(await add(HOUSE)).toMatchObject({
    kind: "new",
    added: 2,
    document: { title: "House rules", chunkCount: 2, revision: 1 },
  });

  const text = await recalled("Until when may the washing machine run?");
  expect(text).toMatch(
    /^From earlier conversations and documents, .*\n\[[\d-]+\] document "House rules › Laundry": The washing machine runs/,
  );
  expect(await recalled("Until when may the washing machine run?", ["max", "kate"])).toContain("Laundry");
  expect(await recalled("Until when may the washing machine run?", ["kate"], "ben")).toBe("");
});

test("a document for some is told to them alone, and given to others anew it is theirs alone", async () => {
  const { add, recalled, metrics } = await setUp();
  await add(HOUSE, { audience: ["kate", "max"] });
  const asked = "When does the washing machine run?";

  expect(await recalled(asked, ["kate"])).toContain("Laundry");
  expect(await recalled(asked, ["max", "kate"])).toContain("Laundry");
  expect(await recalled(asked, ["olha"])).toBe("");
  expect(await recalled(asked, ["kate", "olha"])).toBe("");

  expect(await add(HOUSE, { audience: ["olha"] })).toMatchObject({ kind: "changed", added: 2, removed: 2 });
  expect(await recalled(asked, ["kate"])).toBe("");
  expect(await recalled(asked, ["olha"])).toContain("Laundry");
  expect(metrics.render()).not.toMatch(/audience_stopped_total [1-9]/);
});

test("the same file is one document, from wherever it comes; a changed one replaces what changed and keeps the rest", async () => {
  const { add, recalled, knowledge, stores, clock } = await setUp();
  const { document } = await add(HOUSE);
  const before = await knowledge.pieces(document, 0, options);

  expect(await add(HOUSE)).toMatchObject({ kind: "known", document: { id: document.id, revision: 1 } });
  expect(await add(HOUSE, { source: "/copies/house.md" })).toMatchObject({ kind: "known" });
  await clock.advance(1_000);
  const changed = HOUSE.replace("until ten", "until eight");
  expect(await add(changed)).toMatchObject({
    ...{ kind: "changed", added: 1, removed: 1 },
    document: { id: document.id, revision: 2 },
  });

  const after = await knowledge.pieces(document, 0, options);
  expect(after[0]).toEqual(before[0]);
  expect(after[1]?.text).toContain("until eight");
  expect(await recalled("When does the washing machine run?")).not.toContain("until ten");
  expect((await stores.documents.list({ spaceId: "default" }, options)).items).toHaveLength(1);
  // What went is gone, not only closed.
  const ids = before.map(({ id }) => id);
  const found = { spaceId: "default", readers: undefined, ids, includeClosed: true };
  expect(await stores.memories.find(found, options)).toHaveLength(1);
});

test("a removed document is recalled no more, and nothing of it is kept", async () => {
  const { add, recalled, knowledge, stores } = await setUp();
  const { document } = await add(HOUSE);
  const ids = (await knowledge.pieces(document, 0, options)).map(({ id }) => id);

  expect(await knowledge.remove("another", document.id, options)).toBeUndefined();
  expect(await knowledge.remove("default", document.id, options)).toMatchObject({ id: document.id });

  expect(await recalled("When does the washing machine run?")).toBe("");
  const found = { spaceId: "default", readers: undefined, ids, includeClosed: true };
  expect(await stores.memories.find(found, options)).toEqual([]);
  expect(await knowledge.remove("default", document.id, options)).toBeUndefined();
  expect(await add(HOUSE)).toMatchObject({ kind: "new", document: { id: document.id } });
  expect(await recalled("When does the washing machine run?")).toContain("Laundry");
});

test("many who give one document at once leave one, with the pieces of one of them", async () => {
  const { add, knowledge, stores } = await setUp();
  await add(HOUSE);
  const given = ["one", "two", "three"].map((word) => add(`# House rules\n\n${word} and ${word}`));
  const kept = (await Promise.allSettled(given)).flatMap((one) =>
    one.status === "fulfilled" ? [one.value] : [],
  );

  expect(kept.length).toBeGreaterThan(0);
  const [document] = (await stores.documents.list({ spaceId: "default" }, options)).items;
  const pieces = await knowledge.pieces(document ?? { spaceId: "", id: "" }, 0, options);
  const { items } = await stores.memories.list(
    { spaceId: "default", readers: undefined, kinds: ["document"], state: "all" },
    options,
  );
  expect(items.map(({ id }) => id).toSorted()).toEqual(pieces.map(({ id }) => id).toSorted());
  expect(document?.revision).toBe(1 + kept.length);
});

test("what cannot be read, or takes too long to read, is refused and changes nothing", async () => {
  const { add, stores, knowledge } = await setUp();
  const { document } = await add(HOUSE);

  await expect(add("%PDF-1.7")).rejects.toMatchObject({ code: "request.invalid" });
  const stopped = new AbortController();
  stopped.abort(new Error("not wanted"));
  const given = { ...document, bytes: Buffer.from("other"), name: "house.md" };
  await expect(knowledge.add(given, stopped)).rejects.toThrow("not wanted");

  expect(await stores.documents.get("default", document.id, options)).toEqual(document);
});

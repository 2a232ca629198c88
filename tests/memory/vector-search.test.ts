import { type MemoryRecord, type NewMemory, type Stores, TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock, type LogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import {
  createEmbeddedModels,
  loadVectors,
  type VectorFiller,
  type VectorSearch,
} from "../../server/src/memory/index.ts";
import { type InlineStores, openInlineStores } from "../../server/src/store/index.ts";

const { createVectorFiller, createVectorSearch } = await loadVectors();
const options = { signal: new AbortController().signal };
const SPACE = "default";
const MODEL = "embedded/words-128";
const embedded = createEmbeddedModels();
const clock = createManualClock(Date.UTC(2026, 10, 21));

let store: InlineStores;
let stores: Stores;
let logger: LogRecorder;
let search: VectorSearch;
let model = MODEL;
beforeEach(() => {
  logger = createLogRecorder();
  model = MODEL;
  store = openInlineStores({
    ...{ memory: true, clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() },
  });
  stores = store.stores;
  search = createVectorSearch({ vectors: stores.vectors, logger });
});
afterEach(async () => {
  await search[Symbol.asyncDispose]();
  await store.close();
});

const embed = async (texts: readonly string[], name = model) => {
  const found = embedded.embedding(name.slice(name.indexOf("/") + 1));
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found.embed({ texts }, options);
};

function fillerOf(): VectorFiller {
  return createVectorFiller({
    ...{
      vectors: stores.vectors,
      unit: stores.unit,
      clock,
      logger,
      metrics: createMetrics(),
      spaceId: SPACE,
    },
    model: () => model,
    embed: ({ texts, model: name }) => embed(texts, name),
  });
}

async function remember(id: string, text: string, change: Partial<NewMemory> = {}): Promise<void> {
  const memory = { id, spaceId: SPACE, agentId: "ana", audience: ["kate"], turnId: "t", recordedAt: 1 };
  await stores.unit.commit([stores.memories.put({ ...memory, text, ...change })], options);
}

async function ask(question: string, readers: readonly string[] = ["kate"], limit = 3) {
  const { vectors } = await embed([question]);
  const vector = vectors[0] ?? new Float32Array(0);
  const asked = { spaceId: SPACE, agentId: "ana", readers, model, vector, limit };
  return (await search.search(asked, options)).map(({ ownerId }) => ownerId);
}

test("what was told is found by its meaning once it was embedded, and what is new by the next search", async () => {
  const filler = fillerOf();
  await remember("puppy", "We adopted a puppy");
  await remember("pasta", "Dinner was pasta and salad");
  const before = await ask("Does she have a dog?");
  await filler.flush(options);
  const [first] = await ask("Does she have a dog?");
  await remember("doctor", "The doctor prescribed tablets");
  await filler.flush(options);

  expect([before, first]).toEqual([[], "puppy"]);
  expect((await ask("Which medicine did I get?"))[0]).toBe("doctor");
});

test("nothing is found that a reader does not know, among hundreds of people and groups", async () => {
  const known = new Map<string, readonly string[]>();
  for (let n = 0; n < 400; n++) {
    const audience = [`p${n % 97}`, `p${(n * 7) % 89}`, ...(n % 5 === 0 ? [`p${(n * 3) % 61}`] : [])];
    const [agentId, spaceId] = [n % 11 === 0 ? "bob" : "ana", n % 13 === 0 ? "other" : SPACE];
    known.set(`m${n}`, agentId === "ana" && spaceId === SPACE ? audience : []);
    await remember(`m${n}`, `Secret ${n} about the garden`, { audience, agentId, spaceId });
  }
  await fillerOf().flush(options);

  for (let n = 0; n < 97; n++) {
    for (const readers of [[`p${n}`], [`p${n}`, `p${(n * 7) % 89}`], [`p${n}`, `p${n + 1}`, `p${n + 2}`]]) {
      const due = [...known].filter(([, audience]) => readers.every((reader) => audience.includes(reader)));
      const found = await ask("the garden", readers, 400);
      expect(found.toSorted()).toEqual(due.map(([id]) => id).toSorted());
    }
  }
  expect(await ask("the garden", [])).toEqual([]);
});

test("what is forgotten is found no more, at once", async () => {
  await remember("puppy", "We adopted a puppy");
  await remember("kitten", "We adopted a kitten");
  await fillerOf().flush(options);
  const before = await ask("a puppy");

  const closing = { spaceId: SPACE, id: "puppy", at: 5, reason: "forgotten" } as const;
  await stores.unit.commit([stores.memories.close(closing)], options);
  const after = await ask("a puppy");
  await stores.unit.commit([stores.memories.erase(SPACE, "kitten")], options);

  expect([before, after, await ask("a puppy")]).toEqual([["puppy", "kitten"], ["kitten"], []]);
  expect(await stores.vectors.counts(SPACE, options)).toEqual([{ model: MODEL, dimensions: 128, count: 1 }]);
});

test("what is brought back is found again in a process that met it while it was closed, embedded before or not", async () => {
  const filler = fillerOf();
  const close = async (id: string) => {
    await stores.unit.commit(
      [stores.memories.close({ spaceId: SPACE, id, at: 5, reason: "forgotten" })],
      options,
    );
    const of = { spaceId: SPACE, readers: undefined, ids: [id], includeClosed: true };
    return (await stores.memories.find(of, options))[0] as MemoryRecord;
  };
  await remember("puppy", "We adopted a puppy");
  await remember("pasta", "Dinner was pasta and salad");
  await filler.flush(options);
  const puppy = await close("puppy");
  await remember("doctor", "The doctor prescribed tablets");
  const doctor = await close("doctor");
  await remember("tea", "I like tea");
  await filler.flush(options);
  const closed = [await ask("a puppy", ["kate"], 9), await ask("Which medicine did I get?", ["kate"], 9)];

  await stores.unit.commit([stores.memories.reopen(puppy), stores.memories.reopen(doctor)], options);
  const [first] = await ask("a puppy");
  await filler.flush(options);

  expect(closed.flat()).not.toContain("puppy");
  expect([first, (await ask("Which medicine did I get?"))[0]]).toEqual(["puppy", "doctor"]);
  expect((await ask("anything", ["kate"], 9)).toSorted()).toEqual(["doctor", "pasta", "puppy", "tea"]);
});

test("what is there is found at once, however much of what was nearer is gone", async () => {
  for (let n = 0; n < 150; n++) await remember(`old${n}`, `Puppy number ${n}`);
  await remember("left", "We adopted a kitten");
  await fillerOf().flush(options);
  await ask("a puppy");
  await stores.unit.commit(
    Array.from({ length: 150 }, (_, n) => stores.memories.erase(SPACE, `old${n}`)),
    options,
  );

  expect(await ask("a puppy")).toEqual(["left"]);
});

test("another model finds nothing until it has embedded all anew, and never compares with the old vectors", async () => {
  await remember("puppy", "We adopted a puppy");
  const filler = fillerOf();
  await filler.flush(options);

  model = "embedded/hash-256";
  const before = await ask("puppies");
  await filler.flush(options);
  const after = await ask("puppies");
  model = MODEL;

  expect([before, after, await ask("puppies")]).toEqual([[], ["puppy"], ["puppy"]]);
});

test("a search that could not wait for the first reading serves the next one", async () => {
  await remember("puppy", "We adopted a puppy");
  await fillerOf().flush(options);
  const controller = new AbortController();
  const { vectors } = await embed(["dog"]);
  const asked = { spaceId: SPACE, agentId: "ana", readers: ["kate"], model, limit: 1 };

  const left = search.search({ ...asked, vector: vectors[0] as Float32Array }, controller);
  controller.abort(new Error("too late"));

  await expect(left).rejects.toThrow("too late");
  expect(await ask("dog")).toEqual(["puppy"]);
  expect(search.bytes).toBeGreaterThan(0);
});

test("what has no room is left to the words, said once, and the rest is found", async () => {
  await search[Symbol.asyncDispose]();
  search = createVectorSearch({ vectors: stores.vectors, logger, maxBytes: 1 });
  await remember("puppy", "We adopted a puppy");
  await fillerOf().flush(options);

  expect(await ask("dog")).toEqual([]);
  expect(await ask("dog")).toEqual([]);
  expect(logger.troubles()).toEqual(["vectors.full"]);
});

test("messages are embedded in batches behind what is nudged, and a model that fails is asked again later", async () => {
  const life = new AbortController();
  let failures = 1;
  const texts: string[] = [];
  const filler = createVectorFiller({
    ...{
      vectors: stores.vectors,
      unit: stores.unit,
      clock,
      logger,
      metrics: createMetrics(),
      spaceId: SPACE,
    },
    model: () => model,
    embed: async (request) => {
      if (failures-- > 0) throw new Error("no answer");
      texts.push(...request.texts);
      return embed(request.texts);
    },
  });
  await remember("puppy", "We adopted a puppy");

  filler.start(life.signal);
  await clock.settle();
  const atOnce = [...texts];
  await clock.advance(70_000);
  await remember("kitten", "And a kitten");
  filler.nudge();
  await clock.advance(5_000);
  life.abort();

  expect([atOnce, texts]).toEqual([[], ["We adopted a puppy", "And a kitten"]]);
  expect(logger.troubles()).toEqual(["loop.failed"]);
});

test("nothing is embedded while turns come and go, but not for ever", async () => {
  const life = new AbortController();
  const filler = fillerOf();
  const embedded = async () => (await stores.vectors.counts(SPACE, options)).map(({ count }) => count);
  filler.start(life.signal);
  await clock.advance(10_000);

  await remember("puppy", "We adopted a puppy");
  const goOn = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 3) {
      filler.nudge();
      await clock.advance(3_000);
    }
  };
  await goOn(24);
  expect(await embedded()).toEqual([]);
  await goOn(18);
  // Reading the table of words takes real time.
  await vi.waitFor(async () => expect(await embedded()).toEqual([1]));
  await remember("kitten", "And a kitten");
  filler.nudge();
  await clock.advance(6_000);
  await vi.waitFor(async () => expect(await embedded()).toEqual([2]));
  life.abort();
});

test("a message stands near what was said just before it, where the same people know that", async () => {
  const said = async (sessionId: string, texts: readonly string[], audience: readonly string[]) => {
    const of = { spaceId: SPACE, sessionId, outcome: "ok" as const, role: "user" as const, createdAt: 1 };
    for (const [n, text] of texts.entries()) {
      const known = n === 0 ? ["kate", "max"] : audience;
      const turn = { id: `${sessionId}-${n}`, turnId: `${sessionId}-${n}`, turnSeq: "same" as const };
      const session = { id: sessionId, key: sessionId, spaceId: SPACE, agentId: "ana", channel: "api" };
      await stores.unit.commit(
        [
          stores.sessions.touch({
            ...{
              ...session,
              peerId: "kate",
              ownerId: "key",
              audience: known,
              stateless: false,
              at: 1,
              count: 1,
            },
          }),
          stores.sessions.append({
            ...of,
            ...turn,
            audience: known,
            fromLast: 0,
            parts: [{ type: "text", text }],
          }),
        ],
        options,
      );
    }
  };
  const texts = ["We adopted a puppy", "Her name is Bella"];
  await said("alone", texts.slice(1), ["kate", "max"]);
  await said("told", texts, ["kate", "max"]);
  await said("apart", texts, ["kate"]);
  await fillerOf().flush(options);

  const { vectors } = await embed(["What is the dog called?"]);
  const asked = { spaceId: SPACE, agentId: "ana", readers: ["kate"], model, limit: 9 };
  const matches = await search.search({ ...asked, vector: vectors[0] as Float32Array }, options);
  const scores = new Map(matches.map(({ ownerId, score }) => [ownerId, score]));

  expect(scores.get("told-1")).toBeGreaterThan(scores.get("alone-0") ?? 1);
  expect(scores.get("apart-1")).toBeCloseTo(scores.get("alone-0") ?? 0, 5);
});

test("a text that the model refuses holds up no other, and a long one is embedded by its beginning", async () => {
  const lengths: number[] = [];
  const filler = createVectorFiller({
    ...{
      vectors: stores.vectors,
      unit: stores.unit,
      clock,
      logger,
      metrics: createMetrics(),
      spaceId: SPACE,
    },
    model: () => model,
    embed: async ({ texts }) => {
      if (texts.some((text) => text.includes("forbidden")))
        throw new TroupeError("No.", { code: "model.rejected" });
      lengths.push(...texts.map((text) => text.length));
      return embed(texts);
    },
  });
  await remember("puppy", "We adopted a puppy");
  await remember("bad", "a forbidden dog");
  await remember("long", "The garden and its roses. ".repeat(2_000));

  await filler.flush(options);

  expect([await ask("a dog", ["kate"], 1), await ask("roses", ["kate"], 1)]).toEqual([["puppy"], ["long"]]);
  expect(Math.max(...lengths)).toBe(8_000);
  expect(logger.troubles()).toEqual(["vectors.refused"]);
});

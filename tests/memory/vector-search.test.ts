import { type Stores, TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock, type LogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { loadVectors, type VectorFiller, type VectorSearch } from "../../server/src/memory/index.ts";
import { type InlineStores, openInlineStores } from "../../server/src/store/index.ts";
import { vectorSearchContract } from "./vector-contract.ts";
import * as stage from "./vector-stage.ts";

const { createVectorFiller, createVectorSearch } = await loadVectors();
const { embed, MODEL, openResident, options, SPACE } = stage;
const clock = createManualClock(Date.UTC(2026, 10, 21));

let store: InlineStores;
let stores: Stores;
let logger: LogRecorder;
let search: VectorSearch;
beforeEach(() => {
  logger = createLogRecorder();
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
    model: () => MODEL,
    embed: ({ texts, model }) => embed(texts, model),
  });
}

type Remembered = Parameters<typeof stage.memoryOf>;
const remember = (...memory: Remembered) => stage.remember({ stores }, ...memory);
const ask = (question: string, readers?: readonly string[], limit?: number) =>
  stage.ask({ search, model: MODEL }, question, readers, limit);

vectorSearchContract("in memory", openResident);

test("a search that could not wait for the first reading serves the next one", async () => {
  await remember("puppy", "We adopted a puppy");
  await fillerOf().flush(options);
  const controller = new AbortController();
  const { vectors } = await embed(["dog"], MODEL);
  const asked = { spaceId: SPACE, agentId: "ana", readers: ["kate"], model: MODEL, limit: 1 };

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
    model: () => MODEL,
    embed: async (request) => {
      if (failures-- > 0) throw new Error("no answer");
      texts.push(...request.texts);
      return embed(request.texts, MODEL);
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

  const { vectors } = await embed(["What is the dog called?"], MODEL);
  const asked = { spaceId: SPACE, agentId: "ana", readers: ["kate"], model: MODEL, limit: 9 };
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
    model: () => MODEL,
    embed: async ({ texts }) => {
      if (texts.some((text) => text.includes("forbidden")))
        throw new TroupeError("No.", { code: "model.rejected" });
      lengths.push(...texts.map((text) => text.length));
      return embed(texts, MODEL);
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

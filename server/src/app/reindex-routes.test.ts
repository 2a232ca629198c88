import type { VectorIndexStore } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import type { AdminRequest } from "../gateway/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { createEmbeddedModels, createVectorFiller } from "../memory/index.ts";
import { openInlineStores } from "../store/index.ts";
import { type Reindexed, reindexRoutes } from "./reindex-routes.ts";

const options = { signal: new AbortController().signal };
const MODEL = "embedded/words-128";
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function setUp({
  model = MODEL,
  index,
}: {
  readonly model?: string | undefined;
  readonly index?: VectorIndexStore | undefined;
} = {}) {
  const clock = createManualClock(1_000_000);
  const logger = createLogRecorder();
  const common = { clock, logger, metrics: createMetrics() };
  const opened = openInlineStores({ memory: true, ids: createIdGenerator(clock), ...common });
  closers.push(opened.close);
  const { stores } = opened;
  const embedded = createEmbeddedModels().embedding("words-128");
  const texts: string[] = [];
  const vectorModel = () => (model === "" ? undefined : model);
  const vectorFiller = createVectorFiller({
    ...{ ...stores, ...common, spaceId: "default", model: vectorModel },
    embed: async (request, call) => {
      texts.push(...request.texts);
      return (await embedded?.embed({ texts: request.texts }, call)) ?? { vectors: [] };
    },
  });
  const [route] = reindexRoutes({
    stores,
    clock,
    logger,
    vectorFiller,
    vectorModel,
    vectorIndex: () => index,
  });
  const reindex = async (body: object): Promise<Reindexed> => {
    const request: AdminRequest = {
      ...{ params: {}, query: new URLSearchParams(), ...options, json: async () => body },
      principal: { id: "operator", kind: "operator", name: "operator", spaceId: "default" } as never,
    };
    return (await route?.handle(request)) as Reindexed;
  };
  for (const id of ["puppy", "kitten"]) {
    const memory = { id, spaceId: "default", agentId: "ana", audience: ["kate"], text: `We have a ${id}` };
    await stores.unit.commit([stores.memories.put({ ...memory, turnId: "t", recordedAt: 1 })], options);
  }
  const counts = () => stores.vectors.counts("default", options);
  const drop = (ownerId: string) =>
    stores.unit.commit(
      [stores.vectors.remove({ spaceId: "default", ownerKind: "memory", ownerId })],
      options,
    );
  return { stores, clock, vectorFiller, reindex, counts, drop, texts };
}

it("embeds what lost its vector or never had one, and nothing twice", async () => {
  const { reindex, vectorFiller, drop, texts } = await setUp();
  await vectorFiller.flush(options);
  await drop("puppy");
  await vectorFiller.flush(options);
  const before = texts.splice(0);

  const first = await reindex({ what: "vectors", begin: true });
  const second = await reindex({ what: "vectors", begin: true });

  expect(before).toEqual(["We have a puppy", "We have a kitten"]);
  expect(first).toEqual({ done: 1, isMore: false, model: MODEL });
  expect([second.done, texts]).toEqual([0, ["We have a puppy"]]);
});

it("embeds everything anew where that is asked for, and deletes what other models made", async () => {
  const { stores, clock, reindex, vectorFiller, counts, texts } = await setUp();
  await vectorFiller.flush(options);
  const other = { spaceId: "default", ownerKind: "memory" as const, ownerId: "puppy", model: "far/tiny" };
  const vector = Float32Array.from([1]);
  await stores.unit.commit([stores.vectors.put({ ...other, vector, createdAt: 1 })], options);
  texts.length = 0;
  await clock.advance(10);

  const again = await reindex({ what: "vectors", begin: true, again: true });

  expect([again.done, texts.length]).toEqual([2, 2]);
  expect(await counts()).toEqual([{ model: MODEL, dimensions: 128, count: 2 }]);
});

it("makes the words anew, and no vectors where none are kept", async () => {
  const { reindex, counts } = await setUp({ model: "" });

  expect(await reindex({ what: "words" })).toEqual({ done: 2, isMore: false });
  expect(await reindex({ what: "vectors", begin: true })).toEqual({ done: 0, isMore: false });
  expect(await counts()).toEqual([]);
  await expect(reindex({})).rejects.toThrow('what must be "words", "vectors" or "index"');
});

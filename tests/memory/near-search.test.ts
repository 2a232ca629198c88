import type { SearchQuery, Stores } from "@troupe/contracts";
import { createLogRecorder, createManualClock, type LogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import {
  createMeaningOfQuestion,
  createNearSearch,
  loadVectors,
  withMeaning,
} from "../../server/src/memory/index.ts";
import { type InlineStores, openInlineStores } from "../../server/src/store/index.ts";

const { createVectorSearch } = await loadVectors();
const options = { signal: new AbortController().signal };
const SPACE = "default";
const MODEL = "far/tiny";
const clock = createManualClock(Date.UTC(2026, 10, 21));

let store: InlineStores;
let stores: Stores;
let logger: LogRecorder;
beforeEach(() => {
  logger = createLogRecorder();
  store = openInlineStores({
    ...{ memory: true, clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() },
  });
  stores = store.stores;
});
afterEach(() => store.close());

/** A memory or a message, and its vector. */
async function remember(
  id: string,
  numbers: readonly number[],
  audience: readonly string[] = ["kate"],
): Promise<void> {
  const memory = {
    id,
    spaceId: SPACE,
    agentId: "ana",
    audience,
    turnId: "t",
    recordedAt: 1,
    text: `about ${id}`,
  };
  const owner = { spaceId: SPACE, ownerKind: "memory" as const, ownerId: id };
  await stores.unit.commit([stores.memories.put(memory)], options);
  await put(owner, numbers);
}

async function say(id: string, numbers: readonly number[], turnSeq: number): Promise<void> {
  const base = { spaceId: SPACE, sessionId: "now", turnId: id };
  const session = { id: "now", key: "now", spaceId: SPACE, agentId: "ana", channel: "api" };
  const written = { peerId: "kate", ownerId: "key", audience: ["kate"], stateless: false, at: 1, count: 1 };
  const said = { role: "user" as const, audience: ["kate"], outcome: "ok" as const, createdAt: 1 };
  const parts = [{ type: "text" as const, text: `said ${id}` }];
  await stores.unit.commit(
    [
      stores.sessions.touch({ ...session, ...written }),
      stores.sessions.append({ ...base, ...said, id, parts, turnSeq: "same" as const, fromLast: 0 }),
    ],
    options,
  );
  const place = { sessionId: "now", seq: turnSeq };
  await put({ spaceId: SPACE, ownerKind: "message" as const, ownerId: id, place }, numbers);
}

async function put(owner: object, numbers: readonly number[]): Promise<void> {
  const vector = { ...owner, model: MODEL, vector: Float32Array.from(numbers), createdAt: 1 };
  await stores.unit.commit([stores.vectors.put(vector as never)], options);
}

async function ask(change: Partial<SearchQuery> = {}, vector: readonly number[] | null = [1, 0]) {
  await using vectors = createVectorSearch({ vectors: stores.vectors, logger });
  const near = createNearSearch({
    ...{ ...stores, vectors, clock, logger, leastScore: () => 0.6 },
    meaningOf: async () =>
      vector === null ? undefined : { model: MODEL, vector: Float32Array.from(vector) },
  });
  const query = {
    spaceId: SPACE,
    agentId: "ana",
    readers: ["kate"],
    words: ["dog"],
    text: "the dog",
    limit: 5,
  };
  return (await near.search({ ...query, ...change }, options)).map(({ id }) => id);
}

test("what is near in meaning is found though it shares no word, after what holds the words", async () => {
  await remember("puppy", [1, 0.1]);
  await remember("hound", [1, 0.5]);
  await remember("weather", [0, 1]);
  expect(await ask()).toEqual(["puppy", "hound"]);

  await remember("dog", [0, 1]);
  expect(await ask()).toEqual(["dog", "puppy", "hound"]);
  expect(await ask({ limit: 2 })).toEqual(["dog", "puppy"]);
});

test("nothing near is found that one of the readers does not know, or that the asker has before it", async () => {
  await remember("secret", [1, 0], ["max"]);
  await remember("shared", [1, 0.2], ["kate", "max"]);
  await say("first", [1, 0.3], 1);
  await say("second", [1, 0.4], 2);

  expect(await ask()).toEqual(["shared", "first", "second"]);
  expect(await ask({ readers: ["kate", "max"] })).toEqual(["shared"]);
  expect(await ask({ readers: [] })).toEqual([]);
  expect(await ask({ except: { sessionId: "now", fromTurnSeq: 1 } })).toEqual(["shared"]);
  expect(await ask({ agentId: "ben" })).toEqual([]);
});

test("without a vector, or where vectors fail, words serve", async () => {
  await remember("dog", [1, 0]);
  await remember("puppy", [1, 0]);
  expect(await ask({}, null)).toEqual(["dog"]);

  const near = createNearSearch({
    ...{ ...stores, clock, logger, leastScore: () => 0 },
    vectors: { search: () => Promise.reject(new Error("no memory")) },
    meaningOf: async () => ({ model: MODEL, vector: Float32Array.from([1, 0]) }),
  });
  const query = { spaceId: SPACE, agentId: "ana", readers: ["kate"], words: ["dog"], text: "dog", limit: 5 };
  expect((await near.search(query, options)).map(({ id }) => id)).toEqual(["dog"]);
  expect(logger.troubles()).toEqual(["recall.by_words"]);
});

test("a vector that does not come in time is not waited for, and the next questions do not ask for a while", async () => {
  const asked: AbortSignal[] = [];
  const meaningOf = createMeaningOfQuestion({
    ...{ clock, logger, metrics: createMetrics(), model: () => MODEL, waitMs: () => 100 },
    embed: (_request, { signal }) => {
      asked.push(signal);
      return asked.length === 1
        ? new Promise(() => undefined)
        : Promise.resolve({ vectors: [Float32Array.from([1])] });
    },
  });
  const question = { agentId: "ana", text: "Whose dog?" };

  const late = meaningOf(question, options);
  await clock.advance(100);
  const answers = [await late, await meaningOf(question, options)];
  await clock.advance(10_000);

  expect(answers).toEqual([undefined, undefined]);
  expect(asked.map(({ aborted }) => aborted)).toEqual([true]);
  expect(await meaningOf(question, options)).toEqual({ model: MODEL, vector: Float32Array.from([1]) });
  expect(logger.troubles()).toEqual(["recall.by_words"]);
});

test("a question is embedded once, however often it is asked for", async () => {
  let made = 0;
  const meaningOf = async () => {
    made += 1;
    return { model: MODEL, vector: Float32Array.from([1, 0]) };
  };
  const ofSeveralNames = {
    search: async ({ meaning }: SearchQuery) => {
      await Promise.all([meaning?.(options), meaning?.(options)]);
      return [];
    },
  };
  const query = { spaceId: SPACE, agentId: "ana", readers: ["kate"], words: ["dog"], limit: 3 };

  await withMeaning(ofSeveralNames, meaningOf, () => true).search({ ...query, text: "the dog" }, options);

  expect(made).toBe(1);
});

import type { QuestionMeaning, SearchQuery } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  commit,
  type GetHarness,
  message,
  options,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";
import { MODEL, vector } from "./store-vector-fixtures.ts";

/** What is told of, each in a conversation of its own. */
const PLACES = ["kennel", "garden", "cinema"] as const;
type Place = (typeof PLACES)[number];

/** Three messages that hold the same word of a question, the newest first where nothing else tells. */
async function withDogs(harness: StoreHarness): Promise<void> {
  const { sessions, search } = harness.stores;
  for (const [n, name] of PLACES.entries()) {
    const sessionId = `session-${n}`;
    await commit(
      harness,
      sessions.touch(session({ id: sessionId, key: sessionId })),
      sessions.append(
        message({ id: name, sessionId, parts: [{ type: "text", text: `the dog of the ${name}` }] }),
      ),
    );
  }
  await search.indexNew(100, options);
}

async function embed(
  harness: StoreHarness,
  numbers: Partial<Record<Place, readonly number[]>>,
): Promise<void> {
  for (const [name, some] of Object.entries(numbers)) {
    const place = { sessionId: `session-${PLACES.indexOf(name as Place)}`, seq: 1 };
    await commit(harness, harness.stores.vectors.put(vector(name, some, { place })));
  }
}

async function ask(harness: StoreHarness, change: Partial<SearchQuery> = {}): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", readers: ["peer-1"], words: ["dog"], limit: 10 };
  const hits = await harness.stores.search.search({ ...query, text: "Whose dog?", ...change }, options);
  return hits.map(({ id }) => id);
}

const meant =
  (numbers: readonly number[], model = MODEL) =>
  async (): Promise<QuestionMeaning> => ({ model, vector: Float32Array.from(numbers) });

/** Questions with a vector of their own. */
export function describeMeaning(get: GetHarness): void {
  it("puts what is near in meaning before what holds as much of the words", async () => {
    const harness = get();
    await withDogs(harness);
    const before = await ask(harness);
    await embed(harness, { kennel: [1, 0], garden: [0.6, 0.8], cinema: [0, 1] });

    expect(before).toEqual(["cinema", "garden", "kennel"]);
    expect(await ask(harness, { meaning: meant([2, 0]) })).toEqual(["kennel", "garden", "cinema"]);
    expect(await ask(harness, { meaning: meant([0, 3]) })).toEqual(["cinema", "garden", "kennel"]);
    expect(await ask(harness)).toEqual(before);
  });

  it("counts vectors of another model or length as nothing, and an answer without a vector neither up nor down", async () => {
    const harness = get();
    await withDogs(harness);
    await embed(harness, { kennel: [1, 0], cinema: [-1, 0] });

    expect(await ask(harness, { meaning: meant([1, 0], "other/small") })).toEqual(await ask(harness));
    expect(await ask(harness, { meaning: meant([1, 0, 0]) })).toEqual(await ask(harness));
    expect(await ask(harness, { meaning: meant([0, 0]) })).toEqual(await ask(harness));
    expect(await ask(harness, { meaning: async () => undefined })).toEqual(await ask(harness));
    expect(await ask(harness, { meaning: meant([1, 0]) })).toEqual(["kennel", "garden", "cinema"]);
  });

  it("asks for the meaning of questions alone, and only where something may be found", async () => {
    const harness = get();
    await withDogs(harness);
    let asked = 0;
    const meaning = async () => {
      asked += 1;
      return undefined;
    };

    await ask(harness, { meaning, text: "The dog sleeps." });
    await ask(harness, { meaning, readers: ["stranger"] });
    expect(asked).toBe(0);
    await ask(harness, { meaning });
    expect(asked).toBe(1);
  });

  it("tells of memories by their meaning too", async () => {
    const harness = get();
    const { memories, vectors } = harness.stores;
    for (const id of ["one", "two"]) {
      const memory = { id, spaceId: SPACE, agentId: "ana", audience: ["peer-1"], text: `dog ${id}` };
      await commit(harness, memories.put({ ...memory, turnId: "turn-1", recordedAt: 100 }));
    }
    const put = (id: string, numbers: readonly number[]) =>
      vectors.put(vector(id, numbers, { ownerKind: "memory", place: undefined }));
    await commit(harness, put("one", [1, 0]), put("two", [0, 1]));

    expect(await ask(harness, { meaning: meant([1, 0]) })).toEqual(["one", "two"]);
    expect(await ask(harness, { meaning: meant([0, 1]) })).toEqual(["two", "one"]);
  });
}

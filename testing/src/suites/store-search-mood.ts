import type { MemoryEmotion, NewMemory } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, options, SPACE, type StoreHarness } from "./store-fixtures.ts";

const SAD: MemoryEmotion = { valence: -0.8, intensity: 0.9 };
const GLAD: MemoryEmotion = { valence: 0.8, intensity: 0.9 };

async function remember(
  harness: StoreHarness,
  id: string,
  text: string,
  emotion?: MemoryEmotion,
): Promise<void> {
  const memory: NewMemory = {
    ...{ id, spaceId: SPACE, agentId: "ana", audience: ["peer-1"], text, turnId: "turn-1", recordedAt: 100 },
    ...(emotion === undefined ? {} : { emotion }),
  };
  await commit(harness, harness.stores.memories.put(memory));
}

export function describeMood(get: GetHarness): void {
  it("brings memories that feel as the asker does a little earlier, and neither more nor fewer of them", async () => {
    const harness = get();
    await remember(harness, "sad", "The garden was flooded", SAD);
    await remember(harness, "glad", "The garden won a prize", GLAD);
    await remember(harness, "plain", "The garden has a gate");
    const asked = async (text: string, mood?: MemoryEmotion, readers = ["peer-1"]) => {
      const query = { spaceId: SPACE, agentId: "ana", readers, words: ["garden"], text, limit: 10 };
      const hits = await harness.stores.search.search(
        { ...query, ...(mood === undefined ? {} : { mood }) },
        options,
      );
      return hits.map(({ id }) => id);
    };
    for (const text of ["What about the garden?", "The garden."]) {
      expect(await asked(text)).toEqual(["plain", "glad", "sad"]);
      expect(await asked(text, SAD)).toEqual(["sad", "plain", "glad"]);
      expect(await asked(text, GLAD)).toEqual(["glad", "plain", "sad"]);
      expect(await asked(text, SAD, ["peer-2"])).toEqual([]);
    }
  });

  it("lets no feeling outweigh the words that are asked for", async () => {
    const harness = get();
    await remember(harness, "sad", "The garden was flooded", SAD);
    await remember(harness, "gate", "The garden has a gate");
    const query = { spaceId: SPACE, agentId: "ana", readers: ["peer-1"], limit: 10, mood: SAD };

    for (const text of ["Where is the gate of the garden?", "The gate of the garden."]) {
      const hits = await harness.stores.search.search({ ...query, words: ["garden", "gate"], text }, options);
      expect(hits.map(({ id }) => id)).toEqual(["gate", "sad"]);
    }
  });
}

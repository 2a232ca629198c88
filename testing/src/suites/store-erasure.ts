import type { NewMemory } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  commit,
  type GetHarness,
  message,
  options,
  result,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";

const of = { spaceId: SPACE, peerId: "peer-1" };

function memory(id: string, audience: readonly string[], change: Partial<NewMemory> = {}): NewMemory {
  const base = { id, spaceId: SPACE, agentId: "ana", audience, text: `the garden of ${id}` };
  return { ...base, turnId: "turn-1", recordedAt: 100, ...change };
}

async function found({ stores }: StoreHarness, reader: string): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", readers: [reader], words: ["garden"], limit: 10 };
  return (await stores.search.search(query, options)).map(({ id }) => id).toSorted();
}

export function describeErasure(get: GetHarness): void {
  describeRemoving(get);
  describeConversations(get);
}

function describeRemoving(get: GetHarness): void {
  it("deletes what one peer alone knows, open and closed, and leaves what others know too", async () => {
    const harness = get();
    const { memories, documents, storylines, vectors, dreams, erasure } = harness.stores;
    const own = memory("own", ["peer-1"], { slot: "peer-1 garden" });
    const all = [
      own,
      memory("closed", ["peer-1"]),
      memory("both", ["peer-1", "peer-2"]),
      memory("theirs", ["peer-2"]),
    ];
    await harness.stores.unit.commit(
      all.map((one) => memories.put(one)),
      options,
    );
    await commit(harness, memories.close({ spaceId: SPACE, id: "closed", at: 5, reason: "forgotten" }));
    const vector = Float32Array.from([1, 2]);
    const owner = { spaceId: SPACE, ownerKind: "memory", ownerId: "own", model: "m" } as const;
    await commit(harness, vectors.put({ ...owner, vector, createdAt: 1 }));
    const recalls = [{ memoryId: "own", asked: "q", times: 3, weight: 1 }];
    await commit(harness, dreams.recalled({ spaceId: SPACE, at: 5, recalls }));
    const document = {
      id: "doc",
      spaceId: SPACE,
      agentId: "ana",
      audience: ["peer-1"],
      source: "/a",
      title: "a",
    };
    const size = { mediaType: "text/plain", contentHash: "h", sizeBytes: 1, chunkCount: 1, revision: 1 };
    await commit(harness, documents.put({ ...document, ...size, addedAt: 1, updatedAt: 1 }, ["own"]));
    const line = { agentId: "ana", spaceId: SPACE, sessionId: "gone", title: "t", updatedAt: 1 };
    await commit(harness, storylines.open({ ...line, id: "line", audience: ["peer-1"] }));

    const rows = { memories: 2, documents: 1, storylines: 1, jobs: 0, agentMessages: 0 };
    expect(await erasure.counts(of, options)).toEqual({ ...rows, sessions: 0 });
    expect(await erasure.counts({ ...of, spaceId: "another" }, options)).toMatchObject({ memories: 0 });
    expect(await result(harness, erasure.remove(of))).toEqual(rows);

    expect(await erasure.counts(of, options)).toMatchObject({ memories: 0, documents: 0, storylines: 0 });
    const ids = all.map(({ id }) => id);
    const left = await memories.find(
      { spaceId: SPACE, readers: undefined, ids, includeClosed: true },
      options,
    );
    expect(left.map(({ id }) => id).toSorted()).toEqual(["both", "theirs"]);
    expect(await found(harness, "peer-1")).toEqual(["both"]);
    expect(await found(harness, "peer-2")).toEqual(["both", "theirs"]);
    expect(await vectors.counts(SPACE, options)).toEqual([]);
    // Nothing of it is compared with what comes, which may have the same ids.
    await commit(harness, memories.put(memory("own", ["peer-1"])));
    const alike = await memories.alike(
      { spaceId: SPACE, agentId: "ana", text: "x", slot: "peer-1 garden" },
      options,
    );
    expect(alike).toEqual([]);
  });
}

function describeConversations(get: GetHarness): void {
  it("names conversations that nobody else reads", async () => {
    const harness = get();
    const { sessions, erasure } = harness.stores;
    const open = (id: string, audience: readonly string[]) =>
      harness.stores.unit.commit(
        [
          sessions.touch(session({ id, key: id, audience })),
          sessions.append(message({ id: `m ${id}`, sessionId: id, audience })),
        ],
        options,
      );
    await open("alone", ["peer-1"]);
    await open("group", ["peer-1", "peer-2"]);
    await open("other", ["peer-2"]);

    expect(await erasure.sessionIds(of, options)).toEqual(["alone"]);
    expect(await erasure.counts(of, options)).toMatchObject({ sessions: 1 });
    expect(await erasure.blobIds(of, options)).toEqual([]);
    expect(["clean", "left"]).toContain((await erasure.scrub(options)).kind);
  });
}

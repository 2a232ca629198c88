import type { SourceReference } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  codeOf,
  commit,
  type GetHarness,
  message,
  options,
  result,
  SPACE,
  session,
} from "./store-fixtures.ts";

type MessageReference = Extract<SourceReference, { readonly kind: "message" }>;

/** Records that are asked for by name, and sequence numbers that change nothing else. */
export function describeReferences(get: GetHarness): void {
  describeMessages(get);
  describeMemories(get);
  describeNumbers(get);
}

function describeMessages(get: GetHarness): void {
  it("finds messages by reference, only those that every reader knows", async () => {
    const harness = get();
    const { stores } = harness;
    const both = ["peer-1", "peer-2"];
    await commit(harness, stores.sessions.touch(session()), stores.sessions.append(message({ id: "mine" })));
    await commit(
      harness,
      stores.sessions.touch(session()),
      stores.sessions.append(message({ id: "ours", audience: both })),
    );
    const reference = (id: string, turnSeq: number): MessageReference => ({
      kind: "message",
      id,
      sessionId: "session-1",
      turnSeq,
    });
    const references = [
      reference("mine", 1),
      reference("ours", 2),
      reference("mine", 2),
      reference("gone", 1),
    ];
    const find = async (readers: readonly string[], spaceId: string = SPACE): Promise<string[]> =>
      (await stores.sessions.find({ spaceId, readers, references }, options)).map(({ id }) => id).toSorted();

    expect([await find(["peer-1"]), await find(both), await find(["peer-1"], "other")]).toEqual([
      ["mine", "ours"],
      ["ours"],
      [],
    ]);
    expect(await stores.sessions.find({ spaceId: SPACE, readers: both, references: [] }, options)).toEqual(
      [],
    );
  });
}

function describeMemories(get: GetHarness): void {
  it("finds memories by id, only those that every reader knows and nobody forgot", async () => {
    const harness = get();
    const { stores } = harness;
    const memory = (id: string, audience: readonly string[]) => ({
      id,
      spaceId: SPACE,
      agentId: "ana",
      audience,
      text: `text of ${id}`,
      turnId: "turn-1",
      recordedAt: 7,
    });
    for (const one of [
      memory("mine", ["peer-1"]),
      memory("ours", ["peer-1", "peer-2"]),
      memory("dim", ["peer-1"]),
    ])
      await commit(harness, stores.memories.put(one));
    await commit(harness, stores.memories.erase(SPACE, "dim"));
    const find = async (readers: readonly string[]): Promise<string[]> =>
      (await stores.memories.find({ spaceId: SPACE, readers, ids: ["mine", "ours", "dim", "none"] }, options))
        .map(({ text }) => text)
        .toSorted();

    expect([await find(["peer-1"]), await find(["peer-1", "peer-2"])]).toEqual([
      ["text of mine", "text of ours"],
      ["text of ours"],
    ]);
  });
}

function describeNumbers(get: GetHarness): void {
  it("takes sequence numbers of a session and leaves its audience as a newer message made it", async () => {
    const harness = get();
    const { sessions } = harness.stores;
    await commit(harness, sessions.touch(session({ audience: ["peer-1"], at: 100 })));
    await commit(harness, sessions.touch(session({ audience: ["peer-1", "peer-2"], at: 300 })));

    const taken = await result(harness, sessions.take({ id: "session-1", at: 200, count: 2 }));

    expect(taken).toEqual({ lastSeq: 4 });
    expect(await sessions.get("session-1", options)).toMatchObject({
      audience: ["peer-1", "peer-2"],
      lastSeq: 4,
      updatedAt: 300,
    });
    expect(await codeOf(commit(harness, sessions.take({ id: "none", at: 1, count: 1 })))).toBe(
      "store.conflict",
    );
  });
}

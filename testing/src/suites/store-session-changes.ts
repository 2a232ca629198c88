import type { NewBranch } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  finished,
  type GetHarness,
  keepTurn,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

function branchOf(change: Partial<NewBranch> = {}): NewBranch {
  return {
    id: "branch-1",
    key: "key of branch-1",
    parentId: "session-1",
    messageId: "a-2",
    isIncluded: true,
    name: undefined,
    storylineId: "line of branch-1",
    at: 500,
    ...change,
  };
}

const storyline = {
  id: "line-1",
  spaceId: SPACE,
  agentId: "ana",
  sessionId: "session-1",
  audience: ["peer-1"],
  title: "Tea",
  updatedAt: 1,
};

async function said({ stores }: StoreHarness, sessionId: string): Promise<readonly string[]> {
  const { items } = await stores.sessions.messages({ sessionId }, options);
  return items.map(({ seq, turnSeq, turnId, parts }) => {
    const [part] = parts;
    return `${seq}/${turnSeq} ${turnId} ${part?.type === "text" ? part.text : ""}`;
  });
}

async function found({ stores }: StoreHarness, ...words: readonly string[]): Promise<readonly unknown[]> {
  await stores.search.indexNew(1000, options);
  const query = { spaceId: SPACE, agentId: "ana", readers: ["peer-1"], words, limit: 10 };
  return (await stores.search.search(query, options)).map(({ id, sessionId }) => `${sessionId} ${id}`);
}

export function describeSessionChanges(get: GetHarness): void {
  describeNames(get);
  describeBranches(get);
  describeBranchPoints(get);
  describeBranchRecords(get);
  describeRemoval(get);
}

function describeNames(get: GetHarness): void {
  it("goes by the name that a person gave, whatever summaries say, until it is given up", async () => {
    const harness = get();
    const { sessions, storylines, unit } = harness.stores;
    await keepTurn(harness, 1);
    await commit(harness, storylines.open(storyline));
    const titleOf = async (): Promise<unknown> =>
      (await sessions.list({ spaceId: SPACE }, options)).items.map(({ title, name }) => [title, name]);

    await unit.commit([sessions.rename({ id: "session-1", name: "Mine" })], options);
    await commit(
      harness,
      storylines.summarise({
        id: "line-1",
        audience: storyline.audience,
        title: "Coffee",
        summary: "…",
        summaryTurnSeq: 1,
        at: 2,
      }),
    );
    const named = await titleOf();
    const kept = await sessions.get("session-1", options);
    await commit(harness, sessions.rename({ id: "session-1", name: undefined }));

    expect(named).toEqual([["Mine", "Mine"]]);
    expect(kept?.name).toBe("Mine");
    expect(await titleOf()).toEqual([["Coffee", undefined]]);
    expect(await codeOf(commit(harness, sessions.rename({ id: "nowhere", name: "x" })))).toBe(
      "store.conflict",
    );
  });
}

function describeBranches(get: GetHarness): void {
  it("copies everything up to a message, with or without it, and leaves the parent as it was", async () => {
    const harness = get();
    for (let n = 1; n <= 3; n++) await keepTurn(harness, n);
    const before = await said(harness, "session-1");

    const { lastSeq } = await result(harness, harness.stores.sessions.branch(branchOf()));
    await commit(
      harness,
      harness.stores.sessions.branch(
        branchOf({ id: "branch-2", key: "2", messageId: "q-2", isIncluded: false }),
      ),
    );

    expect(lastSeq).toBe(4);
    expect(await said(harness, "branch-1")).toEqual(before.slice(0, 4));
    expect(await said(harness, "branch-2")).toEqual(before.slice(0, 2));
    expect(await said(harness, "session-1")).toEqual(before);
    expect(await harness.stores.sessions.get("branch-1", options)).toMatchObject({
      key: "key of branch-1",
      channel: "api",
      ownerId: "key-1",
      peerId: "peer-1",
      audience: ["peer-1"],
      stateless: false,
      lastSeq: 4,
      createdAt: 500,
      parent: { sessionId: "session-1", messageId: "a-2" },
    });
  });

  it("goes on by itself, and its copies have ids of their own", async () => {
    const harness = get();
    await keepTurn(harness, 1);
    await commit(harness, harness.stores.sessions.branch(branchOf({ messageId: "a-1" })));

    await keepTurn(harness, 9, { sessionId: "branch-1" });

    const history = await harness.stores.sessions.history(
      { sessionId: "branch-1", beforeTurnSeq: 100, maxMessages: 100, maxBytes: 100_000 },
      options,
    );
    expect(history.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(history.map(({ id }) => id).slice(2)).toEqual(["q-9", "a-9"]);
    expect(new Set(["q-1", "a-1", ...history.map(({ id }) => id)]).size).toBe(6);
    expect(await said(harness, "session-1")).toHaveLength(2);
  });
}

function describeBranchPoints(get: GetHarness): void {
  it("takes an answer that came late to where its question stands", async () => {
    const harness = get();
    const { sessions, turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" }, text: "first" }));
    await commit(harness, ...accepting(harness, 2, { text: "second" }));
    await commit(
      harness,
      turns.finish(finished()),
      sessions.take({ id: "session-1", at: 1, count: 1 }),
      sessions.append({
        ...{ id: "late", spaceId: SPACE, sessionId: "session-1", turnId: "turn-1", turnSeq: 1 },
        ...{ role: "assistant", parts: [{ type: "text", text: "answer" }], audience: ["peer-1"] },
        ...{ outcome: "ok", createdAt: 1, fromLast: 0 },
      }),
    );

    await commit(harness, sessions.branch(branchOf({ messageId: "late" })));

    expect(await said(harness, "branch-1")).toEqual(["1/1 turn-1 first", "3/1 turn-1 answer"]);
    expect((await sessions.get("branch-1", options))?.lastSeq).toBe(3);
  });

  it("refuses an unknown message, one of another session, and an id that is taken", async () => {
    const harness = get();
    await keepTurn(harness, 1);
    await keepTurn(harness, 2, { sessionId: "session-2" });
    const branch = (change: Partial<NewBranch>): Promise<unknown> =>
      codeOf(commit(harness, harness.stores.sessions.branch(branchOf(change))));

    expect(await branch({ messageId: "nowhere" })).toBe("store.conflict");
    expect(await branch({ messageId: "a-2" })).toBe("store.conflict");
    expect(await branch({ messageId: "a-1" })).toBe("kept");
    expect(await branch({ messageId: "q-1" })).toBe("store.conflict");
    expect(await said(harness, "branch-1")).toHaveLength(2);
  });
}

function describeBranchRecords(get: GetHarness): void {
  it("takes the storyline along, and its summary only where it tells of nothing later", async () => {
    const harness = get();
    const { sessions, storylines } = harness.stores;
    for (let n = 1; n <= 3; n++) await keepTurn(harness, n);
    await commit(harness, storylines.open(storyline));
    const summary = {
      id: "line-1",
      audience: storyline.audience,
      title: "Tea",
      summary: "They drank.",
      summaryTurnSeq: 3,
      at: 2,
    };
    await commit(harness, storylines.summarise(summary));

    await commit(harness, sessions.branch(branchOf({ messageId: "a-3" })));
    await commit(
      harness,
      sessions.branch(branchOf({ id: "b-2", key: "b-2", messageId: "a-1", storylineId: "line-2" })),
    );
    await commit(
      harness,
      sessions.branch(
        branchOf({ id: "b-3", key: "b-3", messageId: "q-1", isIncluded: false, storylineId: "line-3" }),
      ),
    );

    const lines = await Promise.all(
      ["branch-1", "b-2", "b-3"].map((id) => storylines.ofSession(id, options)),
    );
    expect(lines.map((line) => line && [line.title, line.summary, line.summaryTurnSeq])).toEqual([
      ["Tea", "They drank.", 3],
      ["Tea", "", 0],
      undefined,
    ]);
  });

  it("is found by search once, where it was said, and with what was said in the branch itself", async () => {
    const harness = get();
    await keepTurn(harness, 1, { question: "where is the teapot" });
    await commit(harness, harness.stores.sessions.branch(branchOf({ messageId: "a-1" })));
    await keepTurn(harness, 2, { sessionId: "branch-1", question: "another teapot" });

    expect((await found(harness, "teapot")).toSorted()).toEqual(["branch-1 q-2", "session-1 q-1"]);
  });
}

function describeRemoval(get: GetHarness): void {
  it("deletes a session with all that was said and done in it, and nothing of others", async () => {
    const harness = get();
    const { stores } = harness;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" }, text: "secret teapot" }));
    await commit(harness, stores.turns.finish(finished()), stores.storylines.open(storyline));
    await keepTurn(harness, 2, { sessionId: "session-2", question: "other teapot" });
    expect(await found(harness, "teapot")).toHaveLength(2);

    const removed = await result(harness, stores.sessions.remove("session-1"));

    expect(removed).toEqual({ messages: 1, turns: 1 });
    expect(await stores.sessions.get("session-1", options)).toBeUndefined();
    expect(await said(harness, "session-1")).toEqual([]);
    expect(await stores.storylines.ofSession("session-1", options)).toBeUndefined();
    expect(await stores.turns.get("turn-1", options)).toBeUndefined();
    expect(await stores.inbox.ofTurn("turn-1", options)).toEqual([]);
    expect(await found(harness, "teapot")).toEqual(["session-2 q-2"]);
    expect(await codeOf(commit(harness, stores.sessions.remove("session-1")))).toBe("store.conflict");
  });

  it("is found anew when it begins again, also where it had the newest messages", async () => {
    const harness = get();
    await keepTurn(harness, 1, { question: "old teapot" });
    await found(harness, "teapot");

    await commit(harness, harness.stores.sessions.remove("session-1"));
    await keepTurn(harness, 2, { question: "new kettle" });

    expect(await found(harness, "kettle")).toEqual(["session-1 q-2"]);
    expect(await found(harness, "teapot")).toEqual([]);
    expect(await said(harness, "session-1")).toEqual(["1/1 turn-2 new kettle", "2/1 turn-2 answer 2"]);
  });

  it("refuses while a turn waits or runs, or a reply is on its way, and keeps everything", async () => {
    const harness = get();
    const { stores } = harness;
    const remove = (): Promise<unknown> => codeOf(commit(harness, stores.sessions.remove("session-1")));
    await commit(harness, ...accepting(harness, 1));
    const whileQueued = await remove();
    await commit(harness, stores.turns.cancelQueued("turn-1", 1));
    await commit(
      harness,
      stores.outbox.put({
        ...{ id: "o-1", spaceId: SPACE, turnId: "turn-1", sessionId: "session-1", text: "hello" },
        ...{ address: { channel: "telegram", target: "1" }, createdAt: 1 },
      }),
    );

    expect(whileQueued).toBe("store.conflict");
    expect(await remove()).toBe("store.conflict");
    expect(await said(harness, "session-1")).toHaveLength(1);
  });
}

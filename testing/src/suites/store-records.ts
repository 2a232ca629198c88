import type { AgentSpec, KeyRecord, NewStoryline } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  commit,
  type GetHarness,
  keepTurn,
  options,
  result,
  SPACE,
  type StoreHarness,
  session,
  turn,
} from "./store-fixtures.ts";

export function describeRecords(get: GetHarness): void {
  describeKeys(get);
  describeProcesses(get);
  describeAgents(get);
  describeStorylines(get);
  describeReadersOfSummaries(get);
  describeLaterStorylines(get);
  describeTurnsOfStorylines(get);
  describeLatestTurns(get);
  describeCompactions(get);
}

function describeKeys(get: GetHarness): void {
  it("finds a key by its hash, revoked or not, and revokes once", async () => {
    const harness = get();
    const { keys } = harness.stores;
    const key: KeyRecord = {
      id: "k",
      spaceId: SPACE,
      name: "laptop",
      kind: "key",
      hash: "ab12",
      hint: "trp_ab",
      createdAt: 1,
      revokedAt: undefined,
    };
    await commit(harness, keys.put(key), keys.put({ ...key, id: "k2", hash: "cd34", spaceId: "other" }));

    const found = await keys.findByHash("ab12", options);
    await commit(harness, keys.revoke("k", 50));
    await commit(harness, keys.revoke("k", 60));

    expect(found).toEqual(key);
    expect(await keys.findByHash("ab12", options)).toEqual({ ...key, revokedAt: 50 });
    expect(await keys.findByHash("none", options)).toBeUndefined();
    expect((await keys.list(SPACE, options)).map(({ id }) => id)).toEqual(["k"]);
  });
}

function describeProcesses(get: GetHarness): void {
  it("lists every process that is known, and tells which of them still holds its lease", async () => {
    const harness = get();
    const { leases } = harness.stores;
    const before = (await leases.list(options)).map(({ id }) => id);
    await commit(harness, leases.register({ id: "brief", pid: 7, role: "serve", leaseMs: 20 }));
    await commit(harness, leases.register({ id: "long", pid: 8, role: "command", leaseMs: 60_000 }));
    await harness.pass(30);
    const known = (await leases.list(options)).filter(({ id }) => !before.includes(id));

    expect(known).toEqual([
      { id: "long", pid: 8, role: "command", leaseUntil: expect.any(Number), isAlive: true },
      { id: "brief", pid: 7, role: "serve", leaseUntil: expect.any(Number), isAlive: false },
    ]);
  });
}

function describeAgents(get: GetHarness): void {
  it("raises the revision when a blueprint changes, and only then, whatever the order of its keys", async () => {
    const harness = get();
    const { agents } = harness.stores;
    const spec: AgentSpec = { id: "ana", name: "Ana", model: "default", instructions: "Help." };
    const reordered = { instructions: "Help.", model: "default", name: "Ana", id: "ana" };
    const put = (one: AgentSpec) => result(harness, agents.put(SPACE, one, 5));

    const revisions = [
      await put(spec),
      await put(reordered),
      await put({ ...spec, instructions: "Help briefly." }),
    ];
    await commit(harness, agents.retire(SPACE, "ana", 9));
    const retired = await agents.list(SPACE, options);
    const back = await put({ ...spec, instructions: "Help briefly." });

    expect(revisions.map(({ revision }) => revision)).toEqual([1, 1, 2]);
    expect([retired, back.revision]).toEqual([[], 2]);
    expect(await agents.list(SPACE, options)).toEqual([
      { spaceId: SPACE, revision: 2, spec: { ...spec, instructions: "Help briefly." } },
    ]);
  });
}

function describeStorylines(get: GetHarness): void {
  it("opens a storyline once, and an older summary never replaces a newer one", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    const line = {
      id: "l-1",
      spaceId: SPACE,
      agentId: "ana",
      sessionId: "session-1",
      audience: ["peer-1"],
      title: "Tea",
      updatedAt: 1,
    };
    await commit(harness, storylines.open(line), storylines.open({ ...line, id: "l-2", title: "Coffee" }));

    await commit(
      harness,
      storylines.summarise({
        id: "l-1",
        audience: ["peer-1"],
        title: "Green tea",
        summary: "They like it.",
        summaryTurnSeq: 9,
        at: 5,
      }),
    );
    await commit(
      harness,
      storylines.summarise({
        id: "l-1",
        audience: ["peer-1"],
        title: "Old",
        summary: "Old.",
        summaryTurnSeq: 4,
        at: 6,
      }),
    );

    expect(await storylines.ofSession("session-1", options)).toEqual({
      ...line,
      title: "Green tea",
      summary: "They like it.",
      summaryTurnSeq: 9,
      updatedAt: 5,
    });
    expect(await storylines.ofSession("session-2", options)).toBeUndefined();
  });
}

function describeReadersOfSummaries(get: GetHarness): void {
  it("keeps who may know a summary, and a name only while nobody new may know it", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    const summary = { id: "first", title: "Tea", summary: "They drank." };
    await commit(harness, storylines.open(begun("first", { audience: ["kate", "max", "zoe"] })));
    await commit(harness, storylines.rename({ id: "first", name: "Tea with Zoe", at: 2 }));

    await commit(
      harness,
      storylines.summarise({ ...summary, audience: ["kate", "max"], summaryTurnSeq: 3, at: 3 }),
    );
    const narrowed = await storylines.get("first", options);
    await commit(
      harness,
      storylines.summarise({ ...summary, audience: ["ben", "kate"], summaryTurnSeq: 2, at: 4 }),
    );
    const unchanged = await storylines.get("first", options);
    await commit(
      harness,
      storylines.summarise({ ...summary, audience: ["ben", "kate"], summaryTurnSeq: 5, at: 5 }),
    );
    const begunAnew = await storylines.get("first", options);

    expect(narrowed).toMatchObject({ title: "Tea with Zoe", audience: ["kate", "max"] });
    expect(unchanged).toEqual(narrowed);
    expect(begunAnew).toMatchObject({ title: "Tea", audience: ["ben", "kate"] });
  });
}

function begun(id: string, over: Partial<NewStoryline> = {}): NewStoryline {
  return {
    ...{ id, spaceId: SPACE, agentId: "ana", sessionId: "session-1", peerId: "peer-1" },
    ...{ audience: ["peer-1"], title: id, updatedAt: 1, ...over },
  };
}

function describeLaterStorylines(get: GetHarness): void {
  it("keeps storylines that begin after a session's first, and lists a peer's by when they were talked of", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    await commit(
      harness,
      storylines.open(begun("first")),
      storylines.open(begun("second", { laterId: "second", updatedAt: 2 })),
      storylines.open(begun("second", { laterId: "second", title: "Again", updatedAt: 9 })),
      storylines.open(begun("other", { sessionId: "session-2", peerId: "peer-2", updatedAt: 3 })),
    );
    await commit(harness, storylines.touch({ id: "first", at: 7 }));
    await commit(harness, storylines.rename({ id: "second", name: "Called so", at: 8 }));
    await commit(
      harness,
      storylines.summarise({
        id: "second",
        audience: ["peer-1"],
        title: "Its own",
        summary: "S.",
        summaryTurnSeq: 1,
        at: 9,
      }),
    );

    const query = { spaceId: SPACE, agentId: "ana", peerId: "peer-1", limit: 5 };
    expect(
      (await storylines.ofPeer(query, options)).map(({ id, title, sessionId }) => [id, title, sessionId]),
    ).toEqual([
      ["second", "Called so", "session-1"],
      ["first", "first", "session-1"],
    ]);
    expect((await storylines.ofSession("session-1", options))?.id).toBe("first");
    const page = await storylines.list({ spaceId: SPACE, limit: 2 }, options);
    const rest = await storylines.list({ spaceId: SPACE, limit: 2, cursor: String(page.next) }, options);
    expect([...page.items, ...rest.items].map(({ id }) => id)).toEqual(["second", "first", "other"]);
  });
}

function describeTurnsOfStorylines(get: GetHarness): void {
  it("keeps where turns belong, and merges storylines with their turns", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    await commit(
      harness,
      storylines.open(begun("first")),
      storylines.open(begun("second", { laterId: "second" })),
      storylines.open(begun("third", { laterId: "third" })),
    );
    const turn = { sessionId: "session-1", sideIds: ["first"], at: 4 };
    await commit(
      harness,
      storylines.placeTurn({ ...turn, turnId: "t-3", turnSeq: 3, storylineId: "second" }),
      storylines.placeTurn({ ...turn, turnId: "t-5", turnSeq: 5, storylineId: "third" }),
      storylines.placeTurn({ ...turn, turnId: "t-5", turnSeq: 5, storylineId: "second" }),
    );

    expect(await storylines.placedIn("session-1", 4, options)).toEqual([
      { turnSeq: 5, storylineId: "second", title: "second", audience: ["peer-1"] },
    ]);
    expect((await storylines.turnsOf("second", 5, options)).map(({ turnId }) => turnId)).toEqual([
      "t-5",
      "t-3",
    ]);
    // Only turns that there are change hands; those of this test are in nobody's list.
    await commit(
      harness,
      storylines.reassign({ from: "second", to: "third" }),
      storylines.reassign({ from: "second", to: "third", turnId: "t-3" }),
      storylines.reassign({ from: "second", to: "third", fromTurn: { sessionId: "session-1", turnSeq: 3 } }),
      storylines.merge({ id: "second", into: "third", at: 6 }),
    );
    expect(await storylines.turnsOf("third", 5, options)).toEqual([]);
    expect((await storylines.get("second", options))?.mergedInto).toBe("third");
    const { items } = await storylines.list({ spaceId: SPACE, agentId: "ana" }, options);
    expect(items.map(({ id }) => id).sort()).toEqual(["first", "third"]);
    expect(await storylines.get("none", options)).toBeUndefined();
  });
}

/** Turns of a session one after the other, each made by a touch of it. */
async function openTurns(harness: StoreHarness, sessionId: string, ids: readonly string[]): Promise<void> {
  const { sessions, turns } = harness.stores;
  for (const [n, id] of ids.entries())
    await commit(
      harness,
      sessions.touch(session({ id: sessionId, key: sessionId })),
      turns.open(turn({ id, sessionId, createdAt: 10 + n })),
    );
}

function describeLatestTurns(get: GetHarness): void {
  it("gives the latest turns of a storyline: of its own conversation, without those placed elsewhere, and of others", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    await commit(
      harness,
      storylines.open(begun("first")),
      storylines.open(begun("second", { laterId: "second" })),
    );
    await openTurns(harness, "session-1", ["a-1", "a-2", "a-3", "a-4"]);
    await openTurns(harness, "session-2", ["b-1", "b-2"]);
    const placed = { sideIds: [], at: 0 };
    await commit(
      harness,
      storylines.placeTurn({
        ...placed,
        turnId: "a-4",
        storylineId: "second",
        sessionId: "session-1",
        turnSeq: 4,
      }),
      storylines.placeTurn({
        ...placed,
        turnId: "b-2",
        storylineId: "first",
        sessionId: "session-2",
        turnSeq: 2,
        at: 11,
      }),
    );

    const turns = await storylines.turnsOf("first", 3, options);
    expect(turns).toEqual([
      { turnId: "a-3", sessionId: "session-1", at: 12 },
      { turnId: "b-2", sessionId: "session-2", at: 11 },
      { turnId: "a-2", sessionId: "session-1", at: 11 },
    ]);
    expect(await storylines.turnsOf("first", 1, options)).toEqual(turns.slice(0, 1));
    expect((await storylines.turnsOf("first", 9, options)).map(({ turnId }) => turnId)).toEqual([
      "a-3",
      "b-2",
      "a-2",
      "a-1",
    ]);
    expect((await storylines.turnsOf("second", 9, options)).map(({ turnId }) => turnId)).toEqual(["a-4"]);
  });
}

function describeCompactions(get: GetHarness): void {
  it("keeps what prompts show in place of older turns, the newest alone, and none of a session that is gone", async () => {
    const harness = get();
    const { storylines, sessions } = harness.stores;
    await keepTurn(harness, 1);
    const about = { sessionId: "session-1", storylineId: "line-1", audience: ["peer-1"], at: 5 };

    await commit(harness, storylines.compact({ ...about, uptoTurnSeq: 9, summary: "newer" }));
    await commit(harness, storylines.compact({ ...about, uptoTurnSeq: 3, summary: "older" }));
    await commit(
      harness,
      storylines.compact({ ...about, sessionId: "none", uptoTurnSeq: 3, summary: "lost" }),
    );

    expect(await storylines.compactions("session-1", options)).toEqual([
      { ...about, uptoTurnSeq: 9, summary: "newer" },
    ]);
    expect(await storylines.compactions("none", options)).toEqual([]);
    await commit(harness, sessions.remove("session-1"));
    expect(await storylines.compactions("session-1", options)).toEqual([]);
  });

  it("finds the first turn of a session that has work of some kinds still to be done", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, ...accepting(harness, 1));
    const of = { sessionId: "session-1", kinds: ["memory.learn"], toTurnSeq: 5 };
    const work = {
      ...{ spaceId: SPACE, v: 1, lane: "background" as const, turnId: "turn-1" },
      ...{ sessionId: "session-1", payload: {}, createdAt: 1 },
    };
    await commit(harness, effects.put({ ...work, id: "e-1", kind: "other" }));
    expect(await effects.firstOpenTurn(of, options)).toBeUndefined();

    await commit(harness, effects.put({ ...work, id: "e-2", kind: "memory.learn" }));

    expect(await effects.firstOpenTurn(of, options)).toBe(1);
    expect(await effects.firstOpenTurn({ ...of, toTurnSeq: 0 }, options)).toBeUndefined();
    expect(await effects.firstOpenTurn({ ...of, sessionId: "session-2" }, options)).toBeUndefined();
  });
}

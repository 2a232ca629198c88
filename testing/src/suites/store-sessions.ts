import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  finished,
  type GetHarness,
  keepTurn,
  message,
  options,
  result,
  session,
} from "./store-fixtures.ts";

const EVERYTHING = {
  sessionId: "session-1",
  beforeTurnSeq: Number.MAX_SAFE_INTEGER,
  maxMessages: 100,
  maxBytes: 1_000_000,
} as const;

export function describeSessions(get: GetHarness): void {
  describeSessionRows(get);
  describeLists(get);
  describeMessagePages(get);
  describeHistory(get);
  describeOutcomes(get);
}

function describeSessionRows(get: GetHarness): void {
  it("creates a session once and resumes it afterwards", async () => {
    const harness = get();
    const { touch } = harness.stores.sessions;

    const first = await result(harness, touch(session({ at: 100 })));
    const second = await result(harness, touch(session({ at: 200, count: 3 })));

    expect([first, second]).toEqual([
      { lastSeq: 1, created: true },
      { lastSeq: 4, created: false },
    ]);
    expect(await harness.stores.sessions.get("session-1", options)).toEqual({
      id: "session-1",
      spaceId: "default",
      agentId: "ana",
      channel: "api",
      key: "key of session-1",
      peerId: "peer-1",
      ownerId: "key-1",
      audience: ["peer-1"],
      stateless: false,
      lastSeq: 4,
      createdAt: 100,
      updatedAt: 200,
    });
  });

  it("gives messages back byte for byte, whatever their script", async () => {
    const harness = get();
    const text = 'Привіт, їжачку! 🦔 \u0000 \ud7ff " \\ 日本語\nñ';
    const call = { type: "tool-call", callId: "c-1", name: "dice", arguments: '{ "sides" : 6 }' } as const;
    const parts = [
      { type: "text", text } as const,
      call,
      { type: "tool-result", callId: "c-1", name: "dice", text: "4" } as const,
    ];

    await commit(
      harness,
      harness.stores.sessions.touch(session()),
      harness.stores.sessions.append(message({ id: "m-1", parts })),
    );
    const page = await harness.stores.sessions.messages({ sessionId: "session-1" }, options);

    expect(page.items.map((one) => one.parts)).toEqual([parts]);
  });

  it("refuses a message for a session that does not exist", async () => {
    const harness = get();
    const append = harness.stores.sessions.append(message({ id: "m-1" }));

    expect(await codeOf(commit(harness, append))).toBe("store.conflict");
  });
}

function describeLists(get: GetHarness): void {
  it("lists sessions newest first in pages, each once, with title and number of turns", async () => {
    const harness = get();
    const { stores } = harness;
    for (let n = 1; n <= 5; n++)
      await commit(harness, stores.sessions.touch(session({ id: `s-${n}`, at: n < 4 ? 100 : n * 100 })));
    await commit(harness, ...accepting(harness, 1, { sessionId: "s-1" }));
    await commit(
      harness,
      stores.storylines.open({
        id: "line",
        spaceId: "default",
        agentId: "ana",
        sessionId: "s-1",
        audience: ["peer-1"],
        title: "Tea",
        updatedAt: 1,
      }),
    );

    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await stores.sessions.list(
        { spaceId: "default", limit: 2, ...(cursor === undefined ? {} : { cursor }) },
        options,
      );
      seen.push(...page.items.map(({ id, title, turns }) => `${id} ${title} ${turns}`));
      cursor = page.next;
    } while (cursor !== undefined);

    expect(seen).toEqual(["s-1 Tea 1", "s-5  0", "s-4  0", "s-3  0", "s-2  0"]);
  });

  it("lists by space, owner and agent, and stateless sessions only when asked", async () => {
    const harness = get();
    const { touch, list } = harness.stores.sessions;
    await commit(
      harness,
      touch(session({ id: "mine" })),
      touch(session({ id: "yours", ownerId: "key-2" })),
      touch(session({ id: "bob's", agentId: "bob" })),
      touch(session({ id: "elsewhere", spaceId: "other" })),
      touch(session({ id: "once", stateless: true })),
    );
    const idsOf = async (query: object): Promise<string[]> =>
      (await list({ spaceId: "default", ...query }, options)).items.map(({ id }) => id).toSorted();

    expect(await idsOf({})).toEqual(["bob's", "mine", "yours"]);
    expect(await idsOf({ ownerId: "key-2" })).toEqual(["yours"]);
    expect(await idsOf({ agentId: "bob" })).toEqual(["bob's"]);
    expect(await idsOf({ includeStateless: true })).toEqual(["bob's", "mine", "once", "yours"]);
  });
}

function describeMessagePages(get: GetHarness): void {
  it("pages messages from either end", async () => {
    const harness = get();
    const { stores } = harness;
    for (let n = 1; n <= 5; n++)
      await commit(
        harness,
        stores.sessions.touch(session()),
        stores.sessions.append(message({ id: `m-${n}` })),
      );
    const query = { sessionId: "session-1", limit: 2 } as const;

    const first = await stores.sessions.messages(query, options);
    const second = await stores.sessions.messages({ ...query, cursor: String(first.next) }, options);
    const newest = await stores.sessions.messages({ ...query, newest: true }, options);
    const older = await stores.sessions.messages(
      { ...query, newest: true, limit: 3, cursor: String(newest.next) },
      options,
    );

    const seqs = [first, second, newest, older].map(({ items }) => items.map(({ seq }) => seq));
    expect(seqs).toEqual([
      [1, 2],
      [3, 4],
      [5, 4],
      [3, 2, 1],
    ]);
    expect(older.next).toBeUndefined();
  });

  it("refuses a cursor that is none", async () => {
    const { stores } = get();

    expect(await codeOf(stores.sessions.messages({ sessionId: "session-1", cursor: "soon" }, options))).toBe(
      "request.invalid",
    );
    expect(await codeOf(stores.sessions.list({ spaceId: "default", cursor: "soon" }, options))).toBe(
      "request.invalid",
    );
  });
}

function describeHistory(get: GetHarness): void {
  it("gives whole turns, oldest first, by turn and then by seq, also when answers come late", async () => {
    const harness = get();
    const { touch, append } = harness.stores.sessions;
    const ok = { outcome: "ok" } as const;
    await commit(harness, touch(session()), append(message({ id: "q1", turnId: "t1", ...ok })));
    await commit(harness, touch(session()), append(message({ id: "q2", turnId: "t2", ...ok })));
    await commit(
      harness,
      touch(session()),
      append(message({ id: "a1", turnId: "t1", turnSeq: 1, role: "assistant", ...ok })),
    );
    await commit(
      harness,
      touch(session()),
      append(message({ id: "a2", turnId: "t2", turnSeq: 2, role: "assistant", ...ok })),
    );

    const all = await harness.stores.sessions.history(EVERYTHING, options);
    const before = await harness.stores.sessions.history({ ...EVERYTHING, beforeTurnSeq: 2 }, options);

    expect(all.map(({ id }) => id)).toEqual(["q1", "a1", "q2", "a2"]);
    expect(before.map(({ id }) => id)).toEqual(["q1", "a1"]);
  });

  it("cuts at a turn, never inside one, by messages and by bytes", async () => {
    const harness = get();
    for (let n = 1; n <= 4; n++) await keepTurn(harness, n);
    const bytes =
      JSON.stringify([{ type: "text", text: "question 1" }]).length +
      JSON.stringify([{ type: "text", text: "answer 1" }]).length;
    const idsOf = async (change: object): Promise<string[]> =>
      (await harness.stores.sessions.history({ ...EVERYTHING, ...change }, options)).map(({ id }) => id);

    expect(await idsOf({ maxMessages: 4 })).toEqual(["q-3", "a-3", "q-4", "a-4"]);
    expect(await idsOf({ maxMessages: 5 })).toEqual(["q-3", "a-3", "q-4", "a-4"]);
    expect(await idsOf({ maxMessages: 1 })).toEqual([]);
    expect(await idsOf({ maxBytes: bytes })).toEqual(["q-4", "a-4"]);
    expect(await idsOf({ maxBytes: 2 * bytes - 1 })).toEqual(["q-4", "a-4"]);
    expect(await idsOf({ maxBytes: 2 * bytes })).toEqual(["q-3", "a-3", "q-4", "a-4"]);
  });
}

function describeOutcomes(get: GetHarness): void {
  it("leaves out notices and messages of later turns, and keeps failed ones", async () => {
    const harness = get();
    const { touch, append } = harness.stores.sessions;
    await keepTurn(harness, 1, { outcome: "failed" });
    await commit(
      harness,
      touch(session({ count: 2 })),
      append(message({ id: "notice", role: "notice", turnSeq: 1, outcome: "failed", fromLast: 1 })),
      append(message({ id: "later" })),
    );

    const history = await harness.stores.sessions.history({ ...EVERYTHING, beforeTurnSeq: 3 }, options);

    expect(history.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(["q-1 failed", "a-1 failed"]);
  });

  it("shows the messages of a turn as it ended", async () => {
    const harness = get();
    const { stores } = harness;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, ...accepting(harness, 2));

    await commit(harness, stores.turns.finish(finished()), stores.turns.markMessages("turn-1", "cancelled"));

    const { items } = await stores.sessions.messages({ sessionId: "session-1" }, options);
    expect(items.map(({ outcome }) => outcome)).toEqual(["cancelled", "ok"]);
  });
}

import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  type GetHarness,
  inboundRow,
  OWNER,
  options,
  SPACE,
  session,
} from "./store-fixtures.ts";

/** Inbound rows, and turns as lists show them. */
export function describeInboxAndLists(get: GetHarness): void {
  describeInbox(get);
  describeInboxEnds(get);
  describeTurnLists(get);
}

function describeInbox(get: GetHarness): void {
  it("knows a platform's message again, for the same space, channel and principal only", async () => {
    const harness = get();
    const { inbox } = harness.stores;
    await commit(harness, inbox.accept(inboundRow({ platformId: "p" })));
    const accept = (change: object): Promise<unknown> =>
      codeOf(
        commit(harness, inbox.accept(inboundRow({ id: "x", turnId: "t-x", platformId: "p", ...change }))),
      );

    expect(await accept({})).toBe("store.duplicate");
    expect(await accept({ channel: "telegram" })).toBe("kept");
    expect(await accept({ principalId: "key-2" })).toBe("kept");
    expect(await accept({ spaceId: "other" })).toBe("kept");
    expect(await accept({ platformId: undefined })).toBe("kept");
    expect(await accept({ platformId: undefined })).toBe("kept");
  });

  it("finds a message by platform id or by the hash of its request, newest first", async () => {
    const harness = get();
    const { inbox } = harness.stores;
    const by = { spaceId: SPACE, principalId: OWNER };
    await commit(
      harness,
      inbox.accept(
        inboundRow({ id: "a", turnId: "t-a", platformId: "p", requestHash: "h", acceptedAt: 100 }),
      ),
    );
    await commit(
      harness,
      inbox.accept(inboundRow({ id: "b", turnId: "t-b", requestHash: "h", acceptedAt: 200 })),
    );

    const found = [
      await inbox.find({ ...by, channel: "api", platformId: "p" }, options),
      await inbox.find({ ...by, requestHash: "h", since: 150 }, options),
      await inbox.find({ ...by, requestHash: "h", since: 250 }, options),
      await inbox.find({ ...by, principalId: "key-2", requestHash: "h", since: 0 }, options),
    ];

    expect(found.map((one) => one?.id)).toEqual(["a", "b", undefined, undefined]);
    expect(found[0]).toEqual({
      ...inboundRow({ id: "a", turnId: "t-a", platformId: "p", requestHash: "h", acceptedAt: 100 }),
      state: "accepted",
      reason: undefined,
      endedAt: undefined,
    });
  });
}

function describeInboxEnds(get: GetHarness): void {
  it("ends the first row of a turn as replied and the others as merged, once", async () => {
    const harness = get();
    const { inbox } = harness.stores;
    for (const id of ["z", "a", "m"]) await commit(harness, inbox.accept(inboundRow({ id })));

    await commit(harness, inbox.end("turn-1", "replied", 50));
    await commit(harness, inbox.end("turn-1", "dead", 60, "late"));

    const rows = await inbox.ofTurn("turn-1", options);
    expect(rows.map(({ id, state, endedAt }) => [id, state, endedAt])).toEqual([
      ["z", "replied", 50],
      ["a", "merged", 50],
      ["m", "merged", 50],
    ]);
  });

  it("counts rows by state, refused ones included, and tells how long the oldest waits", async () => {
    const harness = get();
    const { inbox } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { inbound: { acceptedAt: 300 } }));
    await commit(harness, inbox.accept(inboundRow({ id: "b", acceptedAt: 400 })));
    await commit(
      harness,
      inbox.accept(inboundRow({ id: "c", turnId: "turn-2", acceptedAt: 100 })),
      inbox.end("turn-2", "failed", 500, "model gone"),
    );
    await commit(
      harness,
      inbox.refuse({ ...inboundRow({ id: "d", platformId: "again" }), reason: "rate.limited" }),
    );

    expect(await inbox.counts(SPACE, options)).toEqual({
      states: { accepted: 2, failed: 1, refused: 1 },
      oldestAcceptedAt: 300,
    });
    expect(
      await codeOf(
        commit(harness, inbox.accept(inboundRow({ id: "e", turnId: "turn-3", platformId: "again" }))),
      ),
    ).toBe("kept");
  });
}

function describeTurnLists(get: GetHarness): void {
  it("lists turns newest first by space, owner, session and state, in pages", async () => {
    const harness = get();
    const { turns, sessions } = harness.stores;
    for (let n = 1; n <= 3; n++) await commit(harness, ...accepting(harness, n));
    await commit(harness, sessions.touch(session({ id: "s-2", ownerId: "key-2" })));
    await commit(harness, ...accepting(harness, 4, { sessionId: "s-2" }));
    await commit(harness, turns.cancelQueued("turn-2", 5));
    const idsOf = async (query: object): Promise<string[]> =>
      (await turns.list({ spaceId: SPACE, ...query }, options)).items.map(({ id }) => id);

    expect(await idsOf({})).toEqual(["turn-4", "turn-3", "turn-2", "turn-1"]);
    expect(await idsOf({ sessionId: "session-1" })).toEqual(["turn-3", "turn-2", "turn-1"]);
    expect(await idsOf({ ownerId: "key-2" })).toEqual(["turn-4"]);
    expect(await idsOf({ states: ["cancelled"] })).toEqual(["turn-2"]);
    expect(await idsOf({ states: ["queued"] })).toEqual(["turn-4", "turn-3", "turn-1"]);
    expect(await idsOf({ states: ["queued", "cancelled"], sessionId: "session-1" })).toEqual([
      "turn-3",
      "turn-2",
      "turn-1",
    ]);
    expect(await idsOf({ spaceId: "other" })).toEqual([]);
    const first = await turns.list({ spaceId: SPACE, limit: 3 }, options);
    const second = await turns.list({ spaceId: SPACE, limit: 3, cursor: String(first.next) }, options);
    expect([first.items.length, second.items.map(({ id }) => id), second.next]).toEqual([
      3,
      ["turn-1"],
      undefined,
    ]);
  });

  it("finds what a turn asked for, and the whole chain that it began", async () => {
    const harness = get();
    const { turns } = harness.stores;
    const cause = (parentTurnId: string, depth: number) => ({
      payload: { cause: { rootTurnId: "turn-1", parentTurnId, depth } },
    });
    await commit(harness, ...accepting(harness, 1));
    await commit(harness, ...accepting(harness, 2, { turn: cause("turn-1", 1) }));
    await commit(harness, ...accepting(harness, 3, { turn: cause("turn-2", 2) }));
    await commit(harness, ...accepting(harness, 4, { turn: cause("turn-1", 1) }));
    await commit(harness, turns.cancelQueued("turn-3", 5));
    const idsOf = async (query: object): Promise<string[]> =>
      (await turns.list({ spaceId: SPACE, ...query }, options)).items.map(({ id }) => id);

    expect(await idsOf({ parentTurnId: "turn-1" })).toEqual(["turn-4", "turn-2"]);
    expect(await idsOf({ rootTurnId: "turn-1" })).toEqual(["turn-4", "turn-3", "turn-2"]);
    expect(await idsOf({ rootTurnId: "turn-1", states: ["queued"] })).toEqual(["turn-4", "turn-2"]);
    expect(await idsOf({ parentTurnId: "turn-3" })).toEqual([]);
    expect((await turns.get("turn-3", options))?.payload.cause).toEqual(cause("turn-2", 2).payload.cause);
  });
}

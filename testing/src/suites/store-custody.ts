import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  finished,
  type GetHarness,
  inboundRow,
  message,
  OWNER,
  options,
  result,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";

const LEASE_MS = 60_000;

async function claim(harness: StoreHarness, owner: string, change: object = {}): Promise<readonly string[]> {
  const claimed = await result(harness, harness.stores.turns.claim({ owner, limit: 10, ...change }));
  return claimed.map(({ turn }) => turn.id);
}

async function register(harness: StoreHarness, ...ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await commit(harness, harness.stores.leases.register({ id, pid: 1, role: "all", leaseMs: LEASE_MS }));
}

export function describeCustody(get: GetHarness): void {
  describeOpening(get);
  describeClaims(get);
  describeClaimed(get);
  describeTakeover(get);
  describeFencing(get);
  describeEndings(get);
  describeJournal(get);
  describeCancelling(get);
}

function describeOpening(get: GetHarness): void {
  it("opens a turn running only for an owner and only in a session that is idle", async () => {
    const harness = get();
    await register(harness, "p-1");
    const states: string[] = [];
    const open = async (n: number, change: object): Promise<void> => {
      const writes = accepting(harness, n, change);
      const opened = (await commit(harness, ...writes)).read(
        writes[3] as ReturnType<typeof harness.stores.turns.open>,
      );
      states.push(`${opened.state} ${opened.epoch}`);
    };

    await open(1, { turn: { owner: "p-1" } });
    await open(2, { turn: { owner: "p-1" } });
    await open(3, { sessionId: "session-2" });
    await open(4, { sessionId: "session-2", turn: { owner: "p-1" } });
    await open(5, { sessionId: "session-3", turn: { owner: "p-1" } });

    expect(states).toEqual(["running 1", "queued 0", "queued 0", "queued 0", "running 1"]);
    const turn = await harness.stores.turns.get("turn-2", options);
    expect(turn).toMatchObject({
      turnSeq: 2,
      attempt: 0,
      owner: undefined,
      inboundCount: 1,
      state: "queued",
    });
  });

  it("lets a message join a turn only while it is in the state and epoch that were seen", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(
      harness,
      ...accepting(harness, 2, { sessionId: "session-2", turn: { dueAt: harness.now() } }),
    );

    const codes = [
      await codeOf(commit(harness, turns.join({ id: "turn-1", state: "running", epoch: 1 }))),
      await codeOf(commit(harness, turns.join({ id: "turn-1", state: "running", epoch: 2 }))),
      await codeOf(commit(harness, turns.join({ id: "turn-1", state: "queued" }))),
      await codeOf(commit(harness, turns.join({ id: "turn-2", state: "queued", dueAt: 9_000_000_000_000 }))),
    ];

    expect(codes).toEqual(["kept", "store.conflict", "store.conflict", "kept"]);
    expect((await turns.get("turn-1", options))?.inboundCount).toBe(2);
    expect(await turns.nextDue(options)).toBe(9_000_000_000_000);
  });
}

function describeClaims(get: GetHarness): void {
  it("claims the first due turn of each idle session, realtime before background before heavy, oldest first", async () => {
    const harness = get();
    const now = harness.now();
    await register(harness, "p-1");
    await commit(
      harness,
      ...accepting(harness, 1, { sessionId: "s-1", turn: { lane: "heavy", dueAt: now - 9 } }),
    );
    await commit(
      harness,
      ...accepting(harness, 2, { sessionId: "s-2", turn: { lane: "background", dueAt: now - 8 } }),
    );
    await commit(harness, ...accepting(harness, 3, { sessionId: "s-3", turn: { dueAt: now - 1 } }));
    await commit(harness, ...accepting(harness, 4, { sessionId: "s-3", turn: { dueAt: now - 7 } }));
    await commit(harness, ...accepting(harness, 5, { sessionId: "s-5", turn: { dueAt: now - 5 } }));
    await commit(harness, ...accepting(harness, 6, { sessionId: "s-6", turn: { dueAt: now + LEASE_MS } }));
    await commit(
      harness,
      ...accepting(harness, 7, { sessionId: "s-7", turn: { owner: "p-1", dueAt: now - 9 } }),
    );
    await commit(harness, ...accepting(harness, 8, { sessionId: "s-7", turn: { dueAt: now - 9 } }));

    const two = await claim(harness, "p-1", { limit: 2 });
    const heavy = await claim(harness, "p-1", { lane: "heavy" });
    const rest = await claim(harness, "p-1");
    const none = await claim(harness, "p-1");

    expect({ two, heavy, rest, none }).toEqual({
      two: ["turn-5", "turn-3"],
      heavy: ["turn-1"],
      rest: ["turn-2"],
      none: [],
    });
  });

  it("claims the next turn of a session when the one before has ended, also when asked for that session alone", async () => {
    const harness = get();
    await register(harness, "p-1");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, ...accepting(harness, 2));
    await commit(harness, ...accepting(harness, 3, { sessionId: "session-2" }));

    const busy = await claim(harness, "p-1", { sessionId: "session-1" });
    await commit(harness, harness.stores.turns.finish(finished()));
    const next = await claim(harness, "p-1", { sessionId: "session-1" });

    expect([busy, next]).toEqual([[], ["turn-2"]]);
  });
}

function describeClaimed(get: GetHarness): void {
  it("gives all that running a turn needs, in the order of arrival", async () => {
    const harness = get();
    const { stores } = harness;
    const replyTo = { channel: "telegram", target: "chat 7" };
    await commit(
      harness,
      ...accepting(harness, 1, {
        inbound: { replyTo, principalKind: "channel" },
        turn: { payload: { instructions: "Be brief." } },
      }),
    );
    await commit(
      harness,
      stores.sessions.touch(session()),
      stores.sessions.append(message({ id: "joined", turnId: "turn-1", turnSeq: 1 })),
      stores.inbox.accept(
        inboundRow({ id: "second", turnId: "turn-1", replyTo: { channel: "telegram", target: "chat 8" } }),
      ),
      stores.turns.join({ id: "turn-1", state: "queued" }),
    );

    const [claimed] = await result(harness, stores.turns.claim({ owner: "p-1", limit: 1 }));

    expect(claimed?.turn).toMatchObject({
      id: "turn-1",
      state: "running",
      epoch: 1,
      attempt: 1,
      owner: "p-1",
      inboundCount: 2,
      payload: { instructions: "Be brief." },
    });
    expect(claimed?.inbound.map(({ id }) => id)).toEqual(["message-1", "joined"]);
    expect(claimed?.inbound).toEqual(await stores.turns.inbound("turn-1", options));
    expect(claimed).toMatchObject({
      replyTo,
      isTakeover: false,
      principal: { spaceId: SPACE, kind: "channel", id: OWNER },
    });
    expect(claimed?.session).toEqual({
      id: "session-1",
      agentId: "ana",
      channel: "api",
      key: "key of session-1",
      peerId: "peer-1",
      ownerId: OWNER,
      audience: ["peer-1"],
      stateless: false,
      isNew: true,
    });
  });

  it("tells the earliest time at which a queued turn could start", async () => {
    const harness = get();
    const { nextDue } = harness.stores.turns;
    const far = 9_000_000_000_000;
    const none = await nextDue(options);
    await commit(harness, ...accepting(harness, 1, { turn: { dueAt: far + 2, lane: "heavy" } }));
    await commit(harness, ...accepting(harness, 2, { turn: { dueAt: far } }));
    await commit(harness, ...accepting(harness, 3, { sessionId: "s-3", turn: { dueAt: far + 5 } }));

    expect([none, await nextDue(options)]).toEqual([undefined, far + 2]);
  });
}

function describeTakeover(get: GetHarness): void {
  it("takes a turn over when the lease of its owner has ended, says so in the trace, and replays its journal", async () => {
    const harness = get();
    const { turns, leases } = harness.stores;
    await register(harness, "p-1", "p-2");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    const step = { kind: "intent", n: 1, at: 5, callId: "c-1", tool: "mail" } as const;
    await commit(harness, turns.journal({ id: "turn-1", epoch: 1 }, step));

    const early = await claim(harness, "p-2");
    await commit(harness, leases.end("p-1"));
    const [taken] = await result(harness, turns.claim({ owner: "p-2", limit: 10 }));
    const again = await claim(harness, "p-2");

    expect([early, again]).toEqual([[], []]);
    expect(taken).toMatchObject({ isTakeover: true, turn: { owner: "p-2", epoch: 2, attempt: 2 } });
    expect(taken?.turn.trace.map(({ what, detail }) => [what, detail])).toEqual([
      ["crash", "the lease of process p-1 ended"],
    ]);
    expect(await turns.steps("turn-1", options)).toEqual([step]);
  });

  it("ends a lease by the database's clock, and a renewal keeps it", async () => {
    const harness = get();
    const { leases } = harness.stores;
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 50 }));
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, leases.renew("p-1", LEASE_MS));
    await harness.pass(60);
    const renewed = await claim(harness, "p-2");
    await commit(harness, leases.renew("p-1", 20));
    await harness.pass(30);

    expect([renewed, await claim(harness, "p-2")]).toEqual([[], ["turn-1"]]);
  });

  it("ends all other leases at once, and refuses to renew one that is gone", async () => {
    const harness = get();
    const { leases } = harness.stores;
    await register(harness, "old", "p-1");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "old" } }));
    await commit(harness, ...accepting(harness, 2, { sessionId: "s-2", turn: { owner: "p-1" } }));

    await commit(harness, leases.endOthers("p-1"));

    expect(await claim(harness, "p-1")).toEqual(["turn-1"]);
    expect(await codeOf(commit(harness, leases.renew("p-1", LEASE_MS)))).toBe("kept");
    expect(await codeOf(commit(harness, leases.renew("never", LEASE_MS)))).toBe("store.conflict");
  });
}

function describeFencing(get: GetHarness): void {
  it("refuses every write of a process that was overtaken", async () => {
    const harness = get();
    const { turns, leases } = harness.stores;
    await register(harness, "p-1", "p-2");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, leases.end("p-1"));
    await claim(harness, "p-2");
    const step = { kind: "intent", n: 1, at: 5, callId: "c", tool: "mail" } as const;

    const codes = [
      await codeOf(commit(harness, turns.finish(finished({ epoch: 1 })))),
      await codeOf(commit(harness, turns.journal({ id: "turn-1", epoch: 1 }, step))),
      await codeOf(commit(harness, turns.join({ id: "turn-1", state: "running", epoch: 1 }))),
      await codeOf(commit(harness, turns.finish(finished({ epoch: 2 })))),
    ];

    expect(codes).toEqual(["store.conflict", "store.conflict", "store.conflict", "kept"]);
    expect(await turns.steps("turn-1", options)).toEqual([]);
  });

  it("refuses to finish a turn that a message joined meanwhile, and a turn that has ended", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.join({ id: "turn-1", state: "running", epoch: 1 }));

    const unaware = await codeOf(commit(harness, turns.finish(finished())));
    const aware = await codeOf(commit(harness, turns.finish(finished({ inboundCount: 2 }))));
    const twice = await codeOf(commit(harness, turns.finish(finished({ inboundCount: 2 }))));

    expect([unaware, aware, twice]).toEqual(["store.conflict", "kept", "store.conflict"]);
  });
}

function describeEndings(get: GetHarness): void {
  it("keeps how a turn ended, with what is noted before and after", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    const usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 7 };
    const error = { code: "model.timeout", message: "The model did not answer." } as const;

    await commit(harness, turns.note("turn-1", [{ at: 1, what: "before" }]));
    await commit(
      harness,
      turns.finish(
        finished({
          state: "failed",
          usage,
          error,
          costMicroUsd: 12,
          agentRevision: 3,
          trace: [{ at: 2, what: "during", detail: 'it\'s "fine"' }],
          at: 77,
        }),
      ),
    );
    await commit(
      harness,
      turns.note("turn-1", [
        { at: 3, what: "after" },
        { at: 4, what: "last" },
      ]),
    );
    await commit(harness, turns.note("turn-1", []));

    const turn = await turns.get("turn-1", options);
    expect(turn).toMatchObject({
      state: "failed",
      usage,
      error,
      costMicroUsd: 12,
      agentRevision: 3,
      finishedAt: 77,
      cancelRequested: false,
    });
    expect(turn?.trace.map(({ what }) => what)).toEqual(["before", "during", "after", "last"]);
  });
}

function describeJournal(get: GetHarness): void {
  it("journals a step once, whatever is said of it the second time", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    const held = { id: "turn-1", epoch: 1 };
    const output = {
      model: "offline/guide",
      text: "hm",
      calls: [],
      usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 },
      costMicroUsd: 0,
    };
    const outcome = { type: "tool-result", callId: "c-1", name: "mail", text: "sent" } as const;

    await commit(harness, turns.journal(held, { kind: "result", n: 2, at: 3, result: outcome }));
    await commit(harness, turns.journal(held, { kind: "model", n: 1, at: 1, output }));
    await commit(harness, turns.journal(held, { kind: "intent", n: 2, at: 2, callId: "c-1", tool: "mail" }));
    await commit(
      harness,
      turns.journal(held, { kind: "model", n: 1, at: 9, output: { ...output, text: "other" } }),
    );

    expect(await turns.steps("turn-1", options)).toEqual([
      { kind: "model", n: 1, at: 1, output },
      { kind: "intent", n: 2, at: 2, callId: "c-1", tool: "mail" },
      { kind: "result", n: 2, at: 3, result: outcome },
    ]);
  });
}

function describeCancelling(get: GetHarness): void {
  it("ends a queued turn, marks a running one, and leaves the rest alone", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, ...accepting(harness, 2));

    const codes = [
      await codeOf(commit(harness, turns.cancelQueued("turn-1", 5))),
      await codeOf(commit(harness, turns.cancelQueued("turn-2", 5))),
    ];
    const asked = [
      await result(harness, turns.requestCancel("turn-1")),
      await result(harness, turns.requestCancel("turn-2")),
      await result(harness, turns.requestCancel("turn-9")),
    ];

    expect(codes).toEqual(["store.conflict", "kept"]);
    expect(asked).toEqual([{ state: "running" }, { state: "cancelled" }, { state: undefined }]);
    expect(await turns.get("turn-1", options)).toMatchObject({ state: "running", cancelRequested: true });
    expect(await turns.get("turn-2", options)).toMatchObject({ state: "cancelled", finishedAt: 5 });
  });
}

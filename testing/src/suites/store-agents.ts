import type { AgentChannel, AgentDelivery, NewAgentMessage } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  type GetHarness,
  options,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);

const channel = (change: Partial<AgentChannel> = {}): Omit<AgentChannel, "lastSeq"> => ({
  id: "c-1",
  spaceId: SPACE,
  kind: "direct",
  name: "",
  creator: "ana",
  ownerId: "key-1",
  peerId: "peer-1",
  audience: ["peer-1"],
  createdAt: AT,
  ...change,
});

const said = (number: number, change: Partial<NewAgentMessage> = {}): NewAgentMessage => ({
  id: `m-${number}`,
  spaceId: SPACE,
  channelId: "c-1",
  kind: "message",
  from: "ana",
  text: `Words ${number} 🎭`,
  mentions: [],
  origin: {
    ...{ sessionId: "session-1", turnId: "turn-1", rootTurnId: "root-1" },
    ...{ depth: 1, hops: 0, lane: "realtime" },
  },
  createdAt: AT + number,
  ...change,
});

async function withMessages(harness: StoreHarness, ...numbers: readonly number[]): Promise<void> {
  const { agentChannels } = harness.stores;
  await commit(harness, agentChannels.open(channel(), ["ana", "kate"]));
  for (const number of numbers) await commit(harness, agentChannels.post(said(number), [{ to: "kate" }]));
}

const statesOf = (deliveries: readonly AgentDelivery[]) =>
  deliveries.map(({ messageId, state }) => `${messageId} ${state}`);

const cursorsOf = async ({ stores }: StoreHarness) =>
  (await stores.agentChannels.members("c-1", options)).map(
    ({ agentId, seenSeq, processedSeq }) => `${agentId} ${seenSeq} ${processedSeq}`,
  );

export function describeAgents(get: GetHarness): void {
  describeChannels(get);
  describeBatches(get);
  describeGuard(get);
  describeGathers(get);
  describeStops(get);
  describePruning(get);
}

function describeChannels(get: GetHarness): void {
  it("keeps messages of agents in order, each once, however often it is posted", async () => {
    const harness = get();
    const { agentChannels } = harness.stores;
    await withMessages(harness, 1, 2);

    await commit(harness, agentChannels.post(said(1), [{ to: "kate" }]));
    await commit(harness, agentChannels.post(said(3, { correlationId: "m-1", kind: "answer" }), []));

    const { items } = await agentChannels.messages({ channelId: "c-1" }, options);
    expect(items.map(({ id, seq }) => `${id} ${seq}`)).toEqual(["m-3 3", "m-2 2", "m-1 1"]);
    expect(items[0]).toEqual({ ...said(3, { correlationId: "m-1", kind: "answer" }), seq: 3 });
    expect(await agentChannels.message("m-2", options)).toEqual({ ...said(2), seq: 2 });
    expect(await agentChannels.get("c-1", options)).toEqual({ ...channel(), lastSeq: 3 });
    const page = await agentChannels.messages({ channelId: "c-1", limit: 2 }, options);
    const rest = await agentChannels.messages({ channelId: "c-1", cursor: page.next ?? "" }, options);
    expect(rest.items.map(({ id }) => id)).toEqual(["m-1"]);
  });

  it("keeps two cursors a member: what waits holds back the one of what is processed, and nothing the one of what is seen", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await withMessages(harness, 1);
    await commit(harness, agentChannels.post(said(2), []));

    expect(await cursorsOf(harness)).toEqual(["ana 0 2", "kate 0 0"]);
    await commit(harness, agentChannels.see({ channelId: "c-1", agentId: "kate", seq: 2 }));
    await commit(harness, agentChannels.see({ channelId: "c-1", agentId: "kate", seq: 1 }));
    await commit(
      harness,
      agentDeliveries.end({ messageId: "m-1", channelId: "c-1", to: "kate", state: "done", at: AT }),
    );

    expect(await cursorsOf(harness)).toEqual(["ana 0 2", "kate 2 2"]);
  });

  it("lists the channels of an agent until it leaves, newest first", async () => {
    const harness = get();
    const { agentChannels } = harness.stores;
    await commit(harness, agentChannels.open(channel(), ["ana", "kate"]));
    await commit(
      harness,
      agentChannels.open(channel({ id: "c-2", kind: "group", createdAt: AT + 1 }), ["ana"]),
    );
    const idsOf = async (query: { agentId?: string; ownerId?: string; peerId?: string }) =>
      (await agentChannels.list({ spaceId: SPACE, ...query }, options)).items.map(({ id }) => id);

    expect(await idsOf({})).toEqual(["c-2", "c-1"]);
    expect(await idsOf({ agentId: "kate" })).toEqual(["c-1"]);
    expect(await idsOf({ ownerId: "somebody" })).toEqual([]);
    const { ownerId, peerId } = channel();
    expect(await idsOf({ agentId: "kate", ownerId, peerId })).toEqual(["c-1"]);
    expect(await idsOf({ agentId: "kate", ownerId, peerId: "somebody" })).toEqual([]);
    expect(await idsOf({ peerId: "somebody" })).toEqual([]);
    const first = await agentChannels.list({ spaceId: SPACE, limit: 1 }, options);
    const cursor = first.next ?? "";
    expect((await agentChannels.list({ spaceId: SPACE, cursor }, options)).items.map(({ id }) => id)).toEqual(
      ["c-1"],
    );
    await commit(harness, agentChannels.leave({ channelId: "c-1", agentId: "kate", at: AT }));
    expect(await idsOf({ agentId: "kate" })).toEqual([]);
    expect(await cursorsOf(harness)).toEqual(["ana 0 0"]);
  });
}

function describeBatches(get: GetHarness): void {
  it("binds what waits in a channel into one batch, and each message into one only", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await withMessages(harness, 1, 2);
    const other = { ...said(3).origin, rootTurnId: "root-2" };
    await commit(harness, agentChannels.post(said(3, { origin: other }), [{ to: "kate" }]));
    await commit(harness, agentChannels.post(said(4, { kind: "ask" }), [{ to: "kate" }]));
    const bind = (batchId: string, messageId: string) =>
      commit(harness, agentDeliveries.bind({ batchId, messageId, to: "kate", limit: 100 }));

    await bind("b-1", "m-2");
    await bind("b-2", "m-1");
    await bind("b-3", "m-4");

    expect(statesOf(await agentDeliveries.ofBatch("b-1", options))).toEqual(["m-1 waiting", "m-2 waiting"]);
    expect(await agentDeliveries.ofBatch("b-2", options)).toEqual([]);
    expect(statesOf(await agentDeliveries.ofBatch("b-3", options))).toEqual(["m-4 waiting"]);
    expect((await agentDeliveries.delivery("m-3", "kate", options))?.batchId).toBeUndefined();
  });

  it("activates a batch once, and what failed waits again alone", async () => {
    const harness = get();
    const { agentDeliveries } = harness.stores;
    await withMessages(harness, 1, 2);
    await commit(harness, agentDeliveries.bind({ batchId: "b-1", messageId: "m-1", to: "kate", limit: 9 }));
    const activated = agentDeliveries.activated({ batchId: "b-1", turnId: "turn-9" });
    await commit(harness, activated);

    expect(await codeOf(commit(harness, activated))).toBe("store.conflict");
    for (const messageId of ["m-1", "m-2"]) {
      await commit(harness, agentDeliveries.again({ messageId, to: "kate" }));
    }
    await commit(harness, agentDeliveries.bind({ batchId: "b-2", messageId: "m-1", to: "kate", limit: 9 }));

    const [one] = await agentDeliveries.ofBatch("b-2", options);
    expect(one).toMatchObject({ messageId: "m-1", attempts: 1, isAlone: true, state: "waiting" });
    expect((await agentDeliveries.delivery("m-2", "kate", options))?.batchId).toBeUndefined();
  });

  it("gives nothing to whoever comes back late from an earlier try", async () => {
    const harness = get();
    const { agentDeliveries } = harness.stores;
    await withMessages(harness, 1);
    const bind = (batchId: string, attempts: number) =>
      commit(harness, agentDeliveries.bind({ batchId, messageId: "m-1", to: "kate", limit: 9, attempts }));
    await bind("first", 0);
    await commit(harness, agentDeliveries.activated({ batchId: "first", turnId: "turn-9" }));
    await commit(harness, agentDeliveries.again({ messageId: "m-1", to: "kate" }));

    await bind("first", 0);
    expect(await agentDeliveries.ofBatch("first", options)).toEqual([]);
    await bind("second", 1);
    expect(statesOf(await agentDeliveries.ofBatch("second", options))).toEqual(["m-1 waiting"]);
  });
}

function describeGuard(get: GetHarness): void {
  it("counts the activations of a pair in both directions within its window, and the same one once", async () => {
    const harness = get();
    const { agentDeliveries } = harness.stores;
    const activate = (id: string, one: string, other: string, at: number, peerId = "p-1") => {
      const whose = { spaceId: SPACE, ownerId: "operator", peerId };
      return commit(
        harness,
        agentDeliveries.activate({ id, ...whose, one, other, at, since: at - 100, max: 3 }),
      );
    };
    await activate("a-1", "ana", "kate", AT);
    await activate("a-2", "kate", "ana", AT + 10);
    await activate("a-2", "kate", "ana", AT + 10);
    await activate("a-3", "ana", "kate", AT + 20);

    expect(await codeOf(activate("a-4", "kate", "ana", AT + 30))).toBe("rate.limited");
    await activate("a-3", "ana", "kate", AT + 30);
    await activate("b-1", "ana", "bob", AT + 30);
    // What they do for somebody else is not counted.
    await activate("c-1", "ana", "kate", AT + 30, "p-2");
    await activate("a-5", "ana", "kate", AT + 105);
    expect(await codeOf(activate("a-6", "ana", "kate", AT + 106))).toBe("rate.limited");
    // What is forgotten counts no longer.
    await commit(harness, agentDeliveries.prune({ before: AT, countedSince: AT + 100, limit: 10 }));
    await activate("a-6", "ana", "kate", AT + 106);
  });

  it("keeps the count of a pair when many begin at once", async () => {
    const harness = get();
    const { agentDeliveries } = harness.stores;
    const tries = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        codeOf(
          commit(
            harness,
            agentDeliveries.activate({
              ...{ id: `a-${n}`, spaceId: SPACE, one: "ana", other: "kate" },
              ...{ ownerId: "operator", peerId: "p-1" },
              ...{ at: AT, since: AT - 1, max: 5 },
            }),
          ),
        ),
      ),
    );

    expect(tries).toHaveLength(12);
    expect(tries.filter((code) => code === "rate.limited")).toHaveLength(7);
  });
}

const gather = {
  ...{ id: "g-1", spaceId: SPACE, agentId: "ana", sessionId: "session-1", turnId: "turn-1" },
  ...{ rootTurnId: "root-1", wanted: 2, total: 2, depth: 0, hops: 0, createdAt: AT },
  lane: "background" as const,
  state: "open" as const,
};

function describeGathers(get: GetHarness): void {
  it("ends a gather once, and shows what it waits for", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await commit(harness, agentChannels.open(channel(), ["ana", "kate"]), agentDeliveries.gather(gather));
    for (const number of [1, 2]) {
      const ask = said(number, { kind: "ask" });
      await commit(harness, agentChannels.post(ask, [{ to: "kate", gatherId: "g-1" }]));
    }

    expect(await agentDeliveries.findGather("g-1", options)).toEqual(gather);
    expect(statesOf(await agentDeliveries.ofGather("g-1", options))).toEqual(["m-1 waiting", "m-2 waiting"]);
    expect(statesOf(await agentDeliveries.ofTurn("turn-1", options))).toHaveLength(2);
    await commit(harness, agentDeliveries.endGather({ id: "g-1", state: "told", at: AT }));
    await commit(harness, agentDeliveries.endGather({ id: "g-1", state: "suppressed", at: AT }));
    expect((await agentDeliveries.findGather("g-1", options))?.state).toBe("told");
  });

  it("keeps a gather with the turn that waits for it until that lets go", async () => {
    const harness = get();
    const { agentDeliveries } = harness.stores;
    const stateOf = async () => (await agentDeliveries.findGather("g-1", options))?.state;
    await commit(harness, agentDeliveries.gather({ ...gather, state: "awaited" }));
    await commit(harness, agentDeliveries.gather(gather));
    expect(await stateOf()).toBe("awaited");

    await commit(harness, agentDeliveries.release("g-1"));

    expect(await stateOf()).toBe("open");
  });
}

function describeStops(get: GetHarness): void {
  it("stops a chain: what waits of it, what it gathers, and what it says later", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await withMessages(harness, 1, 2);
    await commit(harness, agentDeliveries.gather(gather));
    await commit(harness, agentDeliveries.bind({ batchId: "b-1", messageId: "m-1", to: "kate", limit: 1 }));
    await commit(harness, agentDeliveries.activated({ batchId: "b-1", turnId: "turn-9" }));

    await commit(
      harness,
      agentDeliveries.stop({ spaceId: SPACE, turnId: "root-1", reason: "Stopped.", at: AT }),
    );
    await commit(harness, agentChannels.post(said(3), [{ to: "kate" }]));
    await commit(harness, agentDeliveries.gather({ ...gather, id: "g-2" }));

    const list = await agentDeliveries.list({ spaceId: SPACE }, options);
    expect(statesOf(list.items)).toEqual(["m-3 cancelled", "m-2 cancelled", "m-1 activated"]);
    const query = { spaceId: SPACE, channelId: "c-1", states: ["cancelled"] as const };
    const cancelled = await agentDeliveries.list(query, options);
    expect(cancelled.items.map(({ reason }) => reason)).toEqual(["Stopped.", "Stopped."]);
    for (const id of ["g-1", "g-2"]) {
      expect((await agentDeliveries.findGather(id, options))?.state).toBe("stopped");
    }
  });

  it("stops what one turn within a chain says, and leaves the rest of the chain", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await withMessages(harness, 1);
    const elsewhere = { ...said(2).origin, turnId: "turn-2" };
    await commit(harness, agentChannels.post(said(2, { origin: elsewhere }), [{ to: "kate" }]));
    await commit(harness, agentDeliveries.gather(gather));

    await commit(
      harness,
      agentDeliveries.stop({ spaceId: SPACE, turnId: "turn-1", reason: "Stopped.", at: AT }),
    );
    await commit(harness, agentChannels.post(said(3), [{ to: "kate" }]));
    await commit(harness, agentDeliveries.gather({ ...gather, id: "g-2", turnId: "turn-2" }));

    const list = await agentDeliveries.list({ spaceId: SPACE }, options);
    expect(statesOf(list.items)).toEqual(["m-3 cancelled", "m-2 waiting", "m-1 cancelled"]);
    expect((await agentDeliveries.findGather("g-1", options))?.state).toBe("stopped");
    expect((await agentDeliveries.findGather("g-2", options))?.state).toBe("open");
  });

  it("lets a turn that comes after its chain was stopped run for nobody: it is asked to stop from the beginning", async () => {
    const harness = get();
    const { agentDeliveries, turns } = harness.stores;
    await commit(
      harness,
      agentDeliveries.stop({ spaceId: SPACE, turnId: "root-1", reason: "Stopped.", at: AT }),
    );
    for (const [n, rootTurnId] of ["root-1", "root-2"].entries()) {
      const turn = { owner: "p-1", payload: { cause: { rootTurnId, depth: 1 } } };
      await commit(harness, ...accepting(harness, n, { sessionId: `session-${n}`, turn }));
    }

    expect(await turns.get("turn-0", options)).toMatchObject({ state: "queued", cancelRequested: true });
    expect(await turns.get("turn-1", options)).toMatchObject({ state: "running", cancelRequested: false });
  });
}

function describePruning(get: GetHarness): void {
  it("prunes what ended long ago, and keeps what waits however old it is", async () => {
    const harness = get();
    const { agentChannels, agentDeliveries } = harness.stores;
    await withMessages(harness, 1, 2, 3);
    const ends = { channelId: "c-1", to: "kate", state: "done" } as const;
    await commit(harness, agentDeliveries.end({ ...ends, messageId: "m-1", at: AT + 10 }));
    await commit(harness, agentDeliveries.end({ ...ends, messageId: "m-3", at: AT + 90 }));
    await commit(harness, agentDeliveries.gather(gather), agentDeliveries.gather({ ...gather, id: "g-2" }));
    await commit(harness, agentDeliveries.endGather({ id: "g-1", state: "told", at: AT + 10 }));
    const prune = agentDeliveries.prune({ before: AT + 50, countedSince: AT, limit: 10 });

    expect((await commit(harness, prune)).read(prune)).toEqual({ count: 1 });

    const { items } = await agentChannels.messages({ channelId: "c-1" }, options);
    expect(items.map(({ id }) => id)).toEqual(["m-3", "m-2"]);
    expect(statesOf((await agentDeliveries.list({ spaceId: SPACE }, options)).items)).toEqual([
      "m-3 done",
      "m-2 waiting",
    ]);
    expect(await agentDeliveries.findGather("g-1", options)).toBeUndefined();
    expect(await agentDeliveries.findGather("g-2", options)).toBeDefined();
  });
}

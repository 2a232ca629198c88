import type { DeadLetterQuery, NewEffect, Write } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  commit,
  finished,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const effect = (id: string, change: Partial<NewEffect> = {}): NewEffect => ({
  ...{ id, spaceId: SPACE, kind: "summary", v: 1, lane: "background", turnId: "turn-1" },
  ...{ sessionId: "session-1", payload: { n: 1 }, createdAt: 100 },
  ...change,
});

/** An effect that is dead since 500, one that is parked since 700, replies that are dead since 600 and unknown since 800. */
async function fill(harness: StoreHarness): Promise<void> {
  const { effects, outbox } = harness.stores;
  const reply = (id: string, target: string) =>
    outbox.put({
      ...{ id, spaceId: SPACE, turnId: "turn-1", sessionId: "session-1", text: `text ${id}`, createdAt: 100 },
      address: { channel: "telegram", target },
    });
  await commit(
    harness,
    ...accepting(harness, 1),
    effects.put(effect("e-dead")),
    effects.put(effect("e-parked", { kind: "of.tomorrow", turnId: "gone" })),
    effects.put(effect("e-fine")),
    reply("o-dead", "a"),
    reply("o-unknown", "b"),
  );
  await commit(
    harness,
    effects.claim({ owner: "p", leaseMs: 60_000, limit: 10, lane: "background" }),
    outbox.claim({ owner: "p", leaseMs: 60_000, limit: 10, channel: "telegram" }),
  );
  await commit(
    harness,
    effects.settle({ id: "e-dead", epoch: 1 }, { kind: "dead", error: "no" }, 500),
    effects.settle({ id: "e-parked", epoch: 1 }, { kind: "parked", error: "newer" }, 700),
    effects.settle({ id: "e-fine", epoch: 1 }, { kind: "done" }, 900),
    outbox.settle({ id: "o-dead", epoch: 1 }, { kind: "dead", error: "blocked" }, 600),
    outbox.settle({ id: "o-unknown", epoch: 1 }, { kind: "unknown", error: "cut" }, 800),
  );
}

const idsOf = async (harness: StoreHarness, query: Partial<DeadLetterQuery> = {}) => {
  const page = await harness.stores.deadLetters.list({ spaceId: SPACE, ...query }, options);
  return page.items.map(({ id }) => id);
};

export function describeDeadLetters(get: GetHarness): void {
  describeLists(get);
  describeDetails(get);
  describeAgentMessages(get);
  describeChanges(get);
}

function describeLists(get: GetHarness): void {
  it("shows effects, deliveries and what may have arrived in one list, those that failed last first", async () => {
    const harness = get();
    await fill(harness);

    const { items } = await harness.stores.deadLetters.list({ spaceId: SPACE }, options);

    expect(items.map(({ id, source, kind, state, failedAt }) => [id, source, kind, state, failedAt])).toEqual(
      [
        ["o-unknown", "delivery", "delivery.telegram", "unknown", 800],
        ["e-parked", "effect", "of.tomorrow", "parked", 700],
        ["o-dead", "delivery", "delivery.telegram", "dead", 600],
        ["e-dead", "effect", "summary", "dead", 500],
      ],
    );
    expect(items.map(({ agentId }) => agentId)).toEqual(["ana", undefined, "ana", "ana"]);
    expect(items.map(({ to }) => to)).toEqual(["b", undefined, "a", undefined]);
    expect(await harness.stores.deadLetters.counts(SPACE, options)).toEqual([
      { kind: "delivery.telegram", count: 2, oldestAt: 600 },
      { kind: "of.tomorrow", count: 1, oldestAt: 700 },
      { kind: "summary", count: 1, oldestAt: 500 },
    ]);
  });

  it("shows those alone that are asked for, in pages", async () => {
    const harness = get();
    await fill(harness);
    const { deadLetters } = harness.stores;
    const first = await deadLetters.list({ spaceId: SPACE, limit: 3 }, options);

    expect(await idsOf(harness, { cursor: String(first.next) })).toEqual(["e-dead"]);
    expect(await idsOf(harness, { kind: "summary" })).toEqual(["e-dead"]);
    expect(await idsOf(harness, { kind: "delivery" })).toEqual(["o-unknown", "o-dead"]);
    expect(await idsOf(harness, { since: 600, until: 800 })).toEqual(["e-parked", "o-dead"]);
    expect(await idsOf(harness, { agentId: "ana" })).toEqual(["o-unknown", "o-dead", "e-dead"]);
    expect(await idsOf(harness, { state: "dead" })).toEqual(["o-dead", "e-dead"]);
    expect(await idsOf(harness, { state: "unknown", kind: "effect" })).toEqual([]);
    expect(await idsOf(harness, { spaceId: "another" })).toEqual([]);
    await expect(idsOf(harness, { cursor: "nonsense" })).rejects.toMatchObject({ code: "request.invalid" });
  });
}

function describeDetails(get: GetHarness): void {
  it("shows one with its payload and what went wrong with it", async () => {
    const harness = get();
    await fill(harness);
    const { deadLetters } = harness.stores;

    expect(await deadLetters.get(SPACE, "e-dead", options)).toMatchObject({
      ...{ kind: "summary", attempts: 1, error: "no", payload: { n: 1 } },
      errors: [{ attempt: 1, at: 500, error: "no" }],
    });
    expect(await deadLetters.get(SPACE, "o-unknown", options)).toMatchObject({
      payload: { channel: "telegram", target: "b", text: "text o-unknown" },
      errors: [{ attempt: 1, at: 800, error: "cut" }],
    });
    expect(await deadLetters.get(SPACE, "e-fine", options)).toBeUndefined();
    expect(await deadLetters.get("another", "e-dead", options)).toBeUndefined();
  });

  it("shows a dead turn until the operator dismisses it, and leaves it in its conversation", async () => {
    const harness = get();
    const { deadLetters, turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1));
    await commit(harness, turns.claim({ owner: "p-1", limit: 1 }));
    const turn = await turns.get("turn-1", options);
    await commit(
      harness,
      turns.finish(
        finished({
          ...{ epoch: turn?.epoch ?? 0, state: "dead" },
          error: { code: "turn.attempts_exhausted", message: "Given up." },
        }),
      ),
    );

    const before = await idsOf(harness, { kind: "turn" });
    const gone = await result(
      harness,
      deadLetters.purge("turn", { spaceId: SPACE, ids: ["turn-1"], at: 900 }),
    );

    expect([before, gone, await idsOf(harness)]).toEqual([["turn-1"], ["turn-1"], []]);
    expect((await turns.get("turn-1", options))?.state).toBe("dead");
  });
}

/** A message that "ana" wrote to "kate" in the chain of "root-1", given up at 500. */
async function giveUpMessage(harness: StoreHarness): Promise<void> {
  const { agentChannels, agentDeliveries } = harness.stores;
  const channelId = "c-1";
  await commit(
    harness,
    agentChannels.open(
      {
        ...{ id: channelId, spaceId: SPACE, kind: "direct", name: "", creator: "ana", ownerId: "key-1" },
        ...{ peerId: "peer-1", audience: ["peer-1"], createdAt: 100 },
      },
      ["ana", "kate"],
    ),
    agentChannels.post(
      {
        ...{ id: "m-1", spaceId: SPACE, channelId, kind: "message", from: "ana", text: "Look at this." },
        mentions: [],
        origin: {
          ...{ sessionId: "session-1", turnId: "turn-1", rootTurnId: "root-1" },
          ...{ depth: 1, hops: 0, lane: "realtime" },
        },
        createdAt: 100,
      },
      [{ to: "kate" }],
    ),
  );
  const ended = { messageId: "m-1", channelId, to: "kate", reason: "3 turns failed.", at: 500 };
  await commit(harness, agentDeliveries.end({ ...ended, state: "dead" }));
}

/** What ended long ago goes. */
const prune = (harness: StoreHarness) =>
  commit(harness, harness.stores.agentDeliveries.prune({ before: 5_000, countedSince: 0, limit: 10 }));

function describeAgentMessages(get: GetHarness): void {
  it("shows a message that an agent never took, with its words, and lets it wait again", async () => {
    const harness = get();
    await commit(harness, ...accepting(harness, 1));
    await giveUpMessage(harness);
    const { deadLetters, agentDeliveries } = harness.stores;
    const id = "m-1:kate";

    expect((await deadLetters.list({ spaceId: SPACE }, options)).items).toEqual([
      {
        ...{ source: "agent-message", id, kind: "agent.message", state: "dead", attempts: 0 },
        ...{ turnId: "turn-1", sessionId: "session-1", agentId: "kate", to: "kate" },
        ...{ error: "3 turns failed.", createdAt: 100, failedAt: 500 },
      },
    ]);
    expect((await deadLetters.get(SPACE, id, options))?.payload).toEqual({
      ...{ kind: "message", from: "ana", to: "kate", channelId: "c-1", text: "Look at this." },
      originTurnId: "turn-1",
    });
    const chosen = { spaceId: SPACE, ids: [id], at: 1_000 };
    const run = (write: Write<readonly string[]>) => result(harness, write);
    expect(await run(deadLetters.replay("agent-message", chosen))).toEqual([id]);
    expect(await run(deadLetters.replay("agent-message", chosen))).toEqual([]);
    expect(await agentDeliveries.delivery("m-1", "kate", options)).toMatchObject({
      ...{ state: "waiting", attempts: 0, isAlone: true },
    });
    expect(await idsOf(harness)).toEqual([]);
  });

  it("leaves a message of a stopped chain where it is, however old, and lets it go once it is dismissed", async () => {
    const harness = get();
    await giveUpMessage(harness);
    const { deadLetters, agentDeliveries } = harness.stores;
    const stop = { spaceId: SPACE, turnId: "root-1", reason: "stopped", at: 600 };
    await commit(harness, agentDeliveries.stop(stop));
    const chosen = { spaceId: SPACE, ids: ["m-1:kate"], at: 1_000 };

    const replayed = await result(harness, deadLetters.replay("agent-message", chosen));
    await prune(harness);
    const before = await idsOf(harness, { kind: "agent-message" });
    const purged = await result(harness, deadLetters.purge("agent-message", chosen));

    expect([replayed, before, purged, await idsOf(harness)]).toEqual([[], ["m-1:kate"], ["m-1:kate"], []]);
    expect((await agentDeliveries.delivery("m-1", "kate", options))?.state).toBe("dead");
    await prune(harness);
    expect(await agentDeliveries.delivery("m-1", "kate", options)).toBeUndefined();
  });
}

function describeChanges(get: GetHarness): void {
  it("replays each once, from the first attempt on, and what may have arrived only where that is said", async () => {
    const harness = get();
    await fill(harness);
    const { deadLetters, effects, outbox } = harness.stores;
    const chosen = { spaceId: SPACE, at: 1_000 };
    const replies = { ...chosen, ids: ["o-dead", "o-unknown"] };
    const run = (write: Write<readonly string[]>) => result(harness, write);

    const first = await run(
      deadLetters.replay("effect", { ...chosen, ids: ["e-dead", "e-parked", "e-fine"] }),
    );
    const again = await run(deadLetters.replay("effect", { ...chosen, ids: ["e-dead"] }));
    const sure = await run(deadLetters.replay("delivery", replies));
    const all = await run(deadLetters.replay("delivery", { ...replies, evenUnknown: true }));

    expect([first.toSorted(), again, sure, all]).toEqual([
      ["e-dead", "e-parked"],
      [],
      ["o-dead"],
      ["o-unknown"],
    ]);
    const [dead] = await effects.ofTurn("turn-1", options);
    expect(dead).toMatchObject({ state: "pending", attempt: 0, dueAt: 1_000, errors: [{ error: "no" }] });
    const rows = await outbox.ofTurn("turn-1", options);
    expect(rows).toMatchObject([
      { state: "pending", attempt: 0, begun: false },
      { state: "pending", attempt: 0, begun: false },
    ]);
    expect(await idsOf(harness)).toEqual([]);
  });

  it("deletes those that are named, and nothing that is no dead letter", async () => {
    const harness = get();
    await fill(harness);
    const { deadLetters, effects } = harness.stores;
    const purge = (source: "effect" | "delivery", ...ids: string[]) =>
      result(harness, deadLetters.purge(source, { spaceId: SPACE, ids, at: 1_000 }));

    expect(await purge("effect", "e-dead", "e-fine", "o-dead")).toEqual(["e-dead"]);
    expect(await purge("delivery", "o-dead")).toEqual(["o-dead"]);

    expect(await idsOf(harness)).toEqual(["o-unknown", "e-parked"]);
    expect((await effects.ofTurn("turn-1", options)).map(({ id }) => id)).toEqual(["e-fine"]);
  });
}

import type { FlowSignal } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  codeOf,
  commit,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";
import { change, flowIn, moveOf, start } from "./store-flow-fixtures.ts";

const signal = (harness: StoreHarness, over: Partial<FlowSignal> = {}): FlowSignal => ({
  eventId: "event-1",
  spaceId: SPACE,
  topic: "paid",
  correlationId: "7",
  payload: { amount: 12 },
  at: harness.now(),
  expiresAt: harness.now() + 600_000,
  ...over,
});

const keep = (harness: StoreHarness, over: Partial<FlowSignal> = {}) =>
  result(harness, harness.stores.flowSignals.keep(signal(harness, over)));

const waitFor = (topic: string, correlationId: string) =>
  ({ kind: "event", topic, correlationId, to: "send" }) as const;

export function describeFlowSignals(get: GetHarness): void {
  describeMatching(get);
  describeTaking(get);
}

function describeMatching(get: GetHarness): void {
  it("keeps an event once, whatever is said of it later", async () => {
    const harness = get();
    const { flowSignals } = harness.stores;

    expect(await keep(harness)).toEqual({ isNew: true });
    expect(await keep(harness, { payload: { amount: 13 } })).toEqual({ isNew: false });
    expect(await flowSignals.get({ spaceId: SPACE, eventId: "event-1" }, options)).toMatchObject({
      ...{ topic: "paid", correlationId: "7", payload: { amount: 12 }, takenBy: undefined },
    });
    expect(await keep(harness, { spaceId: "other" })).toEqual({ isNew: true });
  });

  it("matches exactly: topic, correlation, space, and the flow where one is named", async () => {
    const harness = get();
    const { flowSignals } = harness.stores;
    await start(harness, { id: "seven", wait: waitFor("paid", "7") });
    await start(harness, { id: "eight", wait: waitFor("paid", "8") });
    await start(harness, { id: "sent", wait: waitFor("sent", "7") });
    await start(harness, { id: "elsewhere", spaceId: "other", wait: waitFor("paid", "7") });
    await keep(harness);
    await keep(harness, { eventId: "event-2", correlationId: "8", flowId: "somebody else" });
    await keep(harness, { eventId: "event-3", correlationId: "9" });

    expect(await flowSignals.matches({ limit: 10 }, options)).toEqual([
      { eventId: "event-1", flowId: "seven" },
    ]);
    const only = { spaceId: SPACE, topic: "paid", correlationId: "7" };
    expect(await flowSignals.matches({ limit: 10, only }, options)).toHaveLength(1);
    expect(await flowSignals.matches({ limit: 10, only: { ...only, correlationId: "8" } }, options)).toEqual(
      [],
    );
  });
}

function describeTaking(get: GetHarness): void {
  it("gives an event to one flow alone, in the commit that moves it", async () => {
    const harness = get();
    const { flows, flowSignals } = harness.stores;
    await start(harness, { id: "first", wait: waitFor("paid", "7") });
    await start(harness, { id: "second", wait: waitFor("paid", "7") });
    await keep(harness);
    const take = async (flowId: string) =>
      codeOf(
        commit(
          harness,
          flowSignals.take({ spaceId: SPACE, eventId: "event-1", flowId }),
          flows.move(
            moveOf(await flowIn(harness, flowId), { step: "send", reason: "event" }),
            change(harness, "resumed"),
          ),
        ),
      );

    expect(await flowSignals.matches({ limit: 10 }, options)).toEqual([
      { eventId: "event-1", flowId: "first" },
      { eventId: "event-1", flowId: "second" },
    ]);
    expect([await take("first"), await take("second")]).toEqual(["kept", "store.conflict"]);
    expect((await flowIn(harness, "second")).status).toBe("waiting");
    expect(await flowSignals.matches({ limit: 10 }, options)).toEqual([]);
    expect((await flowSignals.get({ spaceId: SPACE, eventId: "event-1" }, options))?.takenBy).toBe("first");
  });

  it("finds a flow whose wait began after the event, until that expires", async () => {
    const harness = get();
    const { flowSignals } = harness.stores;
    await keep(harness, { expiresAt: harness.now() + 400 });
    await keep(harness, { eventId: "event-2", correlationId: "8" });
    await start(harness, { id: "late", wait: waitFor("paid", "7") });

    expect(await flowSignals.matches({ limit: 10 }, options)).toHaveLength(1);
    await harness.pass(450);
    expect(await flowSignals.matches({ limit: 10 }, options)).toEqual([]);
    const prune = () => result(harness, flowSignals.prune({ before: harness.now(), limit: 10 }));
    expect(await prune()).toEqual({ count: 1, lost: 1 });
    expect(await prune()).toEqual({ count: 0, lost: 0 });
  });
}

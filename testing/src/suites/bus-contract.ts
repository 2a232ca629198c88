import type { Envelope, MessageBus } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface BusHarness {
  readonly bus: MessageBus;
  /** Resolves when every envelope published so far has reached its subscribers. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const PLACES = 256;

function envelope(n: number): Envelope {
  return { id: `e-${n}`, kind: "test.rang", v: 1, at: 1_760_000_000_000 + n, payload: { n } };
}

/** What every `MessageBus` keeps to. `make` gives a fresh, empty bus. */
export function busContract(name: string, make: () => Promise<BusHarness>): void {
  describe(`message bus contract: ${name}`, () => {
    let harness: BusHarness;
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(() => harness.close());

    describePublishing(() => harness);
    describePatterns(() => harness);
    describeGroups(() => harness);
    describeSlowSubscribers(() => harness);
    describeRequests(() => harness);
  });
}

function describePublishing(get: () => BusHarness): void {
  it("delivers envelopes in order, with payload and subject, and never inside publish", async () => {
    const { bus, settle } = get();
    const seen: unknown[] = [];
    bus.subscribe("turn.due", (one, subject) =>
      seen.push([subject, one.id, one.kind, one.v, one.at, one.payload]),
    );
    await settle();

    bus.publish("turn.due", envelope(1));
    bus.publish("turn.due", envelope(2));
    const seenInside = seen.length;
    await settle();

    expect(seenInside).toBe(0);
    expect(seen).toEqual(
      [1, 2].map((n) => ["turn.due", `e-${n}`, "test.rang", 1, 1_760_000_000_000 + n, { n }]),
    );
  });

  it("gives each envelope to everybody who listens, and to nobody who has stopped", async () => {
    const { bus, settle } = get();
    const heard: string[] = [];
    bus.subscribe("a.b", () => heard.push("first"));
    const second = bus.subscribe("a.*", () => heard.push("second"));
    await settle();
    bus.publish("a.b", envelope(1));
    await settle();
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    await settle();

    bus.publish("a.b", envelope(2));
    await settle();

    expect(heard.toSorted()).toEqual(["first", "first", "second"]);
  });

  it("keeps a subscriber whose handler throws, and the others with it", async () => {
    const { bus, settle } = get();
    const heard: number[] = [];
    bus.subscribe("a.b", (one) => {
      heard.push(Number(one.payload.n));
      throw new Error("a handler's defect");
    });
    bus.subscribe("a.b", (one) => heard.push(100 + Number(one.payload.n)));
    await settle();

    bus.publish("a.b", envelope(1));
    bus.publish("a.b", envelope(2));
    await settle();

    expect(heard.toSorted((left, right) => left - right)).toEqual([1, 2, 101, 102]);
  });
}

function describePatterns(get: () => BusHarness): void {
  it.each([
    ["turn.due", "turn.due", true],
    ["turn.due", "turn.cancel", false],
    ["turn.*", "turn.due", true],
    ["turn.*", "turn.due.now", false],
    ["turn.*", "turn", false],
    ["*.due", "effect.due", true],
    ["plugin.>", "plugin.inbound.telegram", true],
    ["plugin.>", "plugin", false],
    [">", "anything.at.all", true],
    ["plugin.*.telegram", "plugin.inbound.telegram", true],
    ["plugin.*.telegram", "plugin.inbound.discord", false],
  ])("with the pattern %s the subject %s is heard: %s", async (pattern, subject, isHeard) => {
    const { bus, settle } = get();
    const heard: string[] = [];
    bus.subscribe(pattern, (_one, at) => heard.push(at));
    await settle();

    bus.publish(subject, envelope(1));
    await settle();

    expect(heard).toEqual(isHeard ? [subject] : []);
  });
}

function describeGroups(get: () => BusHarness): void {
  it("gives each envelope to one member of a group, and to every group and single subscriber", async () => {
    const { bus, settle } = get();
    const heard = new Map<string, number>();
    const hear = (who: string) => () => void heard.set(who, (heard.get(who) ?? 0) + 1);
    bus.subscribe("work.due", hear("red 1"), { group: "red" });
    bus.subscribe("work.due", hear("red 2"), { group: "red" });
    bus.subscribe("work.due", hear("blue"), { group: "blue" });
    bus.subscribe("work.due", hear("alone"));
    await settle();

    for (let n = 0; n < 40; n++) bus.publish("work.due", envelope(n));
    await settle();

    expect((heard.get("red 1") ?? 0) + (heard.get("red 2") ?? 0)).toBe(40);
    expect(heard.get("red 1")).toBeGreaterThan(0);
    expect(heard.get("red 2")).toBeGreaterThan(0);
    expect(heard.get("blue")).toBe(40);
    expect(heard.get("alone")).toBe(40);
  });
}

function describeSlowSubscribers(get: () => BusHarness): void {
  it("loses the oldest beyond 256 of a subscriber that does not keep up, and keeps it subscribed", async () => {
    const { bus, settle } = get();
    const heard: number[] = [];
    bus.subscribe("burst.now", (one) => heard.push(Number(one.payload.n)));
    await settle();

    for (let n = 0; n < PLACES + 44; n++) bus.publish("burst.now", envelope(n));
    await settle();
    const afterBurst = [...heard];
    bus.publish("burst.now", envelope(999));
    await settle();

    // What has not been handed over yet when the places run out is lost from its old end; order and the end stay.
    expect(afterBurst.length).toBeGreaterThanOrEqual(PLACES);
    expect(afterBurst.slice(-PLACES)).toEqual(Array.from({ length: PLACES }, (_, i) => i + 44));
    expect(afterBurst).toEqual(afterBurst.toSorted((left, right) => left - right));
    expect(heard.at(-1)).toBe(999);
  });
}

function describeRequests(get: () => BusHarness): void {
  const signal = new AbortController().signal;

  it("answers a request with what the responder resolves to", async () => {
    const { bus, settle } = get();
    bus.respond("add.one", async (one) => ({
      ...one,
      id: "answer",
      payload: { n: Number(one.payload.n) + 1 },
    }));
    await settle();

    const answer = await bus.request("add.one", envelope(4), { signal, timeoutMs: 2_000 });

    expect(answer).toMatchObject({ id: "answer", payload: { n: 5 } });
  });

  it("rejects with bus.no_responder when nobody listens", async () => {
    const { bus } = get();

    const answer = bus.request("nobody.here", envelope(1), { signal, timeoutMs: 50 });

    await expect(answer).rejects.toSatisfy((error) => TroupeError.is(error, "bus.no_responder"));
  });

  it("leaves the asker of a throwing responder to its timeout", async () => {
    const { bus, settle } = get();
    bus.respond("breaks.down", () => Promise.reject(new Error("a responder's defect")));
    await settle();

    const answer = bus.request("breaks.down", envelope(1), { signal, timeoutMs: 50 });

    await expect(answer).rejects.toSatisfy((error) => TroupeError.is(error, "bus.no_responder"));
  });

  it("rejects with the signal's reason when the asker gives up", async () => {
    const { bus, settle } = get();
    bus.respond("never.answers", () => new Promise(() => {}));
    await settle();
    const giveUp = new AbortController();

    const answer = bus.request("never.answers", envelope(1), { signal: giveUp.signal, timeoutMs: 60_000 });
    giveUp.abort(new Error("no longer wanted"));

    await expect(answer).rejects.toThrow("no longer wanted");
  });

  it("asks nobody who has stopped responding", async () => {
    const { bus, settle } = get();
    bus.respond("was.here", async (one) => one)[Symbol.dispose]();
    await settle();

    const answer = bus.request("was.here", envelope(1), { signal, timeoutMs: 50 });

    await expect(answer).rejects.toSatisfy((error) => TroupeError.is(error, "bus.no_responder"));
  });
}

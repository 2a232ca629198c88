import type { Envelope, TurnEvent, TurnEventBody } from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { createLogRecorder, createManualClock, type ManualClock } from "@troupe/testing";
import { beforeEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { type BusTurnFeed, createBusTurnFeed } from "./bus-turn-feed.ts";
import { createLocalBus, type LocalBus } from "./local-bus.ts";
import { createLocalTurnFeed } from "./local-turn-feed.ts";

/** Processes that share one bus. */

let clock: ManualClock;
let bus: LocalBus;
/** What processes publish is lost. */
let lost: boolean;
beforeEach(() => {
  clock = createManualClock();
  lost = false;
  bus = createLocalBus({ clock, logger: createLogRecorder(), metrics: createMetrics() });
});

function processOf(processId: string): BusTurnFeed {
  const local = createLocalTurnFeed({ logger: createLogRecorder(), metrics: createMetrics() });
  const lossy = {
    ...bus,
    publish: (...said: Parameters<LocalBus["publish"]>) => void (lost || bus.publish(...said)),
  };
  return createBusTurnFeed({ local, bus: lossy, clock, ids: createIdGenerator(clock), processId });
}
const envelope = (kind: string, payload: Envelope["payload"]): Envelope => ({
  id: "x",
  kind,
  v: 1,
  at: 0,
  payload,
});
const live = (event: object): void =>
  bus.publish("turn.live.t", envelope("turn.live", { from: "gone", events: [event] }));
const back = (): void => bus.publish("bus.back", envelope("bus.back", {}));
const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
};
const text = (said: string): TurnEventBody => ({ type: "text-delta", text: said });
const end: TurnEventBody = { type: "end", state: "replied", text: "Hello", usage: NO_USAGE, costUsd: 0 };

function play(feed: BusTurnFeed, attempt: number, bodies: readonly TurnEventBody[], from = 0): void {
  for (const [i, body] of bodies.entries())
    feed.publish({ ...body, turnId: "t", attempt, n: from + i } as TurnEvent);
}
function watch(feed: BusTurnFeed) {
  const shown: string[] = [];
  const watching = feed.subscribe("t", (event) => {
    shown.push("text" in event ? `${event.type} ${event.text}` : event.type);
  });
  return { shown, watching };
}
const textOf = (shown: readonly string[]): string =>
  shown
    .filter((line) => line.startsWith("text-delta"))
    .map((line) => line.slice("text-delta ".length))
    .join("");

it("shows a turn that another process runs from its first token to its end", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const { shown } = watch(gateway);
  play(runner, 1, [{ type: "attempt-start" }, text("Hel")]);
  await settle();
  const sofar = [...shown];
  play(runner, 1, [text("lo"), end], 2);
  await settle();

  expect(sofar).toEqual(["attempt-start", "text-delta Hel"]);
  expect(shown).toEqual(["attempt-start", "text-delta Hel", "text-delta lo", "end Hello"]);
  expect(gateway.remoteSize).toBe(0);
});

it("tells a late watcher what was said before, once, and goes on from there", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  const { shown } = watch(gateway);
  play(runner, 1, [text("two ")], 2);
  await settle();
  play(runner, 1, [text("three")], 3);
  await settle();

  expect(textOf(shown)).toBe("one two three");
  expect(shown[0]).toBe("attempt-start");
});

it("holds back words of which it missed the beginning while nobody tells it, and passes the end", async () => {
  const gateway = processOf("p-2");
  const { shown } = watch(gateway);
  live({ type: "text-delta", text: "late", turnId: "t", attempt: 1, n: 7 });
  await settle();
  await clock.advance(300);
  await settle();
  live({ ...end, turnId: "t", attempt: 1, n: 8 });
  await settle();

  expect(shown).toEqual(["end Hello"]);
});

it("sees that the bus lost some of it, asks for it, and shows each word once", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const { shown } = watch(gateway);
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  lost = true;
  play(runner, 1, [text("two ")], 2);
  await settle();
  lost = false;
  play(runner, 1, [text("three")], 3);
  await settle();

  expect(textOf(shown)).toBe("one two three");
});

it("repeats no word when the bus was away in the middle and is back", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const { shown } = watch(gateway);
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  lost = true;
  play(runner, 1, [text("two ")], 2);
  await settle();
  lost = false;
  back();
  await settle();
  play(runner, 1, [text("three")], 3);
  await settle();

  expect(textOf(shown)).toBe("one two three");
  expect(shown.filter((line) => line === "attempt-start").length).toBe(1);
});

it("goes on asking while nobody answers, and catches up when somebody does", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const { shown } = watch(gateway);
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  lost = true;
  play(runner, 1, [text("two ")], 2);
  await settle();
  back();
  await clock.advance(300);
  lost = false;
  play(runner, 1, [text("three ")], 3);
  await settle();
  play(runner, 1, [text("four")], 4);
  await settle();

  expect(textOf(shown)).toBe("one two three four");
});

it("asks the one that runs a turn, not those that watch it as well and may know less", async () => {
  const [runner, knowsLess, gateway] = [processOf("p-1"), processOf("p-2"), processOf("p-3")];
  const other = watch(knowsLess);
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  const answers: unknown[] = [];
  bus.subscribe("turn.said.p-3", (envelope) => void answers.push(envelope.payload.events));
  const { shown } = watch(gateway);
  await settle();
  play(runner, 1, [text("two")], 2);
  await settle();

  expect(answers.length).toBe(1);
  expect(textOf(shown)).toBe("one two");
  expect(textOf(other.shown)).toBe("one two");
});

it("forgets what it heard of a turn that nobody watches any more, for it hears no further", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const first = watch(gateway);
  play(runner, 1, [{ type: "attempt-start" }, text("one ")]);
  await settle();
  first.watching[Symbol.dispose]();
  play(runner, 1, [text("two ")], 2);
  await settle();
  const { shown } = watch(gateway);
  await settle();
  play(runner, 1, [text("three")], 3);
  await settle();

  expect(textOf(shown)).toBe("one two three");
});

it("follows a turn from the process that died to the one that took it over", async () => {
  const [first, second, gateway] = [processOf("p-1"), processOf("p-2"), processOf("p-3")];
  const { shown } = watch(gateway);
  play(first, 1, [{ type: "attempt-start" }, text("half")]);
  await settle();
  play(second, 2, [{ type: "attempt-start" }, text("whole"), end]);
  await settle();
  play(first, 1, [text(" too late")], 2);
  await settle();

  expect(shown).toEqual([
    "attempt-start",
    "text-delta half",
    "attempt-start",
    "text-delta whole",
    "end Hello",
  ]);
});

it("tells each event once where watcher and runner are one process", async () => {
  const both = processOf("p-1");
  const { shown } = watch(both);
  play(both, 1, [{ type: "attempt-start" }, text("Hello"), end]);
  await settle();
  await clock.advance(1_000);

  expect(shown).toEqual(["attempt-start", "text-delta Hello", "end Hello"]);
  expect(both.remoteSize).toBe(0);
});

it("asks again for what it missed when the bus was away", async () => {
  const [runner, gateway] = [processOf("p-1"), processOf("p-2")];
  const { shown } = watch(gateway);
  await clock.advance(300);
  // Said while the gateway heard nothing.
  const deaf = createLocalTurnFeed({ logger: createLogRecorder(), metrics: createMetrics() });
  expect(deaf.said("t")).toBeUndefined();
  play(runner, 1, [{ type: "attempt-start" }, text("missed ")]);
  await settle();
  back();
  await settle();
  play(runner, 1, [text("heard")], 2);
  await settle();

  expect(textOf(shown)).toBe("missed heard");
});

it("lets go of a turn that nobody watches any more, and of every timer", async () => {
  const gateway = processOf("p-2");
  const one = watch(gateway);
  const two = watch(gateway);
  one.watching[Symbol.dispose]();
  expect(gateway.remoteSize).toBe(1);
  two.watching[Symbol.dispose]();
  two.watching[Symbol.dispose]();

  expect(gateway.remoteSize).toBe(0);
  expect(clock.timers).toBe(0);
});

it("ignores what strangers write on its subjects", async () => {
  const gateway = processOf("p-2");
  const { shown } = watch(gateway);
  const junk = [
    {},
    { events: "no" },
    { events: [null, 1, { turnId: "other" }, { turnId: "t", attempt: "1" }] },
  ];
  for (const payload of junk) bus.publish("turn.live.t", { id: "x", kind: "k", v: 1, at: 0, payload });
  bus.publish("turn.watched", { id: "x", kind: "k", v: 1, at: 0, payload: { turnId: 5 } });
  await settle();
  await clock.advance(300);

  expect(shown).toEqual([]);
});

it("says more at once, and loses no text, while the bus has no room", async () => {
  let open: () => void = () => undefined;
  const narrow = { ...bus, room: () => new Promise<void>((resolve) => (open = resolve)) };
  const local = createLocalTurnFeed({ logger: createLogRecorder(), metrics: createMetrics() });
  const runner = createBusTurnFeed({
    local,
    bus: narrow,
    clock,
    ids: createIdGenerator(clock),
    processId: "p-1",
  });
  const gateway = processOf("p-2");
  const { shown } = watch(gateway);
  await settle();
  const words = Array.from({ length: 1_000 }, (_, i) => `${i} `);
  play(runner, 1, [{ type: "attempt-start" }, ...words.map(text)]);
  await settle();
  expect(shown).toEqual([]);
  open();
  await settle();

  expect(textOf(shown)).toBe(words.join(""));
  expect(shown.length).toBe(2);
});

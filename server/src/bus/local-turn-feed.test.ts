import type { TurnEvent, TurnEventBody } from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createLocalTurnFeed, type LocalTurnFeed } from "./local-turn-feed.ts";

const end: TurnEventBody = {
  type: "end",
  state: "replied",
  text: "Hello there",
  usage: NO_USAGE,
  costUsd: 0,
};
const text = (said: string): TurnEventBody => ({ type: "text-delta", text: said });
const tool = (callId: string): TurnEventBody => ({ type: "tool", status: "succeeded", callId, name: "dice" });

function setUp(maxTurns?: number) {
  const logger = createLogRecorder();
  const feed = createLocalTurnFeed({
    logger,
    metrics: createMetrics(),
    ...(maxTurns === undefined ? {} : { maxTurns }),
  });
  return { logger, feed };
}

/** Publishes the bodies as attempt `attempt` of `turnId`, numbered from 0. */
function play(feed: LocalTurnFeed, turnId: string, attempt: number, bodies: readonly TurnEventBody[]): void {
  for (const [n, body] of bodies.entries()) feed.publish({ ...body, turnId, attempt, n } as TurnEvent);
}

function watch(feed: LocalTurnFeed, turnId: string) {
  const events: TurnEvent[] = [];
  const watching = feed.subscribe(turnId, (event) => events.push(event));
  return { events, watching };
}

it("calls a listener at once with every event, in order, and lets go after the end", () => {
  const { feed } = setUp();
  const { events } = watch(feed, "t");

  play(feed, "t", 1, [{ type: "attempt-start" }, text("Hello"), text(" there"), end]);

  expect(events.map((event) => event.type)).toEqual(["attempt-start", "text-delta", "text-delta", "end"]);
  expect(feed.size).toBe(0);
});

it("replays the present attempt to a late subscriber, its text merged, then goes on with what follows", () => {
  const { feed } = setUp();
  play(feed, "t", 1, [{ type: "attempt-start" }, text("Hel"), text("lo"), tool("c1"), text(" the")]);

  const { events } = watch(feed, "t");
  feed.publish({ ...text("re"), turnId: "t", attempt: 1, n: 5 } as TurnEvent);

  expect(events).toEqual([
    { type: "attempt-start", turnId: "t", attempt: 1, n: 0 },
    { type: "text-delta", text: "Hello", turnId: "t", attempt: 1, n: 2 },
    { ...tool("c1"), turnId: "t", attempt: 1, n: 3 },
    { type: "text-delta", text: " the", turnId: "t", attempt: 1, n: 4 },
    { type: "text-delta", text: "re", turnId: "t", attempt: 1, n: 5 },
  ]);
});

it("forgets an attempt when the next begins, and what a replaced attempt still says", () => {
  const { feed } = setUp();
  play(feed, "t", 1, [{ type: "attempt-start" }, text("first")]);
  play(feed, "t", 2, [{ type: "attempt-start" }, text("second")]);
  feed.publish({ ...text(" late"), turnId: "t", attempt: 1, n: 2 } as TurnEvent);

  const { events } = watch(feed, "t");

  expect(events.map((event) => [event.attempt, event.type])).toEqual([
    [2, "attempt-start"],
    [2, "text-delta"],
  ]);
  expect(events[1]).toMatchObject({ text: "second" });
});

it("forgets what a model had said that broke off and begins anew within its attempt", () => {
  const { feed } = setUp();
  play(feed, "t", 1, [
    { type: "attempt-start" },
    text("Half an "),
    { type: "attempt-start" },
    text("A whole answer."),
  ]);

  const { events } = watch(feed, "t");

  expect(events.map(({ n, type }) => [n, type])).toEqual([
    [2, "attempt-start"],
    [3, "text-delta"],
  ]);
});

it("replays nothing of a turn that has ended, and keeps nothing of a straggler", () => {
  const { feed } = setUp();
  play(feed, "t", 1, [{ type: "attempt-start" }, text("Hello"), end]);
  feed.publish({ type: "step", step: "dispatch", status: "completed", turnId: "t", attempt: 1, n: 9 });

  const sizeAfter = feed.size;
  const { events, watching } = watch(feed, "t");
  watching[Symbol.dispose]();

  expect([sizeAfter, events.length, feed.size]).toEqual([0, 0, 0]);
});

it("drops and logs a listener that throws, and goes on telling the others", () => {
  const { feed, logger } = setUp();
  let calls = 0;
  feed.subscribe("t", () => {
    calls += 1;
    throw new Error("a listener's defect");
  });
  const { events } = watch(feed, "t");

  play(feed, "t", 1, [{ type: "attempt-start" }, text("Hello"), end]);

  expect(calls).toBe(1);
  expect(events).toHaveLength(3);
  expect(logger.troubles()).toEqual(["feed.listener_failed"]);
});

it("lets a listener stop in the middle, the same function listening twice included", () => {
  const { feed } = setUp();
  const seen: string[] = [];
  const listener = (event: TurnEvent): void => {
    seen.push(event.type);
    if (seen.length === 2) second[Symbol.dispose]();
  };
  feed.subscribe("t", listener);
  const second = feed.subscribe("t", listener);

  play(feed, "t", 1, [{ type: "attempt-start" }, text("Hello")]);

  expect(seen).toEqual(["attempt-start", "attempt-start", "text-delta"]);
});

it("stays within bounds: many tool events of one turn lose the oldest, never text", () => {
  const { feed } = setUp();
  const bodies: TurnEventBody[] = [{ type: "attempt-start" }];
  for (let i = 0; i < 500; i++) bodies.push(text(`${i} `), tool(`c${i}`));
  play(feed, "t", 1, bodies);

  const { events } = watch(feed, "t");

  const said = events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");
  expect(said).toBe(Array.from({ length: 500 }, (_, i) => `${i} `).join(""));
  expect(events.length).toBeLessThanOrEqual(129);
  expect(events[0]?.type).toBe("attempt-start");
  expect(events.map((event) => event.n)).toEqual(events.map((event) => event.n).toSorted((a, b) => a - b));
});

it("stays within bounds: the oldest turn that nobody watches gives its snapshot up", () => {
  const { feed } = setUp(2);
  const { events } = watch(feed, "watched");
  play(feed, "a", 1, [{ type: "attempt-start" }]);
  play(feed, "b", 1, [{ type: "attempt-start" }]);

  const late = watch(feed, "a");
  play(feed, "watched", 1, [{ type: "attempt-start" }]);

  expect(late.events).toEqual([]);
  expect(events).toHaveLength(1);
});

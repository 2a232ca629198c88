import type { AcceptResult, Author, InboundMessage, Principal, ReceivingChannel } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createReceivers } from "./receivers.ts";

type Accept = Parameters<ReceivingChannel["receive"]>[0];
type Receive = (accept: Accept, signal: AbortSignal) => Promise<void>;

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

function setUp(...receivers: readonly Receive[]) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const accepted: { readonly message: InboundMessage; readonly principal: Principal }[] = [];
  const heard: Author[] = [];
  const channels = receivers.map((receive, at) => ({
    agentId: `agent-${at}`,
    channel: {
      id: `wire-${at}`,
      delivery: "keyed",
      send: async () => ({}),
      receive: (accept, { signal }) => receive(accept, signal),
    } satisfies ReceivingChannel,
  }));
  const process = createReceivers({
    channels,
    inbox: {
      async accept(message, principal): Promise<AcceptResult> {
        accepted.push({ message, principal });
        return { kind: "duplicate", turnId: "t", sessionId: "s", state: "replied" };
      },
    },
    onAuthor: (author) => void heard.push(author),
    spaceId: "default",
    clock,
    random: () => 0.5,
    logger,
    metrics: createMetrics(),
  });
  return { clock, logger, accepted, heard, process };
}

const hello = (replyTo?: InboundMessage["replyTo"]): Parameters<Accept>[0] => ({
  sessionKey: "room",
  peerId: "kate",
  audience: ["kate"],
  parts: [{ type: "text", text: "hello" }],
  trigger: "channel",
  lane: "realtime",
  debounceMs: 0,
  receivedAt: 0,
  ...(replyTo === undefined ? {} : { replyTo }),
});

it("hands a channel's messages in for its agent, as its own principal, with the way back", async () => {
  const { clock, accepted, process } = setUp(async (accept, signal) => {
    await accept(hello());
    await accept(hello({ channel: "another", target: "room 7" }));
    await untilAborted(signal);
  });

  process.start(new AbortController().signal);
  await clock.settle();

  expect(accepted.map(({ principal }) => principal)).toEqual([
    { spaceId: "default", kind: "channel", id: "wire-0" },
    { spaceId: "default", kind: "channel", id: "wire-0" },
  ]);
  expect(accepted.map(({ message }) => [message.agentId, message.channel, message.replyTo])).toEqual([
    ["agent-0", "wire-0", { channel: "wire-0", target: "kate" }],
    ["agent-0", "wire-0", { channel: "wire-0", target: "room 7" }],
  ]);
});

it("says who wrote and how the channel shows them, by the name that audiences have", async () => {
  const author = { peerId: "kate", name: "Kate" };
  const { clock, accepted, heard, process } = setUp(async (accept, signal) => {
    await accept({ ...hello(), author });
    await accept(hello());
    await untilAborted(signal);
  });

  process.start(new AbortController().signal);
  await clock.settle();

  expect(accepted.map(({ message }) => message.author)).toEqual([
    { peerId: "wire-0/kate", name: "Kate" },
    undefined,
  ]);
  expect(heard).toEqual([{ peerId: "wire-0/kate", name: "Kate" }]);
});

it("begins a channel again that breaks off or ends, with growing pauses, and holds up no other", async () => {
  const begun: number[] = [];
  let others = 0;
  const { clock, logger, process } = setUp(
    async () => {
      begun.push(clock.monotonicMs());
      if (begun.length % 2 === 1) throw new Error("The platform hung up.");
    },
    async (_accept, signal) => {
      others += 1;
      await untilAborted(signal);
    },
  );

  process.start(new AbortController().signal);
  await clock.advance(10_000);

  expect(begun).toEqual([0, 750, 2_250, 5_250]);
  expect(others).toBe(1);
  expect(new Set(logger.troubles())).toEqual(new Set(["channel.interrupted"]));
});

it("begins with short pauses again once a channel has worked for a while", async () => {
  const begun: number[] = [];
  const { clock, process } = setUp(async () => {
    begun.push(clock.monotonicMs());
    if (begun.length === 3) await new Promise<void>((resolve) => clock.schedule(120_000, resolve));
  });

  process.start(new AbortController().signal);
  await clock.advance(123_100);

  expect(begun.slice(-2)).toEqual([2_250, 123_000]);
});

it("stops when it is told to, and waits for a channel that does not let go no longer than it may", async () => {
  const { clock, process } = setUp(
    (_accept, signal) => untilAborted(signal),
    () => new Promise(() => undefined),
  );
  process.start(new AbortController().signal);
  let isStopped = false;

  const stopping = process.stop(3_000).then(() => {
    isStopped = true;
  });
  await clock.advance(2_999);
  const early = isStopped;
  await clock.advance(1);
  await stopping;

  expect(early).toBe(false);
  expect(clock.timers).toBe(0);
});

it("does nothing further for a channel that was told to stop while it paused", async () => {
  let begun = 0;
  const { clock, process } = setUp(async () => {
    begun += 1;
  });
  process.start(new AbortController().signal);
  await clock.settle();

  await process.stop(1_000);
  await clock.advance(60_000);

  expect(begun).toBe(1);
  expect(clock.timers).toBe(0);
});

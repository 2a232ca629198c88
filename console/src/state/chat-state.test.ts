import { expect, test } from "vitest";
import type { Message } from "../api/types.ts";
import {
  adoptSession,
  EMPTY_CHAT,
  isBusy,
  newThread,
  type Outgoing,
  type Thread,
  withMessages,
} from "./chat-state.ts";
import { exchangesOf } from "./exchanges.ts";
import { newLiveTurn, takeEvent } from "./turn-view.ts";

const message = (seq: number, role: Message["role"], turnId: string): Message => ({
  ...{ id: `m${seq}`, spaceId: "default", sessionId: "s", turnId, seq, turnSeq: seq, role },
  ...{ parts: [{ type: "text", text: `text ${seq}` }], audience: ["me"], outcome: "ok", createdAt: seq },
});
const outgoing = (key: string, turnId?: string): Outgoing => ({
  ...{
    key,
    text: key,
    files: [],
    state: turnId === undefined ? "sending" : "accepted",
    turnId,
    problem: undefined,
    at: 1,
  },
});
const end = {
  ...({ type: "end", state: "replied" } as const),
  ...{ turnId: "a", attempt: 1, n: 1, text: "x", costUsd: 0 },
  usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 },
} as const;
const shown = (thread: Thread): string[] =>
  exchangesOf(thread).map(({ id, questions, reply, live }) =>
    [id, questions.length, reply === undefined ? "" : "reply", live === undefined ? "" : "live"]
      .join(" ")
      .trim(),
  );

test("a conversation reads in the order of its turns, whatever order its messages come in", () => {
  const read = [
    message(4, "assistant", "b"),
    message(1, "user", "a"),
    message(3, "user", "b"),
    message(2, "assistant", "a"),
  ];
  expect(shown(withMessages(newThread("ana", "k"), read))).toEqual(["a 1 reply", "b 1 reply"]);
});

test("what was typed here is shown once, from typing to being read back with its answer", () => {
  let thread: Thread = { ...newThread("ana", "k"), outgoing: [outgoing("k1")] };
  expect(shown(thread)).toEqual(["k1 1"]);
  thread = { ...thread, outgoing: [outgoing("k1", "a")], live: { a: newLiveTurn("a") } };
  expect(shown(thread)).toEqual(["a 1  live"]);
  thread = withMessages(thread, [message(1, "user", "a")]);
  expect(shown(thread)).toEqual(["a 1  live"]);
  thread = { ...thread, live: { a: takeEvent(newLiveTurn("a"), end, false) } };
  thread = withMessages(thread, [message(1, "user", "a"), message(2, "assistant", "a")]);
  expect(shown(thread)).toEqual(["a 1 reply"]);
});

test("an answer is being written from the sending of its question to its end, without a gap", () => {
  const live = { a: newLiveTurn("a") };
  const steps: Thread[] = [
    { ...newThread("ana", "k"), outgoing: [outgoing("k1")] },
    { ...newThread("ana", "k"), outgoing: [outgoing("k1", "a")] },
    { ...newThread("ana", "k"), outgoing: [outgoing("k1", "a")], live },
    { ...newThread("ana", "k"), outgoing: [outgoing("k1", "a")], live: { a: takeEvent(live.a, end, false) } },
    newThread("ana", "k"),
  ];
  expect(steps.map(isBusy)).toEqual([true, true, true, false, false]);
});

test("what is kept of an answer ends it, also where its end was never heard", () => {
  const thread = { ...newThread("ana", "k"), live: { a: newLiveTurn("a") } };
  expect(isBusy(withMessages(thread, [message(1, "user", "a")]))).toBe(true);
  expect(isBusy(withMessages(thread, [message(1, "user", "a"), message(2, "assistant", "a")]))).toBe(false);
});

test("two messages that were joined to one turn are one exchange", () => {
  const thread = {
    ...newThread("ana", "k"),
    outgoing: [outgoing("k1", "a"), outgoing("k2", "a"), outgoing("k3")],
  };
  expect(shown(thread)).toEqual(["a 2", "k3 1"]);
});

test("a new conversation keeps its place when it gets its id", () => {
  const thread = newThread("ana", "k");
  const state = adoptSession(
    { ...EMPTY_CHAT, threads: { [thread.id]: thread }, current: thread.id },
    thread.id,
    "s",
  );
  expect([state.current, Object.keys(state.threads), state.threads.s?.key]).toEqual(["s", ["s"], "k"]);
});

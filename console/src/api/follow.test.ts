import { describe, expect, test } from "vitest";
import { readEvents } from "./event-stream.ts";
import { followTurn } from "./follow.ts";
import { ApiProblem } from "./problem.ts";
import type { TurnEvent } from "./types.ts";

const encoder = new TextEncoder();

function stream(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
}

const line = (event: object): string => `event: x\nid: 1.1\ndata: ${JSON.stringify(event)}\n\n`;
const words = (n: number, text: string): object => ({ type: "text-delta", turnId: "t", attempt: 1, n, text });
const END = { type: "end", turnId: "t", attempt: 1, n: 9, state: "replied", text: "", costUsd: 0 };

function answer(...pieces: readonly string[]): Response {
  return new Response(stream(...pieces), { headers: { "x-troupe-turn": "t", "x-troupe-session": "s" } });
}

describe("an event stream", () => {
  test("is read however its bytes are cut, and comments are no events", async () => {
    const whole = `: hello\n\n${line({ text: "щось" })}event: end\r\ndata: {}\r\n\r\ndata: cut off`;
    const bytes = encoder.encode(whole);
    const cut = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < bytes.length; i += 3) controller.enqueue(bytes.slice(i, i + 3));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(cut)) events.push(event);
    expect(events).toEqual([
      { event: "x", data: '{"text":"щось"}' },
      { event: "end", data: "{}" },
    ]);
  });
});

test("a line that says nothing for long counts as broken", async () => {
  const silent = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(line({ text: "last" }))),
  });
  const events = [];
  for await (const event of readEvents(silent, 20)) events.push(event.data);
  expect(events).toEqual(['{"text":"last"}']);
});

describe("following a turn", () => {
  /** Answers of the server, one after the other: to the message, then to whoever asks for the turn's events. */
  function follow(answers: readonly (Response | Error)[]) {
    const left = [...answers];
    const asked: string[] = [];
    const seen: [string, boolean][] = [];
    const away: boolean[] = [];
    const next = (): Promise<Response> => {
      const one = left.shift();
      return one instanceof Response
        ? Promise.resolve(one)
        : Promise.reject(one ?? new Error("No answer is left."));
    };
    let accepted = 0;
    const end = followTurn({
      send: () => {
        asked.push("send");
        return next();
      },
      watch: (turnId) => {
        asked.push(`events of ${turnId}`);
        return next();
      },
      onAccepted: () => {
        accepted += 1;
      },
      onEvent: (event: TurnEvent, isFirst) => seen.push([event.type, isFirst]),
      onAway: (isAway) => away.push(isAway),
      signal: new AbortController().signal,
      wait: () => Promise.resolve(),
    });
    return { end, asked, seen, away, accepted: () => accepted };
  }

  const offline = (): ApiProblem => new ApiProblem("gone", { code: "offline", status: 0 });

  test("goes on by the turn's own events when the line breaks, and tells which event is a connection's first", async () => {
    const followed = follow([
      answer(line(words(1, "a")), line(words(2, "b"))),
      answer(line(words(2, "ab")), line(END)),
    ]);
    expect(await followed.end).toMatchObject({ state: "replied" });
    expect(followed.asked).toEqual(["send", "events of t"]);
    expect(followed.seen).toEqual([
      ["text-delta", true],
      ["text-delta", false],
      ["text-delta", true],
      ["end", false],
    ]);
    expect(followed.accepted()).toBe(1);
  });

  test("sends the message again while nobody answers, and says that Troupe is away until it is there", async () => {
    const notReady = new ApiProblem("starting", { code: "not_ready", status: 503 });
    const followed = follow([offline(), offline(), answer(), offline(), notReady, answer(line(END))]);
    await followed.end;
    expect(followed.asked).toEqual(["send", "send", "send", ...Array(3).fill("events of t")]);
    expect(followed.away).toEqual([true, false, true, false]);
  });

  test("ends at once with what the message was refused with", async () => {
    const refusal = new ApiProblem("The budget is spent.", { code: "budget.exceeded", status: 402 });
    const followed = follow([refusal]);
    await expect(followed.end).rejects.toBe(refusal);
    expect(followed.accepted()).toBe(0);
  });

  test("says that Troupe is there when what waited for it is refused", async () => {
    const refusal = new ApiProblem("The budget is spent.", { code: "budget.exceeded", status: 402 });
    const followed = follow([offline(), refusal]);
    await expect(followed.end).rejects.toBe(refusal);
    expect(followed.away).toEqual([true, false]);
  });
});

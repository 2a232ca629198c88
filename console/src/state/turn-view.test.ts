import { describe, expect, test } from "vitest";
import type { TurnEvent } from "../api/types.ts";
import { type LiveTurn, newLiveTurn, takeEvent } from "./turn-view.ts";

type Body = TurnEvent extends infer Event
  ? Event extends TurnEvent
    ? Omit<Event, "turnId" | "attempt" | "n">
    : never
  : never;

const event = (attempt: number, n: number, body: Body): TurnEvent =>
  ({ turnId: "t", attempt, n, ...body }) as TurnEvent;
const begin = (attempt: number, n = 0): TurnEvent => event(attempt, n, { type: "attempt-start" });
const text = (attempt: number, n: number, words: string): TurnEvent =>
  event(attempt, n, { type: "text-delta", text: words });
const tool = (n: number, callId: string, status: "started" | "succeeded"): TurnEvent =>
  event(1, n, { type: "tool", callId, name: "dice", status });
const end = (attempt: number, words: string): TurnEvent =>
  event(attempt, Number.MAX_SAFE_INTEGER, {
    ...{ type: "end", state: "replied", text: words, costUsd: 0 },
    usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 },
  });

/** Connections one after the other, each from its first event. */
function show(...connections: (readonly TurnEvent[])[]): LiveTurn {
  let live = newLiveTurn("t");
  for (const events of connections) {
    for (const [i, one] of events.entries()) live = takeEvent(live, one, i === 0);
  }
  return live;
}
const shown = (live: LiveTurn): string =>
  live.parts.map((part) => (part.type === "tool" ? `[${part.name} ${part.status}]` : part.text)).join("|");

describe("a turn that is watched", () => {
  test("shows words as they come, and each tool once where it began", () => {
    const live = show([
      ...[
        begin(1),
        text(1, 1, "I "),
        text(1, 2, "roll."),
        tool(3, "c1", "started"),
        tool(4, "c2", "started"),
      ],
      ...[tool(5, "c1", "succeeded"), text(1, 6, "Six.")],
    ]);
    expect(shown(live)).toBe("I roll.|[dice succeeded]|[dice started]|Six.");
  });

  test("replaces what it showed when a new attempt begins, and when a model begins anew within one", () => {
    expect(shown(show([begin(1), text(1, 1, "wrong"), begin(2), text(2, 1, "right")]))).toBe("right");
    expect(shown(show([begin(1), text(1, 1, "wrong"), begin(1, 2), text(1, 3, "right")]))).toBe("right");
    // The beginning of the attempt itself may be lost.
    expect(shown(show([begin(1), text(1, 1, "wrong"), text(2, 4, "right")]))).toBe("right");
  });

  test("doubles nothing when the line breaks and the attempt is told again from its start", () => {
    const live = show(
      [begin(1), text(1, 1, "Once "), text(1, 2, "upon ")],
      // Merged on the way, under the number of the last.
      [begin(1), text(1, 3, "Once upon a ")],
      [text(1, 4, "Once upon a time")],
    );
    expect(shown(live)).toBe("Once upon a time");
  });

  test("takes nothing twice and nothing late", () => {
    const live = show([
      begin(2),
      text(2, 1, "a"),
      text(2, 1, "a"),
      text(2, 3, "c"),
      text(2, 2, "b"),
      text(1, 9, "old"),
    ]);
    expect(shown(live)).toBe("ac");
  });

  test("has one end, whatever comes after it, and an end that is read from the record counts", () => {
    const live = show(
      [begin(1), text(1, 1, "Hel"), end(1, "Hello.")],
      [begin(1), text(1, 1, "again"), end(1, "again")],
    );
    expect(live.end).toMatchObject({ text: "Hello." });
    expect(shown(live)).toBe("Hel");
    expect(show([begin(3), end(0, "")]).end).toBeDefined();
  });
});

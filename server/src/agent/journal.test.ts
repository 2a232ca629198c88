import type { TurnStep } from "@troupe/contracts";
import { describe, expect, it } from "vitest";
import { callNumber, createReplay } from "./journal.ts";

const NO_USAGE = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };

function model(n: number, text = `step ${n}`): TurnStep {
  return {
    kind: "model",
    n,
    at: 0,
    output: { model: "m", text, calls: [], usage: NO_USAGE, costMicroUsd: 0 },
  };
}

function intent(n: number, tool: string): TurnStep {
  return { kind: "intent", n, at: 0, callId: "c", tool };
}

function result(n: number, name: string): TurnStep {
  return { kind: "result", n, at: 0, result: { type: "tool-result", callId: "c", name, text: "done" } };
}

describe("a journal is replayed", () => {
  it("up to its first gap: what follows answered something that is not known any more", () => {
    const replay = createReplay(
      [model(0), result(callNumber(0, 0), "look"), model(2), result(callNumber(2, 0), "look")],
      "loop",
    );

    expect([replay.model(0)?.text, replay.model(1), replay.model(2)]).toEqual([
      "step 0",
      undefined,
      undefined,
    ]);
    expect(replay.call(callNumber(0, 0), "look")?.kind).toBe("done");
    expect(replay.call(callNumber(2, 0), "look")).toBeUndefined();
  });

  it("past an answer that a message had joined, since a further step follows it", () => {
    const replay = createReplay([model(0), model(1)], "loop");

    expect([replay.goesOn(0), replay.goesOn(1)]).toEqual([true, false]);
  });

  it("with an external call that nobody saw the end of as unknown", () => {
    const replay = createReplay([model(0), intent(callNumber(0, 1), "act")], "loop");

    expect(replay.call(callNumber(0, 1), "act")).toEqual({ kind: "unknown" });
    expect(replay.call(callNumber(0, 0), "act")).toBeUndefined();
  });

  it("only for the tool that was called there, not for another one at its place", () => {
    const replay = createReplay([model(0), result(callNumber(0, 0), "look")], "loop");

    expect(replay.call(callNumber(0, 0), "note")).toBeUndefined();
  });

  it("for a direct call without any step of a model", () => {
    const replay = createReplay([intent(callNumber(0, 0), "act")], "direct");

    expect(replay.call(callNumber(0, 0), "act")).toEqual({ kind: "unknown" });
  });
});

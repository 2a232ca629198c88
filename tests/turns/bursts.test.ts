import type { Gate } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStage, promptOf, recordOf, type Stage } from "./stage.ts";

/** Several messages that come one after the other and are answered together. */

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const burst = { debounceMs: 500 };

test("messages that arrive while the first of them is being kept are one turn", async () => {
  const one = await stage.process("one");

  const sent = await Promise.all(["I have", "a question", "about cats"].map((text) => one.send(text, burst)));
  await stage.clock.advance(600);

  expect(sent).toMatchObject([{ position: "queued" }, { position: "merged" }, { position: "merged" }]);
  expect(stage.model.requests).toHaveLength(1);
  expect(promptOf(stage, 0).slice(-3)).toEqual(["user: I have", "user: a question", "user: about cats"]);
});

test("a message behind one that could not be kept begins a burst of its own", async () => {
  let isBroken = false;
  const one = await stage.process("one", {
    beforeCommit: async () => {
      if (!isBroken) return;
      isBroken = false;
      throw new Error("the first is not kept");
    },
  });

  isBroken = true;
  const [first, second] = await Promise.allSettled([one.send("lost", burst), one.send("kept", burst)]);
  await stage.clock.advance(600);

  expect(first.status).toBe("rejected");
  expect(second).toMatchObject({ value: { kind: "accepted", position: "queued" } });
  expect(promptOf(stage, 0).at(-1)).toBe("user: kept");
});

test("what joins a burst that a gate has put off does not bring it forward", async () => {
  const morning = stage.clock.now() + 3_600_000;
  const quiet: Gate = {
    id: "quiet-hours",
    check: ({ parts }) =>
      parts[0]?.type === "text" && parts[0].text === "an exception"
        ? { kind: "allow" }
        : { kind: "defer", untilMs: morning, reason: "quiet hours" },
  };
  const one = await stage.process("one", { gates: [quiet] });

  const { turnId } = await one.say("I have", burst);
  await one.say("a question", burst);
  await one.say("an exception", burst);
  await stage.clock.advance(60_000);
  const before = (await recordOf(stage, turnId)).turn;
  await stage.clock.advance(3_600_000);
  const after = (await recordOf(stage, turnId)).turn;

  expect(before).toMatchObject({ state: "queued", dueAt: morning });
  expect(after).toMatchObject({ state: "replied", inboundCount: 3 });
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, openStage, promptOf, type Stage } from "./stage.ts";

/** Groups whose people change: what is answered there is made of what all who read it now know. */

const TWO = { sessionKey: "group", peerId: "group", audience: ["kate", "max"] };
const THREE = { ...TWO, audience: ["kate", "max", "zoe"] };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const lastPrompt = (): string => promptOf(stage, stage.model.requests.length - 1).join("\n");

test("whoever joins a group is answered from what was said since", async () => {
  const one = await stage.process("one");
  await one.say("The present for Zoe is a kite.", TWO);
  await one.say("Hello Zoe!", THREE);

  await one.say("What did we talk about?", THREE);

  expect(lastPrompt()).toContain("Hello Zoe!");
  expect(lastPrompt()).not.toContain("kite");
});

test("those who stay when somebody leaves are answered from all of it again", async () => {
  const one = await stage.process("one");
  await one.say("The present for Zoe is a kite.", TWO);
  await one.say("Hello Zoe!", THREE);

  await one.say("She is gone. What is the present?", TWO);

  expect(lastPrompt()).toContain("kite");
  expect(lastPrompt()).toContain("Hello Zoe!");
});

test("another process that reads the conversation anew shows the same", async () => {
  const one = await stage.process("one");
  await one.say("The present for Zoe is a kite.", TWO);
  await one.say("Hello Zoe!", THREE);
  const two = await stage.process("two");

  await two.say("What did we talk about?", THREE);

  expect(lastPrompt()).toContain("Hello Zoe!");
  expect(lastPrompt()).not.toContain("kite");
});

test("what the conversation was called before somebody joined is not told to them", async () => {
  const one = await stage.process("one", { hasStorylines: true });
  await one.say("The present for Zoe is a kite.", TWO);

  const listed = await one.say("/storyline", THREE);
  const sessions = await one.say("/sessions", THREE);

  for (const { turnId } of [listed, sessions])
    expect(endOf(one.events, turnId)?.text).not.toContain("present for Zoe");
});

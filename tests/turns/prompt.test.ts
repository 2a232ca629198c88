import type { PromptBlock } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bytesOf, prefixShare, summariser } from "./prompt-stage.ts";
import { endOf, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const blocksOf = async (turnId: string): Promise<readonly PromptBlock[]> =>
  (await recordOf(stage, turnId)).turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];

const summariesOf = async (turnIds: readonly string[]): Promise<number> => {
  const all = await Promise.all(turnIds.map((id) => stage.stores.effects.ofTurn(id, options)));
  return all.flat().filter(({ kind }) => kind === "storyline.summary").length;
};

/** Lets summaries be made that turns have put. */
async function behind(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const lanes = await stage.stores.effects.lanes("default", options);
    if (lanes.every(({ running, due }) => running + due === 0)) return;
    await stage.clock.advance(20);
  }
  throw new Error("The effects were not done.");
}

test("a turn keeps what its prompt was made of, sizes and reasons alone, and a command asks for none", async () => {
  const one = await stage.process("one", {
    modules: [
      {
        ...{ id: "memory", budgetTokens: 100 },
        gather: async () => ({ text: "They like tea.", detail: "1 memory" }),
      },
    ],
  });
  await one.say("hello");

  const { turnId } = await one.say("do I like tea?");
  const command = await one.say("/roll 2d6");

  const blocks = await blocksOf(turnId);
  expect(blocks.map(({ block, why }) => [block, why])).toEqual([
    ["instructions", "what the agent is"],
    ["tools", expect.stringMatching(/^\d+ tools$/)],
    ["messages", "1 turn of this storyline, from turn 1"],
    ["newest", "1 message of this turn"],
  ]);
  expect((await blocksOf((await one.say("and now?")).turnId)).every(({ tokens }) => tokens > 0)).toBe(true);
  expect(JSON.stringify(blocks)).not.toContain("tea?");
  expect(await blocksOf(command.turnId)).toEqual([]);
});

test("over 520 turns the prompt stays flat, keeps nine tenths of its prefix, and its beginning is a summary", async () => {
  const { handler, requests } = summariser(stage, (lines) => {
    const numbers = [...lines.matchAll(/number (\d+)/g)].map(([, number]) => Number(number));
    return `They counted up to number ${Math.max(...numbers)}.`;
  });
  const one = await stage.process("one", {
    settings: { historyTokens: 3_000 },
    effectHandlers: [handler],
  });
  const turnIds: string[] = [];
  const words = "a plain sentence about the garden, the weather and what there is to do today";

  for (let n = 1; n <= 520; n++) {
    turnIds.push((await one.say(`This is number ${n}: ${words}.`)).turnId);
    await behind();
  }

  const prompts = stage.model.requests.map(bytesOf);
  const sizes = prompts.map(({ length }) => length);
  const early = Math.max(...sizes.slice(0, 260));
  expect(Math.max(...sizes.slice(260))).toBeLessThanOrEqual(early * 1.05);
  const shares = prompts.slice(1).map((next, at) => prefixShare(prompts[at] ?? "", next));
  const broken = shares.slice(10).filter((share) => share < 90).length;
  const compactions = await stage.stores.storylines.compactions(
    (await recordOf(stage, turnIds[0] ?? "")).turn.sessionId,
    options,
  );
  expect(compactions).toHaveLength(1);
  // Each time that the history is shortened the prefix changes once, and at no other time.
  expect(broken).toBeLessThanOrEqual(requests.length);
  expect(broken).toBeLessThan(520 / 15);
  expect(shares.toSorted((a, b) => a - b)[Math.floor(shares.length / 2)]).toBeGreaterThan(95);
  expect(promptOf(stage, 519)[1]).toMatch(
    /^system: Earlier in this conversation:\nThey counted up to number \d+\.$/,
  );
  // What the summary tells reaches up to what is shown.
  const [, summary = "", first = ""] = promptOf(stage, 519);
  const told = Number(/number (\d+)/.exec(summary)?.[1]);
  expect(told).toBeGreaterThanOrEqual(Number(/number (\d+)/.exec(first)?.[1]) - 1);
}, 120_000);

test("another process shows the same summary and the same turns", async () => {
  const { handler } = summariser(stage, () => "They counted.");
  const over = { settings: { historyTokens: 1_000 }, effectHandlers: [handler] };
  const one = await stage.process("one", over);
  for (let n = 1; n <= 40; n++) {
    await one.say(`This is number ${n} of a long row of messages about nothing at all.`);
    await behind();
  }
  const before = bytesOf(stage.model.requests.at(-1) as never);
  const two = await stage.process("two", over);

  await two.say("and now?");

  const after = bytesOf(stage.model.requests.at(-1) as never);
  expect(before).toContain("They counted.");
  expect(prefixShare(before, after)).toBe(100);
});

test("a budget that cannot be kept asks for few summaries, comes to an end, and fails no turn", async () => {
  const { handler } = summariser(stage, () => "Words.");
  const one = await stage.process("one", { settings: { historyTokens: 1_000 }, effectHandlers: [handler] });
  const turnIds: string[] = [];
  for (let n = 0; n < 24; n++) {
    turnIds.push((await one.say(`${n} ${"word ".repeat(1_500)}`)).turnId);
    await behind();
  }

  expect(turnIds.map((id) => endOf(one.events, id)?.state)).toEqual(turnIds.map(() => "replied"));
  expect(await summariesOf(turnIds)).toBeLessThanOrEqual(24 / 4);
  // The newest turns are shown as they were said, however long they are.
  expect(promptOf(stage, 23).filter((line) => line.startsWith("user: "))).toHaveLength(3);
});

test("without a model for summaries the history is cut at its bound, and no turn waits for one", async () => {
  const one = await stage.process("one", { settings: { historyTokens: 1_000 } });
  for (let n = 0; n < 60; n++) await one.say(`${n} ${"word ".repeat(40)}`);

  const sizes = stage.model.requests.map((request) => bytesOf(request).length);
  expect(Math.max(...sizes)).toBeLessThan(3 * 1_000 * 3.5);
});

test("a person has the history shortened, and what was said is kept", async () => {
  const { handler } = summariser(stage, (lines) => `Told: ${/cat is called (\w+)/.exec(lines)?.[1]}.`);
  const one = await stage.process("one", { effectHandlers: [handler] });
  for (const text of ["my cat is called Mia", "it is white", "it sleeps", "it eats"]) await one.say(text);

  const command = await one.say("/compact");
  await behind();
  const { sessionId } = await one.say("what do you know of it?");

  expect(endOf(one.events, command.turnId)?.text).toMatch(/^From here on I go on with a summary/);
  const prompt = promptOf(stage, 4);
  expect(prompt[1]).toBe("system: Earlier in this conversation:\nTold: Mia.");
  expect(prompt.some((line) => line.includes("my cat is called Mia"))).toBe(false);
  expect(prompt.at(-1)).toBe("user: what do you know of it?");
  const { items } = await stage.stores.sessions.messages({ sessionId }, options);
  expect(items[0]?.parts).toEqual([{ type: "text", text: "my cat is called Mia" }]);
});

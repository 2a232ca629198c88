import type { Module } from "@troupe/contracts";
import { createScriptedModel } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { summariser } from "./prompt-stage.ts";
import { endOf, NEVER, openStage, promptOf, recordOf, type Stage, type StagedProcess } from "./stage.ts";

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const TRAIN = "Book me a night train from Lviv to Vienna on Friday";
const TRAIN_AGAIN = "What was the price of the sleeper ticket to Vienna on the night train?";
const SOUP = "Hello! I want to cook pumpkin soup with garlic for dinner";
const SOUP_ON = "How long does the pumpkin soup boil?";

const ANSWERS: Readonly<Record<string, string>> = {
  [TRAIN]: "The night train to Vienna leaves Lviv at ten in the evening. A sleeper ticket costs 60 euros.",
  [SOUP]: "Roast the pumpkin with garlic first, then boil the soup.",
};

type Said = Awaited<ReturnType<StagedProcess["say"]>>;

async function say(
  process: StagedProcess,
  text: string,
  over: Parameters<StagedProcess["say"]>[1] = {},
): Promise<Said> {
  stage.model.enqueue({ text: ANSWERS[text] ?? "Yes." });
  return process.say(text, over);
}

async function placedOf({ turnId }: Said): Promise<string | undefined> {
  const { turn } = await recordOf(stage, turnId);
  return turn.trace.find(({ what }) => what === "place")?.detail;
}

const SUMMARY = "A night train to Vienna on Friday was looked for; the sleeper ticket costs 60 euros.";

async function summarise(sessionId: string, audience: readonly string[] = ["p1"]): Promise<void> {
  const { unit, storylines } = stage.stores;
  const id = String((await storylines.ofSession(sessionId, options))?.id);
  const update = { id, audience, title: TRAIN, summary: SUMMARY, summaryTurnSeq: 1, at: 5 };
  await unit.commit([storylines.summarise(update)], options);
}

const open = (): Promise<StagedProcess> => stage.process("one", { hasStorylines: true });

test("turns go on with their storyline, begin another, and resume the first by what they share with it", async () => {
  const one = await open();

  const train = await say(one, TRAIN);
  const soup = await say(one, SOUP);
  const on = await say(one, SOUP_ON);
  const back = await say(one, TRAIN_AGAIN);

  expect(await placedOf(train)).toBe(`began "${TRAIN}"`);
  expect(await placedOf(soup)).toMatch(/^began "Hello!/);
  expect(await placedOf(on)).toMatch(/^continued "Hello!/);
  expect(await placedOf(back)).toBe(`resumed "${TRAIN}"`);
  const home = await stage.stores.storylines.ofSession(train.sessionId, options);
  expect(home?.title).toBe(TRAIN);
  const placed = await stage.stores.storylines.placedIn(train.sessionId, 0, options);
  expect(placed.map(({ turnSeq, title }) => [turnSeq, title])).toEqual([
    [3, "Hello!"],
    [5, "Hello!"],
  ]);
});

test("what a channel brings is placed like what is said anywhere else, and what no person said is not", async () => {
  const one = await open();
  await say(one, TRAIN, { trigger: "channel" });

  const soup = await say(one, SOUP, { trigger: "channel" });
  const back = await say(one, TRAIN_AGAIN, { trigger: "channel" });
  const job = await say(one, SOUP_ON, { trigger: "job" });

  expect(await placedOf(soup)).toMatch(/^began "Hello!/);
  expect(await placedOf(back)).toBe(`resumed "${TRAIN}"`);
  expect(await placedOf(job)).toBe(`continued "${TRAIN}"`);
});

test("another process knows the storylines of a session as the first one left them", async () => {
  const one = await open();
  await say(one, TRAIN);
  await say(one, SOUP);
  await say(one, SOUP_ON);
  const two = await stage.process("two", { hasStorylines: true });

  const back = await say(two, TRAIN_AGAIN);

  expect(await placedOf(back)).toBe(`resumed "${TRAIN}"`);
});

test("a storyline of the same person is resumed in another session, and the model is told of it", async () => {
  const one = await open();
  const { sessionId } = await say(one, TRAIN);
  await summarise(sessionId);

  const back = await say(one, TRAIN_AGAIN, { sessionKey: "s2" });

  expect(back.sessionId).not.toBe(sessionId);
  expect(await placedOf(back)).toBe(`resumed "${TRAIN}"`);
  expect(promptOf(stage, 1).join("\n")).toContain(SUMMARY);
});

test("a storyline that began in another session after this one was last talked in is resumed here too", async () => {
  const one = await open();
  await say(one, SOUP, { sessionKey: "s2" });
  await say(one, TRAIN);

  const there = await say(one, TRAIN_AGAIN, { sessionKey: "s2" });
  const back = await say(one, SOUP_ON, { sessionKey: "s2" });

  expect(await placedOf(there)).toBe(`resumed "${TRAIN}"`);
  expect(await placedOf(back)).toMatch(/^resumed "Hello!/);
});

test("a greeting alone leads to no other session, whatever that began with", async () => {
  const one = await open();
  await say(one, "hello");

  const again = await say(one, "hello", { sessionKey: "s2" });

  expect(await placedOf(again)).toBe('began "hello"');
});

test("a prompt shows its own storyline whole, and of the others what was said last, once", async () => {
  const one = await open();
  await say(one, TRAIN);
  await say(one, SOUP);
  await say(one, SOUP_ON);
  await say(one, TRAIN_AGAIN);
  await say(one, "Is there a ticket for my dog on the night train to Vienna?");

  const [, soup = [], on = [], back = [], dog = []] = [0, 1, 2, 3, 4].map((n) => promptOf(stage, n));
  const others = "system: Said last in this conversation about something else";
  // A new subject begins with what was said before it, in short.
  expect(soup.map((line) => line.split(",")[0])).toEqual([expect.any(String), others, `user: ${SOUP}`]);
  expect(soup[1]).toContain(`[${TRAIN}] user: ${TRAIN}`);
  expect(on.filter((line) => line.startsWith("user: "))).toEqual([`user: ${SOUP}`, `user: ${SOUP_ON}`]);
  expect(back.filter((line) => !line.startsWith("system: "))).toEqual([
    `user: ${TRAIN}`,
    `assistant: ${ANSWERS[TRAIN]}`,
    `user: ${TRAIN_AGAIN}`,
  ]);
  expect(back.find((line) => line.startsWith(others))).toContain(`[Hello!] user: ${SOUP_ON}`);
  // It stays where it stood, and nothing is told of others again.
  expect(dog.slice(0, back.length)).toEqual(back);
  expect(dog.filter((line) => line.startsWith(others))).toHaveLength(1);
});

test("the summary of a storyline tells of that one alone", async () => {
  const { handler, requests } = summariser(stage, () => "In short.");
  const one = await stage.process("one", {
    ...{ hasStorylines: true, settings: { summaryEveryTurns: 2 }, effectHandlers: [handler] },
  });
  for (const text of [TRAIN, SOUP, SOUP_ON]) await say(one, text);
  await stage.clock.advance(100);

  expect(requests).toHaveLength(1);
  expect(requests[0]?.messages.at(-1)?.text).toContain(SOUP);
  expect(requests[0]?.messages.at(-1)?.text).not.toContain("Vienna");
});

test("another process shows a storyline of several as the first one did", async () => {
  const one = await open();
  for (const text of [TRAIN, SOUP, SOUP_ON]) await say(one, text);
  const two = await stage.process("two", { hasStorylines: true });

  await say(two, TRAIN_AGAIN);

  const said = promptOf(stage, 3).filter((line) => line.startsWith("user: "));
  expect(said).toEqual([`user: ${TRAIN}`, `user: ${TRAIN_AGAIN}`]);
});

test("what is recalled is what the prompt does not show, also of the same conversation", async () => {
  const seen: (readonly number[] | undefined)[] = [];
  const memory: Module = {
    ...{ id: "memory", budgetTokens: 100 },
    async gather({ shownTurns }) {
      seen.push(shownTurns === undefined ? undefined : [...shownTurns]);
      return { text: "" };
    },
  };
  const one = await stage.process("one", { hasStorylines: true, modules: [memory] });
  for (const text of [TRAIN, SOUP, SOUP_ON, TRAIN_AGAIN]) await say(one, text);

  // A turn that goes elsewhere than it seemed to is gathered for once more.
  expect(seen).toEqual([undefined, undefined, [], [3], [3, 5], [1]]);
});

test("a storyline that goes on in another session brings what was said last, as far as its readers know it", async () => {
  const one = await open();
  const { sessionId } = await say(one, TRAIN);
  await summarise(sessionId);

  const back = await say(one, TRAIN_AGAIN, { sessionKey: "s2" });

  const [told = ""] = promptOf(stage, 1).filter((line) => line.includes("earlier storyline"));
  expect(told).toContain(SUMMARY);
  expect(told).toContain(`] user: ${TRAIN}\n`);
  expect(told).toContain(`] assistant: ${ANSWERS[TRAIN]}`);
  const { turn } = await recordOf(stage, back.turnId);
  const recalled = turn.trace.find(({ sources }) => sources !== undefined);
  expect(recalled?.sources?.map((source) => source.kind)).toEqual(["message", "message"]);
  const blocks = turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];
  expect(blocks.map(({ block }) => block)).toContain("elsewhere");
});

test("messages of another session that one of the readers does not know stay there", async () => {
  const one = await open();
  const about = { sessionKey: "s1", peerId: "p1" };
  const { sessionId } = await say(one, TRAIN, { ...about, audience: ["p1", "p2"] });
  await say(one, "For you alone: the night train to Vienna is a surprise", { ...about, audience: ["p1"] });
  await summarise(sessionId, ["p1", "p2"]);

  await say(one, TRAIN_AGAIN, { peerId: "p1", sessionKey: "s2", audience: ["p1", "p2"] });

  const prompt = promptOf(stage, 2).join("\n");
  expect(prompt).toContain(SUMMARY);
  expect(prompt).not.toContain("surprise");
});

test("nobody is led to a storyline of which one of the readers does not know", async () => {
  const one = await open();
  const { sessionId } = await say(one, TRAIN, { peerId: "p1", sessionKey: "private", audience: ["p1"] });
  await summarise(sessionId);

  const group = await say(one, TRAIN_AGAIN, { peerId: "p1", sessionKey: "group", audience: ["p1", "p2"] });

  expect(await placedOf(group)).toMatch(/^began "What was the price/);
  expect(promptOf(stage, 1).join("\n")).not.toContain("earlier storyline");
});

test("a person sees what is open and goes on with another one", async () => {
  const one = await open();
  await say(one, TRAIN);
  await say(one, SOUP);

  const list = await one.say("/storyline");
  const choice = await one.say("/storyline 2");
  const on = await say(one, "And how early must I be there?");
  const unknown = await one.say("/storyline 9");

  expect(endOf(one.events, list.turnId)).toMatchObject({
    text: `Open storylines:\n1. Hello! (this one)\n2. ${TRAIN}\nGo on with another one: /storyline NUMBER`,
  });
  expect(endOf(one.events, choice.turnId)).toMatchObject({ text: `We go on with: ${TRAIN}` });
  expect(await placedOf(choice)).toBe(`was sent to "${TRAIN}"`);
  expect(await placedOf(on)).toBe(`continued "${TRAIN}"`);
  expect(endOf(one.events, unknown.turnId)).toMatchObject({
    text: expect.stringContaining("no such storyline"),
  });
});

test("a failed turn is placed nowhere, and the next one is placed as if it had not been", async () => {
  const one = await open();
  await say(one, TRAIN);
  stage.model.enqueue({ error: new Error("broken") as never });
  await one.say(SOUP);

  const on = await say(one, TRAIN_AGAIN);

  expect(await placedOf(on)).toBe(`continued "${TRAIN}"`);
});

test("without the word vectors turns are placed by words, and without the store where their session began", async () => {
  const one = await stage.process("one", { hasStorylines: true });
  const { stores } = stage;
  const own = stores.storylines.ofPeer;
  Object.assign(stores.storylines, { ofPeer: () => Promise.reject(new Error("away")) });

  const train = await say(one, TRAIN);

  Object.assign(stores.storylines, { ofPeer: own });
  expect(await placedOf(train)).toBe(`began "${TRAIN}"`);
  expect(endOf(one.events, train.turnId)).toMatchObject({ state: "replied" });
});

test("where the scores are unsure a model is asked if the configuration says so, and it is counted", async () => {
  const small = createScriptedModel();
  const one = await stage.process("one", {
    hasStorylines: true,
    small,
    asksModel: (asker) => asker === "storylines",
  });
  await say(one, TRAIN);
  small.enqueue({ text: "storylines: new" });

  const soup = await say(one, "I need a present for my mother");

  expect(await placedOf(soup)).toMatch(/^began "I need a present/);
  expect(one.metrics.render()).toContain("storyline_questions_total 1");
  expect(one.metrics.render()).toMatch(/storyline_placements_total\{.*unsure="yes".*\} 1/);
});

test("without a model they go on with their storyline where the scores are unsure", async () => {
  const one = await open();
  await say(one, TRAIN);

  const soup = await say(one, "I need a present for my mother");

  expect(await placedOf(soup)).toBe(`continued "${TRAIN}"`);
});

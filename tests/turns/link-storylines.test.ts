import type { InboundMessage, Storyline } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPersonBook } from "../../server/src/memory/index.ts";
import { endOf, NEVER, openStage, promptOf, recordOf, type Stage, type StagedProcess } from "./stage.ts";

/** A subject that one person talks of on two channels. */

const options = { signal: NEVER };
const NORTH = { channel: "north", sessionKey: "n", peerId: "zoe", audience: ["north/zoe"] };
const SOUTH = { channel: "south", sessionKey: "s", peerId: "7", audience: ["south/7"] };
const GROUP = { channel: "south", sessionKey: "g", peerId: "7", audience: ["south/7", "south/8"] };
/** Called as the linked one is, on a channel of its own. */
const NAMESAKE = { channel: "west", sessionKey: "w", peerId: "zoe", audience: ["west/zoe"] };

const TRAIN = "Book me a night train from Lviv to Vienna on Friday";
const TOLD = "The night train to Vienna leaves Lviv at ten in the evening. A sleeper ticket costs 60 euros.";
const TRAIN_AGAIN = "What was the price of the sleeper ticket to Vienna on the night train?";
const TRAIN_ON = "And is breakfast part of the sleeper ticket to Vienna?";
const SUMMARY = "A night train to Vienna on Friday was looked for; the sleeper ticket costs 60 euros.";

let stage: Stage;
let one: StagedProcess;
beforeEach(async () => {
  stage = await openStage();
  one = await open("one");
});
afterEach(() => stage.close());

function open(id: string): Promise<StagedProcess> {
  const { clock, stores } = stage;
  const people = createPersonBook({ clock, logger: createLogRecorder(), persons: stores.persons });
  return stage.process(id, { people, hasStorylines: true });
}

async function say(text: string, where: Partial<InboundMessage>, answer = "Yes.", by = one): Promise<string> {
  stage.model.enqueue({ text: answer });
  return (await by.say(text, where)).turnId;
}

const placedOf = async (turnId: string): Promise<string | undefined> =>
  (await recordOf(stage, turnId)).turn.trace.find(({ what }) => what === "place")?.detail;
const lastPrompt = (): string => promptOf(stage, stage.model.requests.length - 1).join("\n");

async function link(): Promise<void> {
  const told = await one.say("/link", NORTH);
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(endOf(one.events, told.turnId)?.text ?? "")?.[0];
  await one.say(`/link ${code}`, SOUTH);
}

/** The storyline of the north, with a summary that only its name knows. */
async function tellNorth(): Promise<Storyline> {
  const { unit, storylines, turns } = stage.stores;
  const turnId = await say(TRAIN, NORTH, TOLD);
  const sessionId = (await turns.get(turnId, options))?.sessionId ?? "";
  const begun = await storylines.ofSession(sessionId, options);
  if (begun === undefined) throw new Error("No storyline was begun.");
  const about = { audience: ["north/zoe"], title: TRAIN, summary: SUMMARY, summaryTurnSeq: 1, at: 5 };
  await unit.commit([storylines.summarise({ id: begun.id, ...about })], options);
  return begun;
}

const turnsOf = async ({ id }: Storyline): Promise<readonly string[]> =>
  (await stage.stores.storylines.turnsOf(id, 20, options)).map(({ turnId }) => turnId);

test("a storyline of one name is resumed under the other one, told with what was said last, and goes on there", async () => {
  const train = await tellNorth();
  await link();

  const back = await say(TRAIN_AGAIN, SOUTH);
  const shown = lastPrompt();
  const on = await say(TRAIN_ON, SOUTH);
  const two = await open("two");
  const later = await say("And the ticket for the dog on the train?", SOUTH, "Yes.", two);

  expect(await placedOf(back)).toBe("resumed a storyline of another name");
  expect(shown).toContain(SUMMARY);
  expect(shown).toContain(`] assistant: ${TOLD}`);
  expect(await placedOf(on)).toBe("continued a storyline of another name");
  expect(await turnsOf(train)).toEqual(expect.arrayContaining([back, on, later]));
});

test("without a link it is resumed by nobody, nor in a group or by a namesake with one", async () => {
  const train = await tellNorth();
  const before = await say(TRAIN_AGAIN, SOUTH);
  const beforeShown = lastPrompt();
  await link();

  const inGroup = await say(TRAIN_AGAIN, GROUP);
  const inGroupShown = lastPrompt();
  const namesake = await say(TRAIN_AGAIN, NAMESAKE);

  const turns = await turnsOf(train);
  for (const turnId of [before, inGroup, namesake]) expect(turns).not.toContain(turnId);
  for (const shown of [beforeShown, inGroupShown, lastPrompt()])
    expect(shown).not.toMatch(/Book me a night|60 euros/);
});

test("after its undo nothing more of it is resumed or shown, also where it was resumed before", async () => {
  const train = await tellNorth();
  await link();
  const linked = await say(TRAIN_AGAIN, SOUTH);
  await one.say("/link undo", NORTH);

  const same = await say(TRAIN_ON, SOUTH);
  const sameShown = lastPrompt();
  const other = await say(TRAIN_AGAIN, { ...SOUTH, sessionKey: "after" });
  const otherShown = lastPrompt();
  const list = await one.say("/storyline", SOUTH);

  const turns = await turnsOf(train);
  expect(turns).toContain(linked);
  for (const turnId of [same, other]) expect(turns).not.toContain(turnId);
  for (const shown of [sameShown, otherShown]) expect(shown).not.toMatch(/Book me a night|60 euros/);
  expect(endOf(one.events, list.turnId)?.text).not.toContain(TRAIN);
});

test("nothing of the other name's storyline is kept in the turn that resumed it", async () => {
  await tellNorth();
  await link();

  const back = await say(TRAIN_AGAIN, SOUTH);

  const { turn } = await recordOf(stage, back);
  expect(JSON.stringify(turn.trace)).not.toMatch(/Book me|60 euros/);
});

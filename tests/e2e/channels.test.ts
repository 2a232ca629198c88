// Two people talk of two subjects over three channels, and Troupe is stopped and started between.
import type { Channel, ReceivingChannel } from "@troupe/contracts";
import { createFakePlatform, type FakePlatform } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { systemClock } from "../../server/src/kit/index.ts";
import { NEVER } from "../turns/stage.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const options = { signal: NEVER };
const AGENTS = { north: "ana", south: "ana", west: "ana" };

type Accept = Parameters<ReceivingChannel["receive"]>[0];

/** A platform with people who write in private, and the channel to it; it lives on while Troupe is stopped. */
interface Place {
  readonly channel: Channel;
  readonly platform: FakePlatform;
  accept: Accept | undefined;
}

function createPlace(delivery: "keyed" | "verifiable" | "blind", id: string): Place {
  const platform = createFakePlatform({ clock: systemClock() });
  const receive: ReceivingChannel["receive"] = async (accept, { signal }) => {
    place.accept = accept;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    place.accept = undefined;
  };
  const place: Place = {
    ...{ platform, accept: undefined },
    channel: Object.assign(platform[delivery](id), { receive }),
  };
  return place;
}

let places: Readonly<Record<keyof typeof AGENTS, Place>>;
let served: ServedHome;
let serving: Serving;
beforeEach(async () => {
  places = {
    north: createPlace("keyed", "north"),
    south: createPlace("verifiable", "south"),
    west: createPlace("blind", "west"),
  };
  served = await serveHome("", {}, together());
  serving = served.serving;
  served.model.setRule(({ messages }) => ({ text: answerTo(String(messages.at(-1)?.content)) }));
});
afterEach(async () => {
  await serving.stop({ graceMs: 0 });
  await served[Symbol.asyncDispose]();
});

const together = () => ({
  channels: Object.values(places).map(({ channel }) => channel),
  channelAgents: AGENTS,
});

async function restart(): Promise<void> {
  await serving.stop();
  const environment = { home: served.path, runtimeDirectory: served.path, noColor: true, variables: {} };
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  serving = await serve(environment, { ...together(), logger });
}

interface Said {
  readonly turnId: string;
  /** What came back over the channel. */
  readonly answer: string;
  /** What the model was shown; empty where none was asked. */
  readonly shown: string;
}

let said = 0;

/** Somebody writes in private; resolves once the answer has arrived where they wrote. */
async function say(where: keyof typeof AGENTS, who: string, text: string, sessionKey = who): Promise<Said> {
  const { platform, accept } = places[where];
  const asked = served.model.requests.length;
  const arrived = platform.arrived.length;
  const result = await accept?.({
    ...{ sessionKey, peerId: who, audience: [who], parts: [{ type: "text", text }] },
    ...{ trigger: "channel", lane: "realtime", debounceMs: 0 },
    ...{ platformId: `update ${said++}`, receivedAt: Date.now() },
  });
  if (result?.kind !== "accepted") throw new Error(`not accepted: ${JSON.stringify(result)}`);
  await vi.waitFor(() => expect(platform.arrived).toHaveLength(arrived + 1), { timeout: 20_000 });
  const arrival = platform.arrived[arrived];
  expect(arrival?.target).toBe(who);
  // Chats alone: nothing that runs behind the replies is taken for it.
  const shown = served.model.requests
    .slice(asked)
    .find(({ text: body }) => body.includes(JSON.stringify(text)));
  await caughtUp();
  return { turnId: result.turnId, answer: arrival?.text ?? "", shown: shown?.text ?? "" };
}

/** What runs behind the replies has learned and indexed what was said. */
async function caughtUp(): Promise<void> {
  const { effects, search } = serving.troupe.stores;
  await vi.waitFor(
    async () => {
      const lanes = await effects.lanes("default", options);
      expect(lanes.filter(({ running, due }) => running + due > 0)).toEqual([]);
    },
    { timeout: 20_000 },
  );
  await search.indexNew(100, options);
}

async function storylineOf({ turnId }: Said): Promise<string> {
  const { turns, storylines } = serving.troupe.stores;
  const turn = await turns.get(turnId, options);
  if (turn === undefined) throw new Error(`There is no turn ${turnId}.`);
  const [placed] = await storylines.placedIn(turn.sessionId, turn.turnSeq, options);
  const home = await storylines.ofSession(turn.sessionId, options);
  return (placed?.turnSeq === turn.turnSeq ? placed.storylineId : home?.id) ?? "";
}

/** What the prompt brings of earlier conversations; what was said just now about something else stands under another heading. */
function recalledFor({ shown }: Said): string {
  const { messages } = JSON.parse(shown) as { readonly messages: readonly { readonly content: string }[] };
  const blocks = messages.flatMap(({ content }) => content.split("\n\n"));
  return blocks.filter((block) => block.startsWith("From earlier conversations")).join("\n");
}

const ANSWERS: Readonly<Record<string, string>> = {
  "Book me a night train from Lviv to Vienna on Friday":
    "The night train to Vienna has a sleeper ticket for 60 euros.",
  "I want to cook pumpkin soup with garlic for dinner":
    "Roast the pumpkin with garlic first, then boil the soup.",
};

function answerTo(text: string): string {
  return ANSWERS[text] ?? "All right.";
}

const [TRAIN = "", SOUP = ""] = Object.keys(ANSWERS);

async function link(): Promise<void> {
  const told = await say("north", "zoe", "/link", "settings");
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(told.answer)?.[0];
  expect((await say("south", "7", `/link ${code}`, "settings")).answer).toContain("north/zoe");
}

test("two subjects over three channels and a restart stay apart, and the person who linked two of them is one", async () => {
  const train = [await say("north", "zoe", TRAIN)];
  // Whoever is called the same elsewhere is somebody else, also with the same subject.
  const strange = await say("west", "zoe", "Book me a night train from Prague to Vienna on Sunday");
  await link();
  const soup = [await say("south", "7", SOUP)];
  train.push(await say("south", "7", "Has the night train to Vienna a sleeper for two?"));
  soup.push(await say("north", "zoe", "Do I cook the pumpkin soup with garlic for dinner tonight?"));
  await say("south", "7", "/remember The locker at the station opens with kestrel.", "settings");

  await restart();

  train.push(
    await say("north", "zoe", "What was the price of the sleeper ticket on the night train to Vienna?"),
  );
  soup.push(await say("south", "7", "How long must the pumpkin soup with garlic boil?"));
  const strangeAgain = await say(
    "west",
    "zoe",
    "What was the price of the sleeper ticket on the night train to Vienna?",
  );

  const [trains, soups] = [
    await Promise.all(train.map(storylineOf)),
    await Promise.all(soup.map(storylineOf)),
  ];
  expect([new Set(trains).size, new Set(soups).size]).toEqual([1, 1]);
  expect(trains[0]).not.toBe(soups[0]);
  const others = await Promise.all([strange, strangeAgain].map(storylineOf));
  expect(new Set(others).size).toBe(1);
  expect([...trains, ...soups]).not.toContain(others[0]);
  for (const one of soup) expect(recalledFor(one)).not.toMatch(/60 euros|Prague/);
  for (const one of train) expect(recalledFor(one)).not.toMatch(/Roast the pumpkin|Prague/);
  for (const { shown } of train.slice(1)) expect(shown).toContain("60 euros");
  for (const { shown } of soup.slice(1)) expect(shown).toContain("Roast the pumpkin");
  expect(strangeAgain.shown).toContain("Prague");
  expect(strangeAgain.shown).not.toMatch(/60 euros|Friday|garlic|kestrel/);
});

test("what a person told is found on each channel of theirs after a restart, for nobody else, and no more once it is undone", async () => {
  await link();
  await say("north", "zoe", "/remember The locker at the station opens with kestrel.");
  await say("south", "7", "My boat is called Albatross.");
  await say("west", "zoe", "/remember The locker at the harbour opens with plover.");
  const QUESTIONS = ["How does the locker open?", "What is my boat called?"];
  const shownTo = async (where: keyof typeof AGENTS, who: string): Promise<string> =>
    (await say(where, who, QUESTIONS[0] ?? "")).shown + (await say(where, who, QUESTIONS[1] ?? "")).shown;

  await restart();
  const linked = [await shownTo("north", "zoe"), await shownTo("south", "7")];
  const stranger = [await shownTo("west", "zoe"), await shownTo("west", "7")];
  await say("south", "7", "/link undo");
  await restart();

  for (const shown of linked) expect(shown).toMatch(/kestrel[\s\S]*Albatross/);
  for (const shown of linked) expect(shown).not.toContain("plover");
  for (const shown of stranger) expect(shown).not.toMatch(/kestrel|Albatross/);
  expect(stranger[0]).toContain("plover");
  expect((await say("south", "7", "/recall locker")).answer).not.toContain("kestrel");
  expect((await say("north", "zoe", "/recall boat")).answer).not.toContain("Albatross");
  expect((await say("north", "zoe", "/recall locker")).answer).toContain("kestrel");
});

// A memory outside of Troupe in turns: what is asked of it, for whom, for how long, and what prompts show of it.
import type { Episode, EpisodeMemory, EpisodeQuery, NewEpisode } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createEpisodeModule } from "../../server/src/memory/episodes/index.ts";
import { createHookRegistry } from "../../server/src/modules/index.ts";
import { endOf, openStage, promptOf, recordOf, type Stage, type StagedProcess } from "../turns/stage.ts";

const WAIT_MS = 400;
const AT = Date.UTC(2026, 10, 3, 9);

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const MINE = { source: "diary", audience: ["p1"] };
const found = (text: string, about: Omit<Episode, "id" | "text" | "at"> = MINE): Episode => ({
  ...{ id: text, text, at: AT, ...about },
});
const refuse = (): Promise<never> =>
  Promise.reject(new TroupeError("It is away.", { code: "channel.unavailable", retryable: true }));

interface Outside {
  readonly asked: EpisodeQuery[];
  readonly written: NewEpisode[];
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly one: StagedProcess;
  search: EpisodeMemory["search"];
  write: (episode: NewEpisode) => Promise<void>;
}

async function open(keepsAudiences = false): Promise<Outside> {
  const { clock, stores } = stage;
  const metrics = createMetrics();
  const outside = {
    ...{ asked: [] as EpisodeQuery[], written: [] as NewEpisode[], metrics },
    search: (async () => []) as EpisodeMemory["search"],
    write: async (_episode: NewEpisode): Promise<void> => undefined,
  };
  const memory: EpisodeMemory = {
    search: (query, call) => {
      outside.asked.push(query);
      return outside.search(query, call);
    },
    async write(episode) {
      outside.written.push(episode);
      await outside.write(episode);
    },
    forget: async () => undefined,
    facts: async () => ({ name: "double", keepsAudiences }),
  };
  const settings = { waitMs: WAIT_MS, limit: 5, keepsAudiences };
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const logger = { ...silent, child: () => ({ ...silent, child: () => undefined as never }) };
  const module = createEpisodeModule({ ...stores, memory, settings, clock, logger, metrics });
  const hooks = createHookRegistry({ clock, logger, metrics });
  for (const hook of module.hooks ?? []) hooks.add(module.id, hook);
  const one = await stage.process("one", { modules: [module], hooks, effectHandlers: module.effects ?? [] });
  return Object.assign(outside, { one });
}

const outcomes = ({ metrics }: Outside): readonly string[] =>
  metrics
    .render()
    .split("\n")
    .flatMap(
      (line) => /episode_searches_total\{outcome="(\w+)"\} (\d+)/.exec(line)?.slice(1).join(" ") ?? [],
    );

test("what it finds stands in the prompt with its day and source, is asked for in the person's words, and stays where it stood", async () => {
  const outside = await open();
  outside.search = async () => [
    found("They like  green\ntea."),
    found("They met Max.", { audience: ["p1"] }),
  ];

  const { turnId } = await outside.one.say("what do I like?");
  outside.search = async () => [];
  await outside.one.say("thank you kindly");

  expect(promptOf(stage, 0).slice(-2)).toEqual([
    "system: From a memory outside of this house, for reference only; it may be out of date:\n[2026-11-03] diary: They like green tea.\n[2026-11-03] episode: They met Max.",
    "user: what do I like?",
  ]);
  expect(promptOf(stage, 1).slice(0, -3)).toEqual(promptOf(stage, 0).slice(0, -1).concat());
  expect(outside.asked[0]).toEqual({
    ...{ spaceId: "default", agentId: "ana", readers: ["p1"], text: "what do I like?", limit: 5 },
    withinMs: WAIT_MS,
  });
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.find(({ what }) => what === "recall")?.detail).toBe("episodes: 2 episodes from outside");
  const blocks = turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];
  expect(blocks.find(({ block }) => block === "recalled")).toMatchObject({ why: "2 episodes from outside" });
  expect(outcomes(outside)).toEqual(["found 1", "nothing 1"]);
});

test("it is waited for until its deadline and no longer, and left alone for a while after three times", async () => {
  const outside = await open();
  outside.search = () => new Promise(() => undefined);

  for (const text of ["first words", "second words", "third words"]) {
    const { turnId } = await outside.one.say(text);
    expect(endOf(outside.one.events, turnId)).toBeUndefined();
    await stage.clock.advance(WAIT_MS - 1);
    expect(endOf(outside.one.events, turnId)).toBeUndefined();
    await stage.clock.advance(2);
    expect(endOf(outside.one.events, turnId)?.state).toBe("replied");
  }
  const { turnId } = await outside.one.say("fourth words");

  expect(endOf(outside.one.events, turnId)?.state).toBe("replied");
  expect(outside.asked).toHaveLength(3);
  expect(outcomes(outside)).toEqual(["late 3", "left_alone 1"]);
  outside.search = async () => [found("They like tea.")];
  await stage.clock.advance(10_001);
  await outside.one.say("fifth words");
  expect(promptOf(stage, 4).join("\n")).toContain("They like tea.");
});

test("one that fails makes a shorter prompt", async () => {
  const outside = await open();
  outside.search = refuse;

  const { turnId } = await outside.one.say("hello there");

  expect(endOf(outside.one.events, turnId)?.state).toBe("replied");
  expect(promptOf(stage, 0)).toHaveLength(2);
  expect(outcomes(outside)).toEqual(["failed 1"]);
});

test("without audiences it is asked, and written to, where one person alone reads", async () => {
  const outside = await open();
  outside.search = async () => [found("They like tea.", { source: "diary" })];
  await outside.one.say("with max", { sessionKey: "group", audience: ["p1", "p2"] });
  await outside.one.say("for everybody", { sessionKey: "open", audience: ["*"] });
  await outside.one.say("for me alone", { sessionKey: "own", audience: ["p1"] });
  await stage.clock.advance(1_000);

  expect(outside.asked.map(({ text }) => text)).toEqual(["for me alone"]);
  expect(outside.written.map(({ audience, messages }) => [audience, messages[0]?.text])).toEqual([
    [["p1"], "for me alone"],
  ]);
  expect(promptOf(stage, 2).join("\n")).toContain("They like tea.");
});

test("with audiences each reader must be among those who may be told, whatever the service says", async () => {
  const outside = await open(true);
  const both = ["p1", "p2"];
  outside.search = async () => [
    ...[
      found("For both.", { ...MINE, audience: both }),
      found("For one."),
      found("For all.", { ...MINE, audience: ["*"] }),
    ],
    found("For nobody knows whom.", { source: "diary" }),
  ];

  await outside.one.say("what is there?", { audience: both });
  await stage.clock.advance(1_000);

  const [, added = ""] = promptOf(stage, 0);
  expect(added.split("\n").slice(1)).toEqual([
    "[2026-11-03] diary: For both.",
    "[2026-11-03] diary: For all.",
  ]);
  expect(outside.written.map(({ audience }) => audience)).toEqual([both]);
});

test("what the prompt shows of the conversation itself is not told again", async () => {
  const outside = await open();
  const { sessionId } = await outside.one.say("my cat is called Mia");
  const { turn } = await recordOf(stage, outside.one.events.find(({ type }) => type === "end")?.turnId ?? "");
  outside.search = async () => [
    found("Said just now.", { ...MINE, sessionId, turnSeq: turn.turnSeq }),
    found("Said elsewhere.", { ...MINE, sessionId: "other", turnSeq: turn.turnSeq }),
  ];

  await outside.one.say("what is my cat called?");

  expect(promptOf(stage, 1).join("\n")).toContain("Said elsewhere.");
  expect(promptOf(stage, 1).join("\n")).not.toContain("Said just now.");
});

test("an answered turn is written behind the reply under an id that stays, and again until it is kept", async () => {
  const outside = await open();
  let refusals = 2;
  outside.write = () => (refusals-- > 0 ? refuse() : Promise.resolve());

  const { turnId, sessionId } = await outside.one.say("my cat is called Mia");
  await outside.one.say("/roll 2d6");
  await outside.one.say("check the mail", { trigger: "job" });
  await stage.clock.advance(10 * 60_000);

  expect(new Set(outside.written.map(({ id }) => id)).size).toBe(outside.written.length - 2);
  const [first] = outside.written;
  expect(first).toMatchObject({
    spaceId: "default",
    agentId: "ana",
    audience: ["p1"],
    sessionId,
    turnSeq: 1,
  });
  expect(first?.messages.map(({ role, text }) => [role, text])).toEqual([
    ["user", "my cat is called Mia"],
    ["assistant", endOf(outside.one.events, turnId)?.text],
  ]);
  expect(outside.written.some(({ messages }) => messages[0]?.text === "check the mail")).toBe(false);
});

test("of a conversation that was deleted meanwhile nothing is written", async () => {
  const outside = await open();
  outside.write = refuse;
  const { sessionId } = await outside.one.say("my cat is called Mia");
  await stage.clock.advance(1_000);
  const before = outside.written.length;
  await outside.one.supervisor.sessions.remove(
    sessionId,
    { cancel: true, reason: "test" },
    {
      signal: new AbortController().signal,
    },
  );

  await stage.clock.advance(60 * 60_000);

  expect(before).toBeGreaterThan(0);
  expect(outside.written).toHaveLength(before);
});

import type { Agent, Tool } from "@troupe/contracts";
import { createLogRecorder, createManualClock, toolContext, toolContract } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../kit/index.ts";
import { openInlineStores } from "../../store/index.ts";
import { createBuiltinTools } from "./index.ts";

const options = { signal: new AbortController().signal };
const DAY = Date.UTC(2026, 10, 20, 12);
const GROUP = ["max", "peer-1"];
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const AGENT: Agent = {
  ...{ spaceId: "default", revision: 1 },
  spec: {
    ...{ id: "ana", name: "Ana", model: "default", instructions: "Help.", description: "Looks after boats." },
    capabilities: ["knots"],
  },
};

/** The tools over a real store that holds a private conversation, another one, and one of a group. */
async function setUp() {
  const clock = createManualClock();
  const deps = {
    clock,
    ids: createIdGenerator(clock),
    logger: createLogRecorder(),
    metrics: createMetrics(),
  };
  const { stores, close } = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(close);
  const say = async (sessionId: string, text: string, audience: readonly string[] = ["peer-1"], at = DAY) => {
    const touch = stores.sessions.touch({
      ...{ id: sessionId, spaceId: "default", agentId: "ana", channel: "api", key: sessionId },
      ...{ peerId: "peer-1", ownerId: "key-1", audience, stateless: false, at, count: 1 },
    });
    const message = stores.sessions.append({
      ...{ id: `m of ${text}`, spaceId: "default", sessionId, turnId: `t of ${text}`, turnSeq: "same" },
      ...{
        role: "user",
        parts: [{ type: "text", text }],
        audience,
        outcome: "ok",
        createdAt: at,
        fromLast: 0,
      },
      ...(audience.length > 1 ? { author: { peerId: "max", name: "Max" } } : {}),
    });
    const { seq } = (await stores.unit.commit([touch, message], options)).read(message);
    return { kind: "message", id: `m of ${text}`, sessionId, turnSeq: seq } as const;
  };
  const source = createBuiltinTools({
    ...{ ...stores, random: () => 0.5 },
    colleagues: () => [{ name: "Ben", capabilities: ["wooden boats", "taxes"] }],
    selfOf: () => ({ agent: AGENT, tools: ["recall", "time"], colleagues: ["Ben"] }),
  });
  const tools = await source.list(options);
  const tool = (name: string): Tool => tools.find(({ spec }) => spec.name === name) as Tool;
  const run = (name: string, input: object, context: Parameters<typeof toolContext>[0] = {}) =>
    tool(name).run(input, toolContext({ sessionId: "now", ...context }), options);
  return { stores, say, tool, run };
}

toolContract("what_do_i_know", { make: async () => (await setUp()).tool("what_do_i_know"), input: {} });
toolContract("session_log", { make: async () => (await setUp()).tool("session_log"), input: {} });
toolContract("who_am_i", { make: async () => (await setUp()).tool("who_am_i"), input: {} });

it("says who can be asked about a subject, what is known of it and from which message", async () => {
  const { stores, say, run } = await setUp();
  const source = await say("earlier", "Petro knows about wooden boats.");
  await stores.unit.commit(
    [
      stores.memories.put({
        ...{ id: "00000000000000000000abc123", spaceId: "default", agentId: "ana", audience: ["peer-1"] },
        ...{ text: "Petro knows about wooden boats.", turnId: "t", recordedAt: DAY, kind: "relationship" },
        ...{ attributes: { person: "Petro", knows: "wooden boats" }, sources: [source] },
      }),
    ],
    options,
  );

  const known = await run("what_do_i_know", { about: "who knows about boats?" });

  expect(known.text.split("\n").slice(0, 4)).toEqual([
    "Can be asked about it: Petro, Ben.",
    "Remembered:",
    "#abc123 2026-11-20, note: Petro knows about wooden boats.",
    "  from 2026-11-20, you: Petro knows about wooden boats.",
  ]);
  expect(known.sources).toContainEqual({ kind: "memory", id: "00000000000000000000abc123" });
  const inGroup = await run("what_do_i_know", { about: "Petro" }, { audience: GROUP });
  expect(inGroup.text).toBe("I know nothing about that.");
});

it("names whoever says of themselves in a group that they know, and says who said it", async () => {
  const { stores, say, run } = await setUp();
  const source = await say("group", "I know a lot about maps.", GROUP);
  await stores.unit.commit(
    [
      stores.memories.put({
        ...{ id: "00000000000000000000abc124", spaceId: "default", agentId: "ana", audience: GROUP },
        ...{ text: "Max: I know a lot about maps.", turnId: "t", recordedAt: DAY, kind: "relationship" },
        ...{ attributes: { speaker: "max", knows: "maps" }, sources: [source] },
      }),
    ],
    options,
  );

  const known = await run("what_do_i_know", { about: "maps" }, { audience: GROUP });

  expect(known.text.split("\n").slice(0, 4)).toEqual([
    "Can be asked about it: max.",
    "Remembered:",
    "#abc124 2026-11-20, note: Max: I know a lot about maps.",
    "  from 2026-11-20, you: [Max] I know a lot about maps.",
  ]);
});

it("tells what was said in other conversations, the latest first, and of each line only what all readers know", async () => {
  const { say, run } = await setUp();
  await say("old", "An old story.", ["peer-1"], DAY - 1_000);
  await say("group", "Said in the group.", GROUP);
  await say("now", "Said here.", ["peer-1"], DAY + 1_000);

  expect((await run("session_log", {})).text.split("\n")).toEqual([
    "Untitled (2026-11-20):",
    "  2026-11-20, you: [Max] Said in the group.",
    "Untitled (2026-11-20):",
    "  2026-11-20, you: An old story.",
  ]);
  expect((await run("session_log", {}, { audience: GROUP })).text).not.toContain("An old story");
  expect((await run("session_log", { lines: 1 })).text).not.toContain("An old story");
});

it("tells one conversation by its number, and says which numbers there are not", async () => {
  const { say, run } = await setUp();
  await say("old", "An old story.", ["peer-1"], DAY - 1_000);
  await say("now", "Said here.");

  const one = await run("session_log", { session: 2 });

  expect(one.text).toContain("An old story.");
  expect(one.sources).toEqual([{ kind: "message", id: "m of An old story.", sessionId: "old", turnSeq: 1 }]);
  expect(await run("session_log", { session: 9 })).toMatchObject({ isError: true });
});

it("tells an agent what it is, where it speaks and what it may do", async () => {
  const { say, run } = await setUp();
  await say("now", "Said here.");

  expect((await run("who_am_i", {})).text.split("\n")).toEqual([
    "I am Ana (ana).",
    "Looks after boats.",
    "I can: knots.",
    "We talk on api. It is read by: peer-1.",
    "Tools that I may use: recall, time.",
    "Agents that I may ask: Ben.",
  ]);
  const audience = Array.from({ length: 2_000 }, (_, at) => `peer-${at + 1}`);
  const inCrowd = await run("who_am_i", {}, { audience });
  expect(inCrowd.text).toContain("peer-1, peer-2, ");
  expect(inCrowd.text).toContain(", peer-20, … (+1980).");
});

import type { ToolCallPart } from "@troupe/contracts";
import { createLogRecorder, createManualClock, toolContext } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../kit/index.ts";
import { openInlineStores } from "../../store/index.ts";
import { createToolbox } from "../toolbox.ts";
import { createCommandTools } from "./command-tools.ts";
import { createBuiltinTools } from "./index.ts";

const signal = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The toolbox over a real store; `run` commits the writes of a call as the end of its turn does. */
async function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  const opened = openInlineStores({
    memory: true,
    clock,
    ids,
    logger,
    metrics,
    leaseClock: () => clock.now(),
  });
  closers.push(opened.close);
  const { memories, search, sessions, unit } = opened.stores;
  const source = createBuiltinTools({ memories, search, sessions, random: () => 0.5 });
  const commandTools = createCommandTools(opened.stores);
  const toolbox = createToolbox({ sources: [source], commandTools, clock, logger, metrics });
  await toolbox.load({ signal });
  const agent = {
    spaceId: "default",
    revision: 1,
    spec: { id: "ana", name: "Ana", model: "default", instructions: "Help." },
  };
  const run = async (command: string, context: Parameters<typeof toolContext>[0] = {}): Promise<string> => {
    const direct = toolbox.parseCommand(command);
    if (direct === undefined) throw new Error(`no command: ${command}`);
    const call: ToolCallPart = {
      type: "tool-call",
      callId: "c",
      name: direct.tool,
      arguments: JSON.stringify(direct.input),
    };
    const output = await toolbox.run(toolbox.select(agent, "chat"), call, toolContext(context), {
      signal,
      isDirect: true,
    });
    if (output.writes !== undefined) await unit.commit(output.writes, { signal });
    return output.text;
  };
  return { run, stores: opened.stores };
}

it("finds what was remembered, in the next conversation with the same person", async () => {
  const { run } = await setUp();
  await run("/remember My cat is called Mia.", { sessionId: "earlier", idempotencyKey: "turn-a/0" });

  const found = await run("/recall what is my cat called?", { sessionId: "later" });

  expect(found).toBe("2026-11-20, note: My cat is called Mia.");
});

it("remembers once what a rerun remembers again", async () => {
  const { run } = await setUp();
  await run("/remember My cat is called Mia.", { idempotencyKey: "turn-a/0" });
  await run("/remember My cat is called Mia.", { idempotencyKey: "turn-a/0" });

  expect(await run("/recall")).toBe("2026-11-20, note: My cat is called Mia.");
});

it("tells neither another person nor a group what one person told alone", async () => {
  const { run } = await setUp();
  await run("/remember The present for Max is a bicycle.", {
    audience: ["kate"],
    idempotencyKey: "turn-a/0",
  });

  expect(await run("/recall present bicycle", { audience: ["max"] })).toBe("I found nothing about that.");
  expect(await run("/recall present bicycle", { audience: ["kate", "max"] })).toBe(
    "I found nothing about that.",
  );
  expect(await run("/recall", { audience: ["kate", "max"] })).toBe("Nothing has been remembered here yet.");
  expect(await run("/recall present bicycle", { audience: ["kate"] })).toContain("a bicycle");
});

it("keeps once what it is told twice, and says that it knows", async () => {
  const { run } = await setUp();
  await run("/remember My cat is called Mia.", { idempotencyKey: "turn-a/0", turnId: "a" });

  const again = await run("/remember my cat is called Mia", { idempotencyKey: "turn-b/0", turnId: "b" });

  expect(again).toBe("I know that already: my cat is called Mia");
  expect(await run("/recall")).toBe("2026-11-20, note: My cat is called Mia.");
  expect(await run("/why my cat")).toContain("Told 2 times.");
});

it("forgets what is meant and nothing else, and asks where several may be", async () => {
  const { run } = await setUp();
  await run("/remember The cat is called Mia.", { idempotencyKey: "a" });
  await run("/remember The cat eats fish.", { idempotencyKey: "b" });
  await run("/remember The garden needs water.", { idempotencyKey: "c" });

  const which = await run("/forget cat");
  const done = await run("/forget the cat eats");
  const sign = /#\w{6}/.exec((await run("/memory garden")) ?? "")?.[0] ?? "";
  const bySign = await run(`/forget ${sign}`);

  expect(which.split("\n")).toHaveLength(3);
  expect(which).toContain("The cat is called Mia.");
  expect([done, bySign]).toEqual([
    "I have forgotten: The cat eats fish.",
    "I have forgotten: The garden needs water.",
  ]);
  expect(await run("/recall fish garden")).toBe("I found nothing about that.");
  expect(await run("/memory")).toMatch(/^#\w{6} 2026-11-20, note: The cat is called Mia\.$/);
  expect(await run("/forget garden")).toBe("I remember nothing of that kind, so nothing was forgotten.");
});

it("leaves documents to whoever gave them: nobody who talks with the agent forgets a piece of one", async () => {
  const { run, stores } = await setUp();
  const piece = { audience: ["*"], kind: "document", text: "House rules › Laundry\nNot after ten." } as const;
  const of = { id: "p", spaceId: "default", agentId: "ana", turnId: "d", recordedAt: 1 };
  await stores.unit.commit([stores.memories.put({ ...of, ...piece })], { signal });

  const answer = await run("/forget laundry");

  expect(answer).toBe("I remember nothing of that kind, so nothing was forgotten.");
  expect(await run("/recall laundry")).toMatch(/, document "House rules › Laundry": Not after ten\.$/);
});

it("neither shows, explains nor forgets what not everybody here knows", async () => {
  const { run } = await setUp();
  await run("/remember The present for Max is a bicycle.", { audience: ["kate"] });
  const together = { audience: ["kate", "max"] };
  const sign = /#\w{6}/.exec(await run("/memory", { audience: ["kate"] }))?.[0] ?? "";

  const answers = [
    await run("/memory", together),
    await run("/memory present", together),
    await run("/why The present for Max is a bicycle.", together),
    await run(`/why ${sign}`, together),
    await run(`/forget ${sign}`, together),
    await run("/forget the present for Max is a bicycle", together),
  ];

  for (const answer of answers) expect(answer).not.toContain("bicycle");
  expect(await run("/recall present", { audience: ["kate"] })).toContain("a bicycle");
});

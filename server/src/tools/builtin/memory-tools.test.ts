import type { ToolCallPart } from "@troupe/contracts";
import { createLogRecorder, createManualClock, toolContext } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../kit/index.ts";
import { openInlineStores } from "../../store/index.ts";
import { createToolbox } from "../toolbox.ts";
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
  const toolbox = createToolbox({ sources: [source], clock, logger, metrics });
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
    const output = await toolbox.run(toolbox.select(agent, "chat"), call, toolContext(context), { signal });
    if (output.writes !== undefined) await unit.commit(output.writes, { signal });
    return output.text;
  };
  return { run };
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

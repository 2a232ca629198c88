import type { Module, ReplayVerdict, TapeRecord, Tool, TurnEvent } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EndedTape, replayTape } from "../../server/src/agent/index.ts";
import { createIdGenerator, readTape, tapeLines, tapeText } from "../../server/src/kit/index.ts";
import { createTapeModel } from "../../server/src/llm/index.ts";
import {
  endOf,
  LEASE_MS,
  NEVER,
  openStage,
  promptOf,
  recordOf,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

/** What may come between a turn's calls, recorded and replayed. */

let stage: Stage;
let kept: EndedTape[];
beforeEach(async () => {
  stage = await openStage();
  kept = [];
});
afterEach(() => stage.close());

const recorder = {
  limitOf: () => 1_000_000,
  keep: (tape: EndedTape) => void kept.push(tape),
};

const plain = (text: string): string => text;

function tapeOf(turnId: string): Pick<TapeRecord, "text" | "cut"> {
  const tape = kept.find((one) => one.turnId === turnId);
  if (tape === undefined) throw new Error(`no tape of ${turnId}`);
  return tapeText(tape.lines(), { redact: plain, maxBytes: tape.maxBytes });
}

async function replay(
  one: StagedProcess,
  turnId: string,
): Promise<{ readonly verdict: ReplayVerdict; readonly events: readonly TurnEvent[] }> {
  const events: TurnEvent[] = [];
  const { clock } = stage;
  const tape = readTape(tapeLines(tapeOf(turnId).text));
  const running = replayTape(
    {
      ...{ agents: one.agents, toolbox: one.toolbox, clock, ids: createIdGenerator(clock), maxSteps: 8 },
      redact: plain,
      modelOf: (calls) => createTapeModel({ calls, clock }),
    },
    tape,
    { signal: NEVER, onEvent: (event) => void events.push(event) },
  );
  await clock.settle();
  return { verdict: await running, events };
}

const bell = (runs: string[]): Tool => ({
  spec: { name: "ring_bell", description: "Rings.", kind: "external", inputSchema: { type: "object" } },
  run: async (_input, { idempotencyKey }) => {
    runs.push(idempotencyKey);
    return { text: "It rang." };
  },
});
const ring = { callId: "r1", name: "ring_bell", arguments: "{}" };

test("a message that joined a running turn joins its replay at the same place", async () => {
  const one = await stage.process("one", { recorder, spec: { whileBusy: "steer" } });
  stage.model.enqueue({ text: "Tea it is.", delayMs: 100 }, { text: "Coffee it is." });
  const { turnId } = await one.say("tea please");
  await one.say("no, coffee");
  await stage.clock.advance(200);
  expect(endOf(one.events, turnId)?.text).toBe("Tea it is.\n\nCoffee it is.");

  const { verdict } = await replay(one, turnId);

  expect(verdict).toMatchObject({
    isSame: true,
    differences: [],
    modelCalls: 2,
    reply: "Tea it is.\n\nCoffee it is.",
  });
});

test("a turn that was stopped in mid-answer is stopped there again", async () => {
  const one = await stage.process("one", { recorder });
  stage.model.enqueue({ tokens: ["Once ", "upon "], hang: true });
  const { turnId } = await one.say("tell me a story");
  await one.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  await stage.clock.settle();
  expect((await recordOf(stage, turnId)).turn.state).toBe("cancelled");

  const { verdict } = await replay(one, turnId);

  expect(verdict).toMatchObject({ isSame: true, differences: [], state: "cancelled" });
});

test("a tool is answered from the tape and never run, a denied one stays denied", async () => {
  const runs: string[] = [];
  const one = await stage.process("one", {
    recorder,
    tools: [bell(runs)],
    spec: { tools: ["ring_bell", "calculator"], approvals: { calculator: "deny" } },
  });
  const sum = { callId: "c1", name: "calculator", arguments: '{"expression":"1+1"}' };
  stage.model.enqueue({ calls: [ring, sum] }, { text: "Done." });
  const { turnId } = await one.say("ring");

  const { verdict, events } = await replay(one, turnId);

  expect(verdict).toMatchObject({ isSame: true, differences: [], toolCalls: 1, reply: "Done." });
  expect(runs).toHaveLength(1);
  const told = events.flatMap((event) => (event.type === "tool" ? [`${event.name} ${event.status}`] : []));
  expect(told).toContain("ring_bell succeeded");
  expect(told).toContain("calculator denied");
});

test("the attempt that takes over is replayed with what it had replayed itself", async () => {
  const runs: string[] = [];
  const dead = await stage.process("dead", { recorder, tools: [bell(runs)], spec: { tools: ["ring_bell"] } });
  stage.model.enqueue({ calls: [ring] }, { hang: true });
  const { turnId } = await dead.say("ring");
  await stage.stores.unit.commit([stage.stores.leases.end("dead")], { signal: NEVER });
  const two = await stage.process("two", { recorder, tools: [bell(runs)], spec: { tools: ["ring_bell"] } });
  stage.model.enqueue({ text: "It rang, I am told." });
  two.supervisor.start();
  await stage.clock.advance(10);
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", attempt: 2 });

  const { verdict } = await replay(two, turnId);

  expect(verdict).toMatchObject({ isSame: true, differences: [], modelCalls: 1, toolCalls: 0 });
  expect(runs).toHaveLength(1);
  await stage.clock.advance(LEASE_MS);
});

test("a turn whose history no longer fits is replayed with the same cut and the same summary", async () => {
  Object.assign(stage.model, { contextWindow: 3_000 });
  const one = await stage.process("one", { recorder });
  const long = "word ".repeat(300);
  const { sessionId } = await one.say(`0 ${long}`);
  const storyline = await stage.stores.storylines.ofSession(sessionId, { signal: NEVER });
  const summary = {
    audience: ["p1"],
    title: "Words",
    summary: "They sent many words.",
    summaryTurnSeq: 1,
    at: 1,
  };
  await stage.stores.unit.commit(
    [stage.stores.storylines.summarise({ id: String(storyline?.id), ...summary })],
    { signal: NEVER },
  );
  const turnIds: string[] = [];
  for (let i = 1; i < 10; i++) turnIds.push((await one.say(`${i} ${long}`)).turnId);
  expect(promptOf(stage, 9)).toContain("system: Earlier in this conversation:\nThey sent many words.");

  for (const turnId of turnIds) {
    const { verdict } = await replay(one, turnId);
    expect(verdict).toMatchObject({ isSame: true, differences: [] });
  }
});

test("a command without a model is replayed too", async () => {
  const one = await stage.process("one", { recorder });
  const { turnId } = await one.say("/calculator 2+2", {
    direct: { tool: "calculator", input: { expression: "2+2" } },
  });

  const { verdict } = await replay(one, turnId);

  expect(verdict).toMatchObject({ isSame: true, modelCalls: 0, toolCalls: 1 });
  expect(verdict.reply).toBe(endOf(one.events, turnId)?.text);
});

test("what modules added is shown in a replay whatever modules the blueprint names", async () => {
  const notes: Module = {
    ...{ id: "notes", budgetTokens: 200, gather: async () => ({ text: "Notes:\n- tea at nine" }) },
  };
  const one = await stage.process("one", {
    recorder,
    modules: [notes],
    spec: { modules: ["notes"], delegates: ["*"] },
    others: [
      {
        id: "kate",
        name: "Kate",
        model: "default",
        instructions: "You tell.",
        modules: [],
        acceptsFrom: ["ana"],
      },
    ],
  });
  stage.model.enqueue({
    calls: [{ callId: "h", name: "hand_off", arguments: '{"agent":"kate","note":"Be kind."}' }],
  });
  await one.say("to kate");
  const { turnId } = await one.say("hello");
  expect(promptOf(stage, stage.model.requests.length - 1).join("\n")).toContain("Be kind.");

  const { verdict } = await replay(one, turnId);

  expect(verdict).toMatchObject({ isSame: true, differences: [] });
});

test("a replay days later says the time that the turn was told", async () => {
  const one = await stage.process("one", { recorder, zoneOf: () => "Europe/Kyiv" });
  await one.say("hello");
  await stage.clock.advance(3 * 3_600_000);
  const { turnId } = await one.say("again");
  expect(promptOf(stage, 1).join("\n")).toContain("came 3 hours ago");
  await stage.clock.advance(3 * 86_400_000);

  const { verdict } = await replay(one, turnId);

  expect(verdict).toMatchObject({ isSame: true, differences: [] });
});

test("a tape of another version, without its end, or with lines that are missing is refused by a sentence", async () => {
  const one = await stage.process("one", { recorder });
  const { turnId } = await one.say("hello");
  const lines = tapeLines(tapeOf(turnId).text);
  const problemOf = (changed: readonly unknown[]): string => {
    try {
      readTape(changed);
    } catch (error) {
      if (TroupeError.is(error, "request.invalid")) return error.message;
    }
    return "none";
  };

  expect(problemOf(lines)).toBe("none");
  expect(problemOf([])).toMatch(/first line/);
  expect(problemOf(lines.slice(0, -1))).toMatch(/last line.*missing/);
  expect(problemOf([{ ...(lines[0] as object), v: 2 }, ...lines.slice(1)])).toMatch(/line 1 is of version 2/);
  expect(problemOf([...lines.slice(0, 1), { kind: "other", v: 1 }])).toMatch(/line 2 is of no kind/);
  expect(() => tapeLines('{"kind":\n')).toThrow(/line 1 is not JSON/);
});

test("without a recorder's word nothing is held", async () => {
  const one = await stage.process("one", { recorder: { ...recorder, limitOf: () => undefined } });

  await one.say("hello");

  expect(kept).toEqual([]);
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createMemoryModule } from "../../server/src/memory/index.ts";
import {
  endOf,
  NEVER,
  openStage,
  type ProcessOptions,
  recordOf,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

async function withMemory(id: string, options: ProcessOptions = {}): Promise<StagedProcess> {
  const { clock, stores } = stage;
  const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
  const module = createMemoryModule({ search: stores.search, clock, logger, metrics: createMetrics() });
  return stage.process(id, { modules: [module], ...options });
}

const index = () => stage.stores.search.indexNew(100, { signal: NEVER });

async function why(one: StagedProcess, over = {}, command = "/why"): Promise<string> {
  const { turnId } = await one.say(command, over);
  const end = endOf(one.events, turnId);
  expect(end).toMatchObject({ state: "replied", usage: { inputTokens: 0 } });
  return end?.text ?? "";
}

test("/why names what recall showed for the last answer, with dates and who said it", async () => {
  const one = await withMemory("one");
  await one.say("/remember My cat is called Mia.", { sessionKey: "old" });
  stage.model.enqueue({ text: "How cosy." });
  await one.say("My cat sleeps on the piano.", { sessionKey: "older" });
  await index();
  stage.model.enqueue({ text: "Your cat is called Mia." });
  const { turnId } = await one.say("what is my cat called?");

  const told = await why(one);

  expect(told).toContain("Your cat is called Mia.");
  expect(told).toContain("what is my cat called?");
  expect(told).toContain("2026-11-20, note: My cat is called Mia.");
  expect(told).toContain("2026-11-20, you: My cat sleeps on the piano.");
  expect(stage.model.requests).toHaveLength(2);
  const { turn } = await recordOf(stage, turnId);
  const recalled = turn.trace.find(({ what }) => what === "recall");
  expect(recalled?.detail).toMatch(/^memory: \d memories$/);
  expect(recalled?.sources?.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["memory", "message"]));
});

test("/why names the tools that the answer used and what they looked up", async () => {
  const one = await stage.process("one");
  await one.say("/remember My cat is called Mia.", { sessionKey: "old" });
  await index();
  stage.model.enqueue(
    { calls: [{ callId: "c", name: "recall", arguments: '{"query":"cat"}' }] },
    { text: "She is called Mia." },
  );
  await one.say("what is my cat called?");

  const told = await why(one);

  expect(told).toMatch(/tools?: recall/i);
  expect(told).toContain("2026-11-20, note: My cat is called Mia.");
});

test("/why after a command says which tool answered, and that no model was asked", async () => {
  const one = await stage.process("one");
  await one.say("/calc 6 * 7");

  const told = await why(one);

  expect(told).toContain("calculator");
  expect(told).toContain("42");
  expect(told).toMatch(/no model/i);
});

test("/why asked twice tells of the same answer, and of a failed turn nothing", async () => {
  const one = await stage.process("one");
  await one.say("hello");
  stage.model.enqueue({ text: "" });
  await one.say("this fails");

  const first = await why(one);
  const again = await why(one);

  expect(first).toContain("You said: hello");
  expect(again).toBe(first);
});

test("/why before any answer says that there is none", async () => {
  const one = await stage.process("one");

  expect(await why(one)).toMatch(/no answer/i);
});

test("/why shows nothing that was forgotten since, and nothing that a new reader does not know", async () => {
  const one = await withMemory("one");
  await one.say("/remember My cat is called Mia.", { sessionKey: "old" });
  await one.say("My cat sleeps on the piano.", { sessionKey: "older" });
  await index();
  await one.say("what is my cat called?");
  const { items } = await stage.stores.memories.list(
    { spaceId: "default", agentId: "ana", readers: ["p1"] },
    { signal: NEVER },
  );
  await stage.stores.unit.commit([stage.stores.memories.erase("default", items[0]?.id ?? "")], {
    signal: NEVER,
  });

  const alone = await why(one);
  const inCompany = await why(one, { audience: ["p1", "p2"] });

  expect(alone).not.toContain("Mia");
  expect(alone).toContain("piano");
  expect(inCompany).not.toContain("piano");
});

test("/why says so when nothing of the last answer is for everyone here", async () => {
  const one = await stage.process("one");
  await one.say("our secret");

  const told = await why(one, { audience: ["p1", "p2"] });

  expect(told).toMatch(/not for everyone here/);
  expect(told).not.toContain("secret");
});

test("/why tells of what a tool showed before a crash, too", async () => {
  const spec = { tools: ["recall"] };
  const one = await stage.process("one", {
    spec,
    beforeCommit: (writes) => (writes.length > 5 ? new Promise<void>(() => undefined) : Promise.resolve()),
  });
  const other = await stage.process("other");
  await other.say("/remember My cat is called Mia.", { sessionKey: "old" });
  await index();
  stage.model.enqueue(
    { calls: [{ callId: "c", name: "recall", arguments: '{"query":"cat"}' }] },
    { text: "never kept" },
    { text: "She is called Mia." },
  );
  const { turnId } = await one.say("what is my cat called?");
  await stage.stores.unit.flush({ signal: NEVER });
  await stage.stores.unit.commit([stage.stores.leases.end("one")], { signal: NEVER });
  const two = await stage.process("two", { spec });
  two.supervisor.start();
  await stage.clock.advance(10);
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", owner: "two" });

  const told = await why(two);

  expect(told).toContain("2026-11-20, note: My cat is called Mia.");
});

test("/why speaks Ukrainian where it is asked in Ukrainian", async () => {
  const one = await stage.process("one");
  await one.say("Привіт, як справи?");

  const told = await why(one, {}, "/чому");

  expect(told).toMatch(/відповід/i);
});

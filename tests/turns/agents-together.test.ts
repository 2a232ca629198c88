import type { AgentSpec, ModelRequest } from "@troupe/contracts";
import type { ScriptedReply } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  messagesOf,
  NEVER,
  openStage,
  type ProcessOptions,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

/** Agents that ask one another and write to one another, on the real store, inbox, supervisor and workers. */

const options = { signal: NEVER };
const END_MS = 15_000;

/** What each agent answers, by its name. */
let script: Record<string, (said: string, request: ModelRequest) => ScriptedReply>;
let stage: Stage;
let life: AbortController;
beforeEach(async () => {
  script = {};
  life = new AbortController();
  stage = await openStage({ rule: (request) => replyTo(request) });
});
afterEach(async () => {
  life.abort(new Error("the test is over"));
  await stage.close();
});

function replyTo(request: ModelRequest): ScriptedReply {
  const head = request.messages.find(({ role }) => role === "system")?.text ?? "";
  const name = /Your name is (\w+)\./.exec(head)?.[1] ?? "";
  const last = request.messages.at(-1);
  const said = last?.text ?? "";
  return (
    script[name]?.(last?.role === "tool" ? `result: ${said}` : said, request) ?? {
      text: `${name} heard: ${said}`,
    }
  );
}

let calls = 0;
function call(name: string, input: object): ScriptedReply {
  calls += 1;
  return {
    calls: [{ callId: `call-${calls}`, name, arguments: JSON.stringify(input) }],
    reason: "tool-calls",
  };
}

const other = (id: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  id,
  name: id[0]?.toUpperCase() + id.slice(1),
  model: "default",
  instructions: "You help.",
  delegates: ["*"],
  acceptsFrom: ["*"],
  ...more,
});

const open = (over: Partial<ProcessOptions> = {}): Promise<StagedProcess> =>
  stage.process("one", {
    spec: { delegates: ["*"], acceptsFrom: ["*"] },
    others: [other("kate"), other("bob")],
    life: life.signal,
    ...over,
  });

/** Lets everything happen until `isSo`, some seconds of the clock at most. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + END_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error("It never came to it.");
    await stage.clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const textsOf = async (sessionId: string) =>
  (await messagesOf(stage, sessionId)).map(
    ({ role, parts }) =>
      `${role}: ${parts.map((part) => (part.type === "text" ? part.text : part.type)).join(" ")}`,
  );

const deliveries = async () =>
  (await stage.stores.agentDeliveries.list({ spaceId: "default" }, options)).items;

const turnsOf = async (rootTurnId: string) =>
  (await stage.stores.turns.list({ spaceId: "default", rootTurnId }, options)).items;

test("an agent asks another and has the answer within its turn", async () => {
  const one = await open();
  script.Ana = (said) =>
    said.startsWith("result: ")
      ? { text: said }
      : call("ask_agent", { agent: "Kate", question: "Why?", wait: true });
  script.Kate = () => ({ text: "Because." });

  const { sessionId, turnId } = await one.say("ask kate why");
  await until(async () => (await textsOf(sessionId)).length > 1);

  expect((await textsOf(sessionId)).at(-1)).toContain("result: Answer from Kate:\nBecause.");
  const [caused] = await turnsOf(turnId);
  expect(caused).toMatchObject({ agentId: "kate", trigger: "agent", state: "replied", lane: "realtime" });
  expect(caused?.payload.cause).toMatchObject({ rootTurnId: turnId, parentTurnId: turnId, depth: 1 });
  expect((await deliveries()).map(({ state, to }) => `${to} ${state}`)).toEqual(["kate done"]);
  const [answer, asked] = (
    await stage.stores.agentChannels.messages(
      { channelId: (await deliveries())[0]?.channelId ?? "" },
      options,
    )
  ).items;
  expect([asked?.text, answer?.text, answer?.correlationId === asked?.id]).toEqual([
    "Why?",
    "Because.",
    true,
  ]);
});

test("an agent that does not wait gets the answer as a turn of its own, and its prompt says to relay it", async () => {
  const one = await open();
  script.Ana = (said) => {
    if (said.startsWith("Answer from")) return { text: `Kate told me: ${said.split("\n")[1]}` };
    return said.startsWith("result: ")
      ? { text: "I asked her." }
      : call("ask_agent", { agent: "kate", question: "Why?" });
  };
  script.Kate = () => ({ text: "Because." });

  const { sessionId } = await one.say("ask kate why");
  await until(async () => (await textsOf(sessionId)).length > 3);

  expect(await textsOf(sessionId)).toEqual([
    "user: ask kate why",
    expect.stringContaining("I asked her."),
    "user: Answer from Kate:\nBecause.",
    "assistant: Kate told me: Because.",
  ]);
  const prompts = stage.model.requests.map(({ messages }) => messages.map(({ text }) => text).join("\n"));
  expect(
    prompts.some(
      (text) =>
        text.includes("was asked by the agent Ana (ana)") && text.includes("relays the outcome to its owner"),
    ),
  ).toBe(true);
  expect(prompts.at(-1)).toContain("Relay the outcome to the person now");
});

test("nobody is reached who is not named by the one and named back by the other", async () => {
  const one = await open({
    others: [other("kate", { acceptsFrom: ["bob"] }), other("bob")],
    spec: { delegates: ["kate"] },
  });
  for (const agent of ["kate", "bob"]) {
    script.Ana = (said) =>
      said.startsWith("result: ") ? { text: said } : call("ask_agent", { agent, question: "Why?" });
    const { turnId, sessionId } = await one.say(`ask ${agent}`);
    expect((await textsOf(sessionId)).at(-1)).toContain(`There is no agent "${agent}" that you may reach.`);
    expect(await turnsOf(turnId)).toEqual([]);
  }
});

test("many are asked at once, and those that did not answer are named with the reason", async () => {
  const one = await open();
  const questions = ["kate", "bob"].map((agent) => ({ agent, question: "Why?" }));
  script.Ana = (said) =>
    said.startsWith("result: ") ? { text: said } : call("ask_agents", { questions, wait: true });
  script.Bob = () => ({ text: "So." });
  stage.model.enqueue();
  script.Kate = () => call("no_such_tool", {});

  const { sessionId } = await one.say("ask everybody");
  await until(async () => (await textsOf(sessionId)).length > 1);

  const told = (await textsOf(sessionId)).at(-1);
  expect(told).toContain("Answer from Bob:\nSo.");
  expect(told).toContain("No answer from Kate: ");
});

test("a human's stop ends a fan-out of twenty in less than two seconds", async () => {
  const others = Array.from({ length: 20 }, (_, n) => other(`a${n}`));
  const one = await open({ others });
  const questions = others.map(({ id }) => ({ agent: id, question: "Think for ever." }));
  script.Ana = () => call("ask_agents", { questions, wait: true });
  for (const { name } of others) script[name] = () => ({ hang: true });
  const { turnId } = await one.say("ask all of them");
  await until(async () => (await turnsOf(turnId)).filter(({ state }) => state === "running").length === 20);

  const from = performance.now();
  await one.supervisor.control.cancel(turnId, { reason: "enough", tree: true }, options);
  await until(async () => {
    const turns = [await stage.stores.turns.get(turnId, options), ...(await turnsOf(turnId))];
    return turns.every((turn) => turn?.state === "cancelled");
  });

  expect(performance.now() - from).toBeLessThan(2_000);
  expect(await turnsOf(turnId)).toHaveLength(20);
  await until(async () => (await deliveries()).every(({ state }) => state === "cancelled"));
});

test("two agents that greet each other for ever end within the guard, and the person is told why", async () => {
  const one = await open({
    limits: { loopGuard: { max: 6, windowMinutes: 30 }, maxDepth: 100, maxHops: 100 },
  });
  const greet = (agent: string) => (said: string) =>
    said.startsWith("result: ") ? { text: "Greeted." } : call("send_to_agent", { agent, text: "Hello!" });
  script.Ana = greet("kate");
  script.Kate = greet("ana");

  const { turnId } = await one.say("greet kate for ever");
  await until(async () => (await deliveries()).some(({ state }) => state === "suppressed"));

  expect(await turnsOf(turnId)).toHaveLength(6);
  const [last, ...rest] = await deliveries();
  expect(last).toMatchObject({
    state: "suppressed",
    reason: expect.stringContaining("6 times in 30 minutes"),
  });
  expect(rest.every(({ state }) => state === "done")).toBe(true);
  const sender = await stage.stores.turns.get(last?.originTurnId ?? "", options);
  expect((await textsOf(sender?.sessionId ?? "")).at(-1)).toMatch(
    /^notice: A message of .* was not delivered/,
  );
});

import type { Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { expect, test } from "vitest";
import { redeliveries } from "../../server/src/delegation/index.ts";
import {
  call,
  deliveries,
  open,
  options,
  other,
  script,
  stage,
  textsOf,
  turnsOf,
  until,
} from "./agents-stage.ts";

/** Agents that ask one another and write to one another, on the real store, inbox, supervisor and workers. */

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

test("an answer is told although whoever kept it died before that was put", async () => {
  let refusals = 0;
  const one = await open({
    async beforeCommit(writes) {
      // The done-mark of the handler that kept the answer, with the effect that tells of it.
      if (refusals > 0 || !writes.some((write) => isTelling(write))) return;
      refusals += 1;
      throw new TroupeError("The process died.", { code: "store.failed", retryable: true });
    },
  });
  script.Ana = (said) =>
    said.startsWith("result: ") || said.startsWith("Answer from")
      ? { text: "So it is." }
      : call("ask_agent", { agent: "kate", question: "Why?" });
  script.Kate = () => ({ text: "Because." });

  const { sessionId } = await one.say("ask kate why");
  await until(async () => (await textsOf(sessionId)).length > 3);

  expect(refusals).toBe(1);
  expect((await textsOf(sessionId))[2]).toBe("user: Answer from Kate:\nBecause.");
});

/** As the store makes them: the effect that tells an asker of its answers. */
function isTelling(write: Write<unknown>): boolean {
  const { statement, values } = write as Write & {
    readonly statement?: { readonly name: string };
    readonly values?: readonly unknown[];
  };
  return statement?.name === "effect.put" && values?.includes("agent.tell") === true;
}

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

test("who was not written to may not write where only the other direction is open", async () => {
  const one = await open({
    spec: { delegates: ["kate"], acceptsFrom: [] },
    others: [other("kate", { delegates: [], acceptsFrom: ["ana"] })],
  });
  script.Kate = (said) =>
    said.startsWith("result: ") ? { text: said } : call("send_to_agent", { agent: "ana", text: "Psst." });

  const { sessionId } = await one.say("write to ana", { agentId: "kate" });

  expect((await textsOf(sessionId)).at(-1)).toContain('There is no agent "ana" that you may reach.');
  expect(await deliveries()).toEqual([]);
});

test("who was written to may write back", async () => {
  const one = await open({
    spec: { delegates: ["kate"], acceptsFrom: [] },
    others: [other("kate", { delegates: [], acceptsFrom: ["ana"] })],
  });
  const once = (agent: string) => (said: string) =>
    said === "begin" || said === "Psst."
      ? call("send_to_agent", { agent, text: "Psst." })
      : { text: "Done." };
  script.Ana = (said) =>
    said === "begin" ? call("send_to_agent", { agent: "kate", text: "Psst." }) : { text: "Done." };
  script.Kate = once("ana");

  await one.say("begin");
  await until(async () => (await deliveries()).filter(({ state }) => state === "done").length === 2);

  expect((await deliveries()).map(({ from, to }) => `${from} ${to}`)).toEqual(["kate ana", "ana kate"]);
});

test("a message over which three turns failed is a dead letter, and replayed it gets its turn", async () => {
  const one = await open();
  let isBroken = true;
  script.Ana = (said) =>
    said === "begin" ? call("send_to_agent", { agent: "kate", text: "Look at this." }) : { text: "Done." };
  script.Kate = () =>
    isBroken
      ? { error: new TroupeError("The model is ill.", { code: "model.rejected" }) }
      : { text: "I looked." };
  await one.say("begin");
  await until(async () => (await deliveries()).some(({ state }) => state === "dead"));
  const { deadLetters, unit } = stage.stores;
  const [letter] = (await deadLetters.list({ spaceId: "default" }, options)).items;
  expect(letter).toMatchObject({ kind: "agent.message", to: "kate", attempts: 3, state: "dead" });

  isBroken = false;
  const at = stage.clock.now();
  const messageId = letter?.id.split(":")[0] ?? "";
  const beside = await redeliveries(stage.stores, [{ messageId, to: "kate" }], at, options);
  const choice = { spaceId: "default", ids: [letter?.id ?? ""], at };
  await unit.commit([deadLetters.replay("agent-message", choice), ...beside], options);
  await until(async () => (await deliveries()).every(({ state }) => state === "done"));

  expect((await deliveries()).map(({ to, attempts }) => [to, attempts])).toEqual([["kate", 1]]);
  expect((await deadLetters.list({ spaceId: "default" }, options)).items).toEqual([]);
});

test("in a group a member activates its creator, and no other member that it may not reach", async () => {
  const member = { delegates: [], acceptsFrom: ["ana"] };
  const one = await open({ others: [other("kate", member), other("bob", member)] });
  script.Ana = (said) => {
    if (said === "begin") return call("create_channel", { name: "plans", members: ["kate", "bob"] });
    if (said === "go")
      return call("post_to_channel", { channel: "plans", text: "@kate, what do you think?" });
    return { text: said };
  };
  script.Kate = (said) =>
    said.startsWith("result: ")
      ? { text: said }
      : call("post_to_channel", { channel: "plans", text: "@bob?" });

  await one.say("begin");
  await one.say("go");
  await until(async () => (await deliveries()).filter(({ state }) => state === "done").length === 2);

  expect((await deliveries()).map(({ from, to }) => `${from} ${to}`)).toEqual(["kate ana", "ana kate"]);
  const kate = (await stage.stores.turns.list({ spaceId: "default" }, options)).items.find(
    ({ agentId }) => agentId === "kate",
  );
  expect((await textsOf(kate?.sessionId ?? "")).at(-1)).toMatch(/It does not activate Bob/);
});

test("an agent finds its channel with somebody however many others it has talked with since", async () => {
  const one = await open();
  script.Ana = (said) => {
    if (said === "begin") return call("create_channel", { name: "plans", members: ["kate"] });
    return said === "list" ? call("list_channels", {}) : { text: said };
  };
  await one.say("begin");
  const { agentChannels, unit } = stage.stores;
  const [plans] = (await agentChannels.list({ spaceId: "default" }, options)).items;
  if (plans === undefined) throw new Error("There is no channel.");
  const others = Array.from({ length: 60 }, (_, n) => {
    const mine = { peerId: `visitor-${n}`, audience: [`visitor-${n}`], createdAt: plans.createdAt + 1 + n };
    return agentChannels.open({ ...plans, ...mine, id: `c-${n}` }, ["ana", "kate"]);
  });
  await unit.commit(others, options);

  const { sessionId } = await one.say("list");

  expect((await textsOf(sessionId)).at(-1)).toContain(`plans (${plans.id}) Kate`);
});

test("whoever waits for an answer is not asked back in vain", async () => {
  const one = await open();
  script.Ana = (said) => {
    if (said.startsWith("result: ")) return { text: said };
    return call("ask_agent", { agent: "kate", question: `for ${said}`, wait: true });
  };
  script.Kate = (said) =>
    said.startsWith("result: ") ? { text: said } : call("ask_agent", { agent: "ana", question: "What?" });

  const { sessionId } = await one.say("begin");
  await until(async () => (await textsOf(sessionId)).length > 1);

  expect((await textsOf(sessionId)).at(-1)).toContain("Not asked: Kate waits for your answer just now.");
  expect(await deliveries()).toHaveLength(2);
});

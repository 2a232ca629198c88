import type { Effect } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { expect, test } from "vitest";
import { createDelegationHandlers, redeliveries } from "../../server/src/delegation/index.ts";
import { createIdGenerator } from "../../server/src/kit/index.ts";
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

/** What ends agents among themselves: guard, stop, money, failures. */

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
  const told = one.metrics.render();
  expect(told).toContain('agent_messages_total{state="suppressed"} 1');
  expect(told).toContain('agent_messages_total{state="done"} 6');
  const sender = await stage.stores.turns.get(last?.originTurnId ?? "", options);
  expect((await textsOf(sender?.sessionId ?? "")).at(-1)).toMatch(
    /^notice: A message of .* was not delivered/,
  );
});

test("what agents do for one person shuts nobody else out", async () => {
  const limits = { loopGuard: { max: 2, windowMinutes: 30 }, maxDepth: 4, maxHops: 12 };
  const one = await open({ limits });
  script.Ana = (said) =>
    said.startsWith("result: ")
      ? { text: said }
      : call("ask_agent", { agent: "kate", question: "Why?", wait: true });
  script.Kate = () => ({ text: "Because." });
  const asks = async (peerId: string): Promise<string | undefined> => {
    const { sessionId } = await one.say("ask", { peerId, audience: [peerId], sessionKey: peerId });
    await until(async () => (await textsOf(sessionId)).length % 2 === 0);
    return (await textsOf(sessionId)).at(-1);
  };

  for (const _ of [1, 2]) expect(await asks("p1")).toContain("Because.");
  expect(await asks("p1")).toContain("2 times in 30 minutes");
  expect(await asks("p2")).toContain("Because.");
});

test("stopping a turn within a chain stops what it asked, tells who asked it, and begins nothing", async () => {
  const one = await open();
  script.Ana = (said) =>
    said.startsWith("result: ")
      ? { text: said }
      : call("ask_agent", { agent: "kate", question: "Why?", wait: true });
  script.Kate = () => call("ask_agent", { agent: "bob", question: "Why so?" });
  script.Bob = () => ({ hang: true });
  const { turnId, sessionId } = await one.say("begin");
  const ofAgent = async (id: string) => (await turnsOf(turnId)).find(({ agentId }) => agentId === id);
  await until(async () => (await ofAgent("bob"))?.state === "running");

  await one.supervisor.control.cancel(
    (await ofAgent("kate"))?.id ?? "",
    { reason: "enough", tree: true },
    options,
  );
  await until(async () => (await textsOf(sessionId)).length > 1);
  await stage.clock.advance(120_000);

  expect((await textsOf(sessionId)).at(-1)).toContain("No answer from Kate");
  expect((await turnsOf(turnId)).map(({ agentId, state }) => `${agentId} ${state}`).toSorted()).toEqual([
    "bob cancelled",
    "kate cancelled",
  ]);
});

test("what an agent asks is paid by the person who asked it, and refused where that is used up", async () => {
  const one = await open({ reservation: { microUsd: 60, limitMicroUsd: 100 } });
  script.Ana = (said) =>
    said.startsWith("result: ")
      ? { text: said }
      : call("ask_agent", { agent: "kate", question: "Why?", wait: true });

  const { sessionId } = await one.say("begin");
  await until(async () => (await textsOf(sessionId)).length > 1);

  expect((await textsOf(sessionId)).at(-1)).toMatch(/No answer from Kate: .*used up/);
  expect((await deliveries()).map(({ state }) => state)).toEqual(["refused"]);
});

test("a person's /stop ends what an answered turn left under way, and says when there is nothing", async () => {
  const others = Array.from({ length: 20 }, (_, n) => other(`a${n}`));
  const one = await open({ others });
  const questions = others.map(({ id }) => ({ agent: id, question: "Think for ever." }));
  script.Ana = (said) =>
    said.startsWith("result: ") ? { text: "Asked." } : call("ask_agents", { questions });
  for (const { name } of others) script[name] = () => ({ hang: true });
  const { turnId, sessionId } = await one.say("ask all of them");
  await until(async () => (await turnsOf(turnId)).filter(({ state }) => state === "running").length === 20);

  const from = performance.now();
  await one.say("/stop");
  await until(async () => (await turnsOf(turnId)).every(({ state }) => state === "cancelled"));
  expect(performance.now() - from).toBeLessThan(2_000);
  expect((await textsOf(sessionId)).at(-1)).toContain("Stopped: 20 under way.");

  await until(async () => (await deliveries()).every(({ state }) => state === "cancelled"));
  await one.say("/stop");
  expect((await textsOf(sessionId)).at(-1)).toContain("Nothing else is under way");
});

test("a person's /stop ends the turn that runs, with all that it waits for", async () => {
  const one = await open();
  script.Ana = () => call("ask_agent", { agent: "kate", question: "Think for ever.", wait: true });
  script.Kate = () => ({ hang: true });
  const { turnId, sessionId } = await one.say("begin");
  await until(async () => (await turnsOf(turnId)).some(({ state }) => state === "running"));

  await one.say("/stop");
  await until(async () => (await textsOf(sessionId)).some((text) => text.includes("Stopped: 1")));

  const turns = [await stage.stores.turns.get(turnId, options), ...(await turnsOf(turnId))];
  expect(turns.map((turn) => turn?.state)).toEqual(["cancelled", "cancelled"]);
});

test("a message whose turns failed is dead, and is delivered when an operator replays it", async () => {
  const one = await open();
  let isBroken = true;
  script.Ana = (said) =>
    said.startsWith("result: ")
      ? { text: "Sent." }
      : call("send_to_agent", { agent: "kate", text: "Hello!" });
  const failure = new TroupeError("Refused.", { code: "model.rejected" });
  script.Kate = (said) => (isBroken ? { error: failure } : { text: `Heard: ${said}` });
  await one.say("greet kate");
  await until(async () => (await deliveries())[0]?.state === "dead");

  isBroken = false;
  const { deadLetters, unit, agentChannels, effects } = stage.stores;
  const { items } = await deadLetters.list({ spaceId: "default" }, options);
  const ids = items.flatMap(({ id, source }) => (source === "agent-message" ? [id] : []));
  const at = stage.clock.now();
  const beside = await redeliveries({ agentChannels, effects }, await deliveries(), at, options);
  const replay = deadLetters.replay("agent-message", { spaceId: "default", ids, at, evenUnknown: false });
  await unit.commit([replay, ...beside], options);
  await until(async () => (await deliveries())[0]?.state === "done");

  expect(await deliveries()).toMatchObject([{ attempts: 1, state: "done" }]);
});

test("a stop of Troupe gives up no message, at no attempt; one whose last attempt took too long is dead", async () => {
  const one = await open();
  const { clock, stores } = stage;
  const common = { spaceId: "default", ownerId: "operator", peerId: "p1", audience: ["p1"] };
  const channel = { ...common, id: "c-1", kind: "direct", name: "", creator: "ana", createdAt: 1 } as const;
  const origin = {
    sessionId: "s",
    turnId: "t",
    rootTurnId: "t",
    depth: 1,
    hops: 0,
    lane: "realtime",
  } as const;
  const said = { id: "m-1", spaceId: "default", channelId: "c-1", kind: "message", from: "ana" } as const;
  const message = { ...said, text: "Hello!", mentions: [], origin, createdAt: 1 };
  const { open: openChannel, post } = stores.agentChannels;
  await stores.unit.commit([openChannel(channel, ["ana", "kate"]), post(message, [{ to: "kate" }])], options);
  const [deliver] = createDelegationHandlers({
    ...{ ...stores, clock, agents: one.agents, bus: one.bus, logger: one.log, metrics: one.metrics },
    ids: createIdGenerator(clock),
    limits: () => ({ loopGuard: { max: 20, windowMinutes: 30 }, maxDepth: 4, maxHops: 12 }),
    accept: (_message, _principal, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    cancel: () => Promise.reject(new Error("Nothing is to be cancelled.")),
  });
  const payload = { messageId: "m-1", to: "kate", round: 0 };
  const last = { id: "e-1", kind: "agent.deliver", v: 1, attempt: 8, spaceId: "default", payload } as unknown;
  const brokenOff = async (code: "turn.cancelled" | "request.timeout"): Promise<unknown> => {
    const life = new AbortController();
    const handling = deliver?.handle(last as Effect, life).catch((error: unknown) => error);
    setTimeout(() => life.abort(new TroupeError("It is over.", { code })), 20);
    return handling;
  };

  expect(await brokenOff("turn.cancelled")).toMatchObject({ message: "It is over." });
  expect(await deliveries()).toMatchObject([{ state: "waiting" }]);
  await brokenOff("request.timeout");
  expect(await deliveries()).toMatchObject([{ state: "dead", reason: "It is over." }]);
});

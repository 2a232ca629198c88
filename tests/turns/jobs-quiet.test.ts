import type { Agent, AgentSpec, InboundMessage, QuietTimes } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createQuietTimes, HEARTBEAT_OWNER } from "../../server/src/jobs/index.ts";
import { ASKER, MINUTE, openWorking } from "./job-stage.ts";
import { endOf, messagesOf, NEVER, openStage, promptOf, type Stage, streamed } from "./stage.ts";

/** What an agent says by itself: not at night, and not without anything to say. */

const HOUR = 60 * MINUTE;
const options = { signal: NEVER };

let stage: Stage;
/** Of the stage's clock. */
let hour: number;
beforeEach(async () => {
  stage = await openStage();
  hour = new Date(stage.clock.now()).getUTCHours();
});
afterEach(() => stage.close());

/** Quiet from one hour after the stage begins until five hours after. */
function nightOf(peerId: string): QuietTimes {
  const time = (hours: number): string => `${String((hour + hours) % 24).padStart(2, "0")}:00`;
  const rule = { from: time(1), to: time(5), zone: "UTC" };
  return createQuietTimes((about) => (about.peerId === peerId ? rule : undefined));
}

const untilNextHour = (): number => HOUR - (stage.clock.now() % HOUR);

test("a reminder whose time falls into quiet hours is told when they end, and says why it waits", async () => {
  const one = await openWorking(stage, "one", { quiet: nightOf("p1") });
  await one.pass(untilNextHour());
  const { sessionId } = await one.process.say("hello");
  const id = await one.make({ text: "stretch", inSeconds: 3_600, isReminder: true }, sessionId);

  await one.pass(2 * HOUR, 24);

  expect(await one.runs(id)).toMatchObject([
    { state: "starting", reason: expect.stringMatching(/^Quiet hours until \d\d:00 \(UTC\)\.$/) },
  ]);
  await one.pass(2 * HOUR + 2 * MINUTE, 24);
  expect(await one.runs(id)).toMatchObject([{ state: "succeeded", reason: undefined }]);
  expect((await messagesOf(stage, sessionId)).map(({ parts }) => textOf(parts)).at(-1)).toBe(
    "Reminder: stretch",
  );
});

test("what a person wants at night, begins by hand, or asks does not wait", async () => {
  const messages: InboundMessage[] = [];
  const one = await openWorking(stage, "one", {
    quiet: nightOf("p1"),
    onMessage: (message) => void messages.push(message),
  });
  const alarm = await one.make({ title: "Alarm", text: "Wake up.", inSeconds: 7_200, evenWhenQuiet: true });
  const report = await one.make({ title: "Report", text: "Report.", everyMinutes: 24 * 60 });
  await one.pass(2 * HOUR + MINUTE, 13);
  expect(await one.runs(alarm)).toMatchObject([{ state: "succeeded" }]);
  expect(messages[0]?.instructions).not.toContain("quiet hours");
  // The way in tells it to be short.
  expect(promptOf(stage, 0).join("\n")).toMatch(/These are the quiet hours of the person/);

  const job = await one.job(report);
  if (job === undefined) throw new Error("no job");
  await one.service.keep(await one.service.prepareAction(job, "run", options), options);
  await one.pass(MINUTE, 4);
  expect(await one.runs(report)).toMatchObject([{ state: "succeeded" }]);

  await one.process.say("are you there?");
  expect(promptOf(stage, 2).join("\n")).not.toMatch(/quiet hours/);
});

test("quiet hours are those of the peer: others are reminded, and nothing accumulates", async () => {
  const one = await openWorking(stage, "one", { quiet: nightOf("p2") });
  const mine = await one.make({ title: "Mine", text: "Look.", everyMinutes: 30 });
  const prepared = await one.service.prepareCreate(
    "theirs",
    { title: "Theirs", text: "Look.", everyMinutes: 30 },
    { ...ASKER, ownerId: "other", peerId: "p2", origin: {} },
    options,
  );
  await one.service.keep(prepared, options);
  await one.pass(untilNextHour());
  await one.pass(5 * HOUR, 60);

  const theirs = await one.runs("theirs");
  const quietFrom = stage.clock.now() - 5 * HOUR;
  const duringNight = theirs.filter(({ dueAt }) => dueAt >= quietFrom && dueAt < quietFrom + 4 * HOUR);
  expect(duringNight.length).toBeLessThanOrEqual(1);
  expect((await one.runs(mine)).length).toBeGreaterThan(9);
});

test("a job that makes up for nothing leaves out what falls into quiet hours", async () => {
  const one = await openWorking(stage, "one", { quiet: nightOf("p1") });
  await one.pass(untilNextHour() + MINUTE, 2);
  const id = await one.make({ title: "Look", text: "Look.", everyMinutes: 30, missed: "skip" });
  await one.pass(5 * HOUR, 60);

  const states = (await one.runs(id)).map(({ state, reason }) => `${state} ${reason ?? ""}`.trim());
  expect(states[0]).toBe("skipped Its time fell into quiet hours.");
  expect(states.slice(1)).not.toContain("skipped Its time fell into quiet hours.");
  expect(states.at(-1)).toBe("succeeded");
});

test("who makes a reminder for the night is told until when it waits", async () => {
  const one = await openWorking(stage, "one", { quiet: nightOf("p1") });
  stage.model.enqueue({
    calls: [
      { callId: "c-1", name: "remind_me", arguments: JSON.stringify({ text: "tea", inSeconds: 7_200 }) },
    ],
  });
  const { sessionId } = await one.process.say("remind me to drink tea in two hours");
  const said = (await messagesOf(stage, sessionId)).flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool-result" ? [part.text] : [])),
  );
  expect(said[0]).toMatch(/: tea\. That is in your quiet hours, so it waits until .*:00 \(UTC\)\.$/);
});

test("an answer of nothing reaches nobody, and is not shown while it is written", async () => {
  const one = await openWorking(stage, "one");
  const { sessionId } = await one.process.say("hello");
  const id = await one.make(
    { title: "Watch", text: "Anything new?", everyMinutes: 10, isSilent: true },
    sessionId,
  );
  stage.model.enqueue({ text: "NO_REPLY" }, { text: "No news yet, but soon." });
  const before = (await messagesOf(stage, sessionId)).filter(({ role }) => role === "assistant").length;

  await one.pass(11 * MINUTE, 22);
  const [silent] = await one.runs(id);
  expect(silent).toMatchObject({ state: "succeeded" });
  const silentTurn = silent?.turnId ?? "";
  expect(await stage.stores.turns.get(silentTurn, options)).toMatchObject({
    state: "suppressed",
    error: undefined,
  });
  expect(await stage.stores.outbox.ofTurn(silentTurn, options)).toEqual([]);
  expect(endOf(one.process.events, silentTurn)?.text ?? "").toBe("");
  const after = (await messagesOf(stage, sessionId)).filter(({ role }) => role === "assistant").length;
  expect(after).toBe(before);

  await one.pass(10 * MINUTE, 20);
  const [, spoken] = await one.runs(id);
  expect(await stage.stores.turns.get(spoken?.turnId ?? "", options)).toMatchObject({ state: "replied" });
  // The silent turn costs later prompts nothing.
  expect(
    promptOf(stage, stage.model.requests.length - 1).filter((line) => line.includes("NO_REPLY")),
  ).toHaveLength(1);
  expect(promptOf(stage, stage.model.requests.length - 1).join("\n")).not.toContain("could not be answered");
});

test("a process that reads a conversation anew shows nothing of a turn that was answered with nothing", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "Hello." }, { text: "NO_REPLY" });
  await one.say("hello");
  await one.say("anything new?", { maySayNothing: true });
  const two = await stage.process("two");
  await two.say("what is it?");

  expect(promptOf(stage, 2).slice(1)).toEqual(["user: hello", "assistant: Hello.", "user: what is it?"]);
});

test("an answer of nothing is one also where words came before the tools that it looked with", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(
    { text: "Let me look.", calls: [{ callId: "t", name: "time", arguments: "{}" }] },
    { text: "NO_REPLY" },
  );
  const { turnId } = await one.say("anything new?", { maySayNothing: true });

  expect(endOf(one.events, turnId)).toMatchObject({ state: "suppressed", text: "" });
  expect(streamed(one.events, turnId)).toBe("Let me look.");

  stage.model.enqueue(
    { text: "Let me look.", calls: [{ callId: "t", name: "time", arguments: "{}" }] },
    { text: "There is news." },
  );
  const news = await one.say("and now?", { maySayNothing: true });
  expect(streamed(one.events, news.turnId)).toBe("Let me look.\n\nThere is news.");
  expect(endOf(one.events, news.turnId)?.text).toBe("Let me look.\n\nThere is news.");
});

function agentOf(heartbeat: AgentSpec["heartbeat"], id = "ana"): Agent {
  const spec: AgentSpec = {
    ...{ id, name: "Ana", model: "default", instructions: "Be kind." },
    ...(heartbeat === undefined ? {} : { heartbeat }),
  };
  return { spaceId: "default", revision: 1, spec };
}

const heartbeatsOf = async () =>
  (await stage.stores.jobs.list({ spaceId: "default", ownerId: HEARTBEAT_OWNER }, options)).items;

test("a heartbeat is one job of its agent, in a conversation of its own, and silent without news", async () => {
  const messages: InboundMessage[] = [];
  const one = await openWorking(stage, "one", { onMessage: (message) => void messages.push(message) });
  const ana = agentOf({ everyMs: 30 * MINUTE });
  await one.heartbeats.reconcile("default", [ana, agentOf(undefined, "ben")], options);
  await one.heartbeats.reconcile("default", [ana], options);
  const [job, ...others] = await heartbeatsOf();
  expect(others).toEqual([]);
  expect(job?.spec).toMatchObject({ missed: "skip", isSilent: true, title: "Heartbeat of Ana" });
  stage.model.enqueue({ text: "NO_REPLY" }, { text: "Your parcel has arrived." });

  await one.pass(61 * MINUTE, 61);

  expect(messages).toHaveLength(2);
  expect(new Set(messages.map(({ sessionKey }) => sessionKey)).size).toBe(1);
  expect(messages[0]).toMatchObject({
    ...{ peerId: "operator", audience: ["operator"], maySayNothing: true },
    replyTo: { channel: "inbox", target: "operator" },
  });
  const runs = await one.runs(job?.id ?? "");
  const told = await Promise.all(runs.map(({ turnId }) => stage.stores.outbox.ofTurn(turnId ?? "", options)));
  expect(told.flat().map(({ text }) => text)).toEqual(["Your parcel has arrived."]);
});

test("of heartbeats that were missed nothing is left", async () => {
  const one = await openWorking(stage, "one");
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE })], options);
  await one.stop();
  await stage.clock.advance(8 * HOUR);

  const two = await openWorking(stage, "two");
  await two.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE })], options);
  await two.pass(2 * MINUTE, 4);

  const [job] = await heartbeatsOf();
  expect(await two.runs(job?.id ?? "")).toMatchObject([{ state: "skipped" }]);
  expect(stage.model.requests).toHaveLength(0);
  expect(job?.next.at).toBeGreaterThan(stage.clock.now());
});

test("a heartbeat keeps to its active hours, follows its file, and stays ended when a person ended it", async () => {
  const one = await openWorking(stage, "one");
  const time = (hours: number): string => `${String((hour + hours + 24) % 24).padStart(2, "0")}:00`;
  const activeHours = { from: time(6), to: time(8) };
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE, activeHours })], options);
  const [first] = await heartbeatsOf();
  const wait = (first?.next.at ?? 0) - stage.clock.now();
  expect(wait).toBeGreaterThan(4 * HOUR);
  expect(new Date(first?.next.at ?? 0).getUTCMinutes()).toBe(0);

  // Taken out of the file: it waits; back again: it goes on.
  await one.heartbeats.reconcile("default", [agentOf(undefined)], options);
  expect(await heartbeatsOf()).toMatchObject([{ state: "paused" }]);
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 60 * MINUTE })], options);
  expect(await heartbeatsOf()).toMatchObject([
    { state: "active", reason: undefined, spec: { schedule: { everyMs: 60 * MINUTE } } },
  ]);

  const [job] = await heartbeatsOf();
  if (job === undefined) throw new Error("no job");
  await one.service.keep(await one.service.prepareAction(job, "cancel", options), options);
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 60 * MINUTE })], options);
  expect(await heartbeatsOf()).toMatchObject([{ state: "cancelled" }]);
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 90 * MINUTE })], options);
  expect(await heartbeatsOf()).toMatchObject([{ state: "active" }, { state: "cancelled" }]);
});

test("a heartbeat that is to speak to somebody else begins anew, without what the first one knows", async () => {
  const one = await openWorking(stage, "one");
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE })], options);
  const deliverTo = { channel: "telegram", target: "p-7" };
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE, deliverTo })], options);

  expect(await heartbeatsOf()).toMatchObject([
    { state: "active", peerId: "p-7", spec: { deliverTo } },
    { state: "cancelled", peerId: "operator" },
  ]);

  // And back: that it was ended before was no person's wish.
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE })], options);
  await one.heartbeats.reconcile("default", [agentOf({ everyMs: 30 * MINUTE })], options);
  expect((await heartbeatsOf()).map(({ state, peerId }) => `${state} ${peerId}`)).toEqual([
    ...["active operator", "cancelled p-7", "cancelled operator"],
  ]);
});

test("words that may still become nothing are kept back, others are told at once", async () => {
  const one = await openWorking(stage, "one");
  const turnIds: string[] = [];
  for (const text of ["NO_REPLY", "No, there is nothing.", "NO_REPLY, but one thing."]) {
    stage.model.enqueue({ text });
    const { turnId } = await one.process.say(`anything? ${text.length}`, { maySayNothing: true });
    turnIds.push(turnId);
  }
  expect(turnIds.map((turnId) => streamed(one.process.events, turnId))).toEqual([
    "",
    "No, there is nothing.",
    "NO_REPLY, but one thing.",
  ]);
});

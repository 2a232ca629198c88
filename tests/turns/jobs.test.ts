import type { InboundMessage, JobInput, JobSpec, JobTime } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ASKER, MINUTE, openWorking, type Working, type WorkingOptions } from "./job-stage.ts";
import { messagesOf, NEVER, openStage, type Stage } from "./stage.ts";

/** Jobs run as turns, once each, whatever falls in between. */

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const working = (id = "one", over: WorkingOptions = {}): Promise<Working> => openWorking(stage, id, over);

const make = (one: Working, input: JobInput, sessionId?: string): Promise<string> =>
  one.make(input, sessionId);

async function pass(ms: number, steps = 1): Promise<void> {
  for (let i = 0; i < steps; i++) {
    await stage.clock.advance(ms / steps);
    await stage.clock.settle();
  }
}
const jobOf = async (id: string) => stage.stores.jobs.get({ spaceId: "default", id }, options);
const noticesOf = async () => {
  const query = { spaceId: "default", ownerIds: ["operator"], unreadOnly: false };
  return (await stage.stores.inboxItems.list(query, options)).items;
};
const runsOf = async (jobId: string) => (await stage.stores.jobs.runs({ jobId }, options)).items.toReversed();

test("a reminder is told in the session where it was asked for, without a model", async () => {
  const one = await working();
  const { sessionId } = await one.process.say("hello");
  const asked = stage.model.requests.length;
  const id = await make(one, { text: "stretch", inSeconds: 60, isReminder: true }, sessionId);

  await pass(59_000);
  expect(await runsOf(id)).toEqual([]);
  await pass(30_000, 6);

  const said = await messagesOf(stage, sessionId);
  expect(said.map((message) => textOf(message.parts)).at(-1)).toBe("Reminder: stretch");
  expect(stage.model.requests.length).toBe(asked);
  expect(await jobOf(id)).toMatchObject({ state: "completed", runs: 1 });
  expect(await runsOf(id)).toMatchObject([{ state: "succeeded", messageId: said.at(-1)?.id }]);
});

test("a tool that makes a job keeps it with its turn", async () => {
  const one = await working();
  stage.model.enqueue({
    calls: [
      { callId: "c-1", name: "remind_me", arguments: JSON.stringify({ text: "drink tea", inSeconds: 120 }) },
    ],
  });
  const { sessionId } = await one.process.say("remind me to drink tea");
  const [job] = (await stage.stores.jobs.list({ spaceId: "default", isOpen: true }, options)).items;

  expect(job).toMatchObject({
    state: "pending",
    origin: { sessionId },
    spec: { kind: "one_off", work: { text: "drink tea" } },
  });
  await pass(150_000, 10);
  expect((await messagesOf(stage, sessionId)).map((message) => textOf(message.parts)).at(-1)).toBe(
    "Reminder: drink tea",
  );
});

test("a recurring job runs at its times, each run a turn with the trigger job", async () => {
  const one = await working();
  const id = await make(one, { title: "Look around", text: "Look.", everyMinutes: 10 });

  await pass(31 * MINUTE, 62);

  const runs = await runsOf(id);
  expect(runs.map(({ state }) => state)).toEqual(["succeeded", "succeeded", "succeeded"]);
  expect(await jobOf(id)).toMatchObject({ state: "active", runs: 3, begun: 3 });
  const turn = await stage.stores.turns.get(runs[0]?.turnId ?? "", options);
  expect(turn).toMatchObject({
    trigger: "job",
    payload: { cause: { depth: 0, of: { kind: "job-run", id: `${id}.1` } } },
  });
});

test("10,000 jobs cost one timer", async () => {
  const one = await working();
  const later: JobTime = { at: stage.clock.now() + 5 * MINUTE, local: "later", zone: "UTC" };
  const spec: JobSpec = {
    ...{ title: "Idle", kind: "recurring", schedule: { everyMs: 5 * MINUTE, zone: "UTC" } },
    ...{ work: { kind: "reminder", text: "x" }, deliverTo: "session", missed: "one", overlap: "skip" },
    ...{ dependsOn: [], onFailedDependency: "hold" },
  };
  await pass(1_000);
  const before = stage.clock.timers;
  for (let block = 0; block < 10; block += 1) {
    const writes = Array.from({ length: 1_000 }, (_, at) =>
      stage.stores.jobs.put({
        ...{ ...ASKER, id: `idle-${block}-${at}`, spec, origin: {}, state: "active", next: later },
        createdAt: stage.clock.now(),
      }),
    );
    await stage.stores.unit.commit(writes, options);
  }
  one.scheduler.nudge();
  await pass(2_000, 4);

  expect(stage.clock.timers).toBeLessThanOrEqual(before);
});

test("a crash between claim and way in loses no run and doubles none", async () => {
  let isBroken = true;
  const one = await working("one", { accepts: () => !isBroken });
  const id = await make(one, { text: "Look.", inSeconds: 60, title: "Once" });
  await pass(61_000, 4);
  expect(await runsOf(id)).toMatchObject([{ state: "starting" }]);

  isBroken = false;
  await pass(100_000, 10);

  expect(await runsOf(id)).toMatchObject([{ id: `${id}.1`, state: "succeeded" }]);
  expect(await jobOf(id)).toMatchObject({ state: "completed", runs: 1 });
});

test("a run without its conversation knows what whoever hears it knows, not what others of that name do", async () => {
  const heard: InboundMessage[] = [];
  const one = await working("one", { onMessage: (message) => heard.push(message) });
  const theirs = { ...ASKER, ownerId: "key-2", peerId: "operator", origin: { sessionId: "gone" } };
  await one.service.create("theirs", { text: "Look.", inSeconds: 60, title: "Theirs" }, theirs, options);
  const own = { ...ASKER, peerId: "operator", origin: {} };
  await one.service.create("own", { text: "See.", inSeconds: 61, title: "Own" }, own, options);
  // What is said to somebody on a channel is made of what they know, whoever wanted it said.
  const deliverTo = { channel: "telegram", target: "p-7" };
  await one.service.create(
    "to",
    { text: "Say.", inSeconds: 62, title: "Elsewhere", deliverTo },
    own,
    options,
  );
  await pass(65_000, 8);

  expect(heard.map(({ audience }) => audience)).toEqual([
    ...[["key-2/operator"], ["operator"], ["telegram/p-7"]],
  ]);
});

test("a job that is cancelled while its run starts, by a process that dies over it, answers nobody", async () => {
  let isBroken = true;
  const one = await working("one", { accepts: () => !isBroken });
  const id = await make(one, { text: "Look.", inSeconds: 60, title: "Once" });
  await pass(61_000, 4);
  const job = await jobOf(id);
  if (job === undefined) throw new Error("no job");
  await one.service.keep(await one.service.prepareAction(job, "cancel", options), options);

  isBroken = false;
  await pass(100_000, 10);

  expect(await jobOf(id)).toMatchObject({ state: "cancelled" });
  expect(await runsOf(id)).toMatchObject([{ state: "cancelled" }]);
  expect(stage.model.requests).toEqual([]);
  expect(await noticesOf()).toEqual([]);
});

test("a job that runs once and is cancelled during its run is not told of as given up", async () => {
  const one = await working();
  const id = await make(one, { text: "Look.", inSeconds: 60, title: "Once" });
  stage.model.enqueue({ text: "slow", delayMs: 40_000 });
  await pass(65_000, 13);
  expect(await runsOf(id)).toMatchObject([{ state: "running" }]);
  const job = await jobOf(id);
  if (job === undefined) throw new Error("no job");
  await one.service.act(job, "cancel", options);
  await pass(60_000, 12);

  expect(await runsOf(id)).toMatchObject([{ state: "cancelled" }]);
  expect(await jobOf(id)).toMatchObject({ state: "cancelled" });
  expect(await noticesOf()).toEqual([]);
});

test("a job is not resumed while a run from before the pause still starts", async () => {
  const one = await working("one", { accepts: () => false });
  const id = await make(one, { text: "Look.", everyMinutes: 1, title: "Regular" });
  await pass(61_000, 4);
  const act = async (action: "pause" | "resume") => {
    const job = await jobOf(id);
    if (job === undefined) throw new Error("no job");
    await one.service.keep(await one.service.prepareAction(job, action, options), options);
  };
  await act("pause");

  await expect(act("resume")).rejects.toThrow("is still under way");
});

test("a run whose end was never told of is settled by the sweep, and counted once", async () => {
  const one = await working("one", { effects: false });
  const id = await make(one, { text: "Look.", everyMinutes: 60, title: "Hourly" });
  await pass(60 * MINUTE + 1_000, 4);
  expect(await runsOf(id)).toMatchObject([{ state: "running" }]);
  const [run] = await runsOf(id);
  const [effect] = await stage.stores.effects.ofTurn(run?.turnId ?? "", options);
  expect(effect?.kind).toBe("job.ended");

  // The effect is given up: nobody else will tell.
  const { unit, effects } = stage.stores;
  const claim = effects.claim({ owner: "x", leaseMs: 1_000, limit: 1, lane: "background" });
  const [claimed] = (await unit.commit([claim], options)).read(claim);
  if (claimed === undefined) throw new Error("no effect");
  await unit.commit(
    [effects.settle(claimed, { kind: "dead", error: "given up" }, stage.clock.now())],
    options,
  );
  await pass(25_000, 5);

  expect(await jobOf(id)).toMatchObject({ state: "active", runs: 1 });
  // The same end once more changes nothing.
  expect(await one.handlers[0]?.handle(claimed, options)).toEqual([]);
});

test("a job due while nobody was there runs once when somebody is, or not at all", async () => {
  const one = await working();
  const once = await make(one, { text: "Look.", everyMinutes: 10, title: "Made up for" });
  const never = await make(one, { text: "See.", everyMinutes: 10, title: "Left alone", missed: "skip" });
  await one.stop();
  await pass(57 * MINUTE);
  expect(await runsOf(once)).toEqual([]);

  await working("two");
  await pass(40_000, 5);

  expect(await runsOf(once)).toMatchObject([{ state: "succeeded" }]);
  expect(await runsOf(never)).toMatchObject([{ state: "skipped" }]);
  expect((await jobOf(never))?.runs).toBe(0);
  expect((await jobOf(once))?.next.at).toBe((await jobOf(never))?.next.at);
});

test("an ongoing job ends at its number of runs, or when what it waits to hear was said", async () => {
  const one = await working();
  const counted = await make(one, { text: "Look.", everyMinutes: 10, title: "Thrice", maxRuns: 3 });
  const heard = await make(one, {
    text: "Ask.",
    everyMinutes: 10,
    title: "Until heard",
    until: 'the answer is "all done"',
  });
  for (let i = 0; i < 3; i++) stage.model.enqueue({ text: "not yet" });
  stage.model.enqueue({ text: "It is all done." });
  await pass(50 * MINUTE, 50);

  expect(await jobOf(counted)).toMatchObject({ state: "completed", runs: 3 });
  expect(await jobOf(heard)).toMatchObject({ state: "completed" });
});

test("a job is cancelled although somebody changed it since it was looked at, which no other change survives", async () => {
  const one = await working();
  const id = await make(one, { title: "Look around", text: "Look.", everyMinutes: 10 });
  const seen = await jobOf(id);
  if (seen === undefined) throw new Error("no job");
  await one.service.update(seen, { title: "Look away" }, options);

  const again = one.service.update(seen, { title: "Look up" }, options);
  await expect(again).rejects.toThrow("was changed by somebody else just now. Look at it again.");
  const cancelled = await one.service.act(seen, "cancel", options);

  expect(cancelled).toMatchObject({ state: "cancelled", spec: { title: "Look away" } });
});

test("pause stops a job, resume lets it go on from its next time, cancel ends it with its run", async () => {
  const one = await working();
  const id = await make(one, { text: "Look.", everyMinutes: 10, title: "Regular" });
  const act = async (action: "pause" | "resume" | "cancel") => {
    const job = await jobOf(id);
    if (job === undefined) throw new Error("no job");
    await one.service.keep(await one.service.prepareAction(job, action, options), options);
  };
  await act("pause");
  await pass(35 * MINUTE, 7);
  expect(await runsOf(id)).toEqual([]);
  await act("resume");
  await pass(4 * MINUTE, 4);
  expect(await runsOf(id)).toEqual([]);
  await pass(7 * MINUTE, 14);
  expect(await runsOf(id)).toHaveLength(1);

  // It kept its beat over the pause: ten minutes after the first run, not after the resume.
  stage.model.enqueue({ text: "slow", delayMs: 40_000 });
  await pass(4 * MINUTE, 4);
  await pass(5_000);
  await act("cancel");
  await pass(40_000, 4);
  expect(await jobOf(id)).toMatchObject({ state: "cancelled" });
  expect((await runsOf(id)).at(-1)).toMatchObject({ state: "cancelled" });
});

test("a job that is given up is told in its owner's inbox, after it was tried again, each time later", async () => {
  const one = await working();
  const refusal = new TroupeError("The model refused our key (401).", { code: "model.rejected" });
  for (let i = 0; i < 4; i++) stage.model.enqueue({ error: refusal });
  const id = await make(one, { text: "Look.", inSeconds: 60, title: "Once" });
  await pass(70_000, 10);
  expect(await jobOf(id)).toMatchObject({ state: "active", runs: 1 });

  await pass(40 * MINUTE, 80);

  expect((await runsOf(id)).map(({ state }) => state)).toEqual(["failed", "failed", "failed", "failed"]);
  expect(await jobOf(id)).toMatchObject({ state: "failed", runs: 4 });
  expect(await noticesOf()).toMatchObject([{ kind: "notice", title: 'The job "Once" was given up' }]);
});

test("what a person cannot have is refused in one sentence: too many, twice the same, a circle", async () => {
  const one = await working("one", { maxPerOwner: 3 });
  const first = await make(one, { text: "Look.", everyMinutes: 10, title: "Weekly report" });
  await expect(make(one, { text: "Look.", everyMinutes: 20, title: "weekly report (2)" })).rejects.toThrow(
    /job like this already: "Weekly report"/,
  );
  const second = await make(one, { text: "See.", title: "Send it", dependsOn: [first] });
  expect(await jobOf(second)).toMatchObject({ state: "blocked" });
  const job = await jobOf(first);
  if (job === undefined) throw new Error("no job");
  await expect(one.service.prepareUpdate(job, { dependsOn: [second] }, options)).rejects.toThrow(
    "Weekly report → Send it → Weekly report",
  );
  await make(one, { text: "Third.", inSeconds: 600, title: "Something else" });
  await expect(make(one, { text: "Fourth.", inSeconds: 900, title: "One too many" })).rejects.toThrow(
    /no more than 3/,
  );
});

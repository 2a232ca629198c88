import type { EffectHandler, JobSpec, JobTime } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLocalBus } from "../../server/src/bus/index.ts";
import {
  createEndedHandler,
  createJobService,
  createJobTools,
  createReminderTool,
  createScheduler,
  type JobInput,
  type JobService,
  type Scheduler,
} from "../../server/src/jobs/index.ts";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createEffectWorkers } from "../../server/src/workers/index.ts";
import { messagesOf, NEVER, openStage, type Stage, type StagedProcess } from "./stage.ts";

/** Jobs run as turns, once each, whatever falls in between. */

const MINUTE = 60_000;
const options = { signal: NEVER };
const ASKER = { spaceId: "default", agentId: "ana", ownerId: "operator", peerId: "p1" };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

interface Working {
  readonly process: StagedProcess;
  readonly service: JobService;
  readonly scheduler: Scheduler;
  readonly handler: EffectHandler;
  stop(): Promise<void>;
}

/** A process with everything that jobs need, on the stage's clock. */
async function working(
  id = "one",
  over: {
    readonly accepts?: (text: string) => boolean;
    readonly effects?: boolean;
    readonly maxPerOwner?: number;
  } = {},
): Promise<Working> {
  const { stores, clock } = stage;
  const life = new AbortController();
  const metrics = createMetrics();
  let service: JobService | undefined;
  const tools = createJobTools({
    get service() {
      if (service === undefined) throw new Error("not made yet");
      return service;
    },
    ...{ jobs: stores.jobs, inbox: stores.inbox, onPrepared: () => scheduler.nudge() },
  });
  const process = await stage.process(id, { builtin: [...tools, createReminderTool()] });
  // Nobody renews it here.
  await stores.unit.commit([stores.leases.renew(id, 30 * 86_400_000)], options);
  const common = { ...stores, clock, metrics, logger: process.log, processId: id, random: () => 0.5 };
  const bus = createLocalBus({ logger: process.log, metrics, clock });
  const { control } = process.supervisor;
  const scheduler = createScheduler({
    ...{ ...common, bus, control },
    inbox: {
      accept: ({ parts, ...more }, principal) =>
        over.accepts?.(textOf(parts)) === false
          ? Promise.reject(new Error("crashed before the way in"))
          : process.accept({ ...more, parts }, principal),
    },
  });
  service = createJobService({
    ...{ ...common, control, onChange: () => scheduler.nudge(), zone: () => "UTC" },
    maxPerOwner: () => over.maxPerOwner ?? 50,
  });
  const handler = createEndedHandler({ ...common, onSettled: () => scheduler.nudge() });
  const effects = createEffectWorkers({
    ...common,
    bus,
    handlers: over.effects === false ? [] : [handler],
    sweepMs: 20_000,
  });
  scheduler.start(life.signal);
  if (over.effects !== false) effects.start(life.signal);
  return {
    ...{ process, service, scheduler, handler },
    async stop() {
      life.abort();
      await clock.settle();
    },
  };
}

let made = 0;
async function make({ service }: Working, input: JobInput, sessionId?: string): Promise<string> {
  made += 1;
  const origin = sessionId === undefined ? {} : { sessionId };
  const prepared = await service.prepareCreate(`job-${made}`, input, { ...ASKER, origin }, options);
  return (await service.keep(prepared, options)).id;
}

async function pass(ms: number, steps = 1): Promise<void> {
  for (let i = 0; i < steps; i++) {
    await stage.clock.advance(ms / steps);
    await stage.clock.settle();
  }
}
const jobOf = async (id: string) => stage.stores.jobs.get({ spaceId: "default", id }, options);
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
  expect(await one.handler.handle(claimed, options)).toEqual([]);
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

  stage.model.enqueue({ text: "slow", delayMs: 40_000 });
  await pass(9 * MINUTE, 9);
  await pass(5_000);
  await act("cancel");
  await pass(40_000, 4);
  expect(await jobOf(id)).toMatchObject({ state: "cancelled" });
  expect((await runsOf(id)).at(-1)).toMatchObject({ state: "cancelled" });
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

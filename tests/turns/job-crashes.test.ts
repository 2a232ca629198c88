import type { UnitOfWork } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  createEndedHandler,
  createJobService,
  createReminderTool,
  createScheduler,
} from "../../server/src/jobs/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createEffectWorkers, createNotices } from "../../server/src/workers/index.ts";
import { NEVER, openStage, type Stage } from "./stage.ts";

/**
 * A process that is gone at any one of the commits of a job (claim, way in, turn, end, what is next), just before it or just
 * after: each time of the job runs once, and none is lost.
 */

const EVERY = 60_000;
const STEP = 10_000;
const options = { signal: NEVER };

interface Fate {
  /** The commit at which it is gone, from 1. */
  readonly at: number;
  readonly when: "before" | "after";
}

/** From its fate on nothing that the process commits is kept, and nobody is answered. */
function mortal(
  own: UnitOfWork,
  fate: Fate | undefined,
): { readonly unit: UnitOfWork; readonly isGone: () => boolean } {
  const never = new Promise<never>(() => undefined);
  let commits = 0;
  let isGone = false;
  const unit: UnitOfWork = {
    ...own,
    async commit(writes, call) {
      if (isGone) return never;
      commits += 1;
      isGone = commits === fate?.at;
      if (isGone && fate?.when === "before") return never;
      const committed = await own.commit(writes, call);
      return isGone ? never : committed;
    },
    ride: (writes) => {
      if (!isGone) own.ride(writes);
    },
    flush: (call) => own.flush(call),
  };
  return { unit, isGone: () => isGone };
}

/** A process with everything that jobs need. */
async function startProcess(stage: Stage, id: string, fate?: Fate) {
  const { stores, clock } = stage;
  const life = mortal(stores.unit, fate);
  const { unit } = life;
  const process = await stage.process(id, { unit: () => unit, builtin: [createReminderTool()] });
  const { bus, log: logger } = process;
  await unit.commit([stores.leases.endOthers(id), stores.leases.renew(id, 30 * 86_400_000)], options);
  const own = {
    ...stores,
    unit,
    bus,
    clock,
    logger,
    metrics: createMetrics(),
    processId: id,
    random: () => 0.5,
  };
  const notices = createNotices({ ...own, ids: createIdGenerator(clock), spaceId: DEFAULT_SPACE_ID });
  const common = { ...own, notices, control: process.supervisor.control };
  const scheduler = createScheduler({
    ...{ ...common, inboxRows: stores.inbox },
    inbox: { accept: (message, principal) => process.accept(message, principal) },
  });
  const effects = createEffectWorkers({
    ...common,
    handlers: [createEndedHandler({ ...common, onSettled: () => scheduler.nudge() })],
    sweepMs: 20_000,
  });
  process.supervisor.start();
  scheduler.start(NEVER);
  effects.start(NEVER);
  return life;
}

async function makeJob({ stores, clock }: Stage, isReminder: boolean): Promise<void> {
  const service = createJobService({
    ...{ ...stores, clock, control: { cancel: () => Promise.reject(new Error("nothing runs")) } },
    ...{ maxPerOwner: () => 10, zone: () => "UTC", hasChannel: () => true, onChange: () => undefined },
  });
  const asker = { spaceId: DEFAULT_SPACE_ID, agentId: "ana", ownerId: "operator", peerId: "p1", origin: {} };
  const input = {
    text: "Look around.",
    everyMinutes: 1,
    maxRuns: 2,
    missed: "all",
    overlap: "queue",
    isReminder,
  } as const;
  await service.create("job", input, asker, options);
}

/** What is left of it when all is over. */
async function kept({ stores }: Stage, madeAt: number) {
  const query = { spaceId: DEFAULT_SPACE_ID, id: "job" };
  const [job, runs, turns] = await Promise.all([
    stores.jobs.get(query, options),
    stores.jobs.runs({ jobId: "job" }, options),
    stores.turns.list({ spaceId: DEFAULT_SPACE_ID }, options),
  ]);
  return {
    job: { state: job?.state, runs: job?.runs, begun: job?.begun },
    runs: runs.items.toReversed().map(({ id, state, dueAt }) => [id, state, (dueAt - madeAt) / EVERY]),
    turns: turns.items.toReversed().map(({ state, payload }) => [payload.cause?.of?.id, state]),
  };
}

const WHOLE = {
  job: { state: "completed", runs: 2, begun: 2 },
  runs: [
    ["job.1", "succeeded", 1],
    ["job.2", "succeeded", 2],
  ],
  turns: [
    ["job.1", "replied"],
    ["job.2", "replied"],
  ],
};

/** False: the process came to the end of its work before its fate. */
async function live(isReminder: boolean, fate: Fate): Promise<boolean> {
  const stage = await openStage();
  try {
    const madeAt = stage.clock.now();
    await makeJob(stage, isReminder);
    const first = await startProcess(stage, "one", fate);
    for (let n = 0; n < 14 && !first.isGone(); n += 1) await stage.clock.advance(STEP);
    const wasGone = first.isGone();
    if (wasGone) {
      await startProcess(stage, "two");
      await stage.clock.advance(3 * EVERY);
    }
    expect({ fate, ...(await kept(stage, madeAt)) }).toEqual({ fate, ...WHOLE });
    return wasGone;
  } finally {
    await stage.close();
  }
}

it.each([
  ["a job that asks a model", false],
  ["a reminder", true],
])(
  "%s runs each time once, at whatever commit its process is gone",
  { timeout: 120_000 },
  async (_, isReminder) => {
    let at = 0;
    let isReached = true;
    // The first two make the process known.
    for (at = 3; isReached; at += 1) {
      isReached = await live(isReminder, { at, when: "before" });
      if (isReached) await live(isReminder, { at, when: "after" });
    }

    // Claim, way in, start, turn, claim and mark of the effect: twice, and what is looked after in between.
    expect(at).toBeGreaterThan(14);
  },
);

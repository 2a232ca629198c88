import type { EffectHandler, InboundMessage, Job, JobInput, JobRun, QuietTimes } from "@troupe/contracts";
import { SUBJECTS, textOf } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import {
  type AskSmall,
  createConditions,
  createHeartbeats,
  createJobModule,
  createJobService,
  createReminderTool,
  createScheduler,
  type Heartbeats,
  type JobService,
  quietHoursGate,
  type Scheduler,
} from "../../server/src/jobs/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createHookRegistry } from "../../server/src/modules/index.ts";
import { createEffectWorkers, createNotices } from "../../server/src/workers/index.ts";
import { NEVER, type ProcessOptions, type Stage, type StagedProcess } from "./stage.ts";

export const MINUTE = 60_000;
export const ASKER = { spaceId: "default", agentId: "ana", ownerId: "operator", peerId: "p1" };
const options = { signal: NEVER };

export interface WorkingOptions {
  readonly quiet?: QuietTimes;
  /** What came to the way in, in its order. */
  readonly onMessage?: (message: InboundMessage) => void;
  readonly process?: ProcessOptions;
  readonly askSmall?: AskSmall;
  /** False for a message at which the process crashes before the way in. Default: none. */
  readonly accepts?: (text: string) => boolean;
  /** Whether effects are worked on. Default: they are. */
  readonly effects?: boolean;
  /** Default 50. */
  readonly maxPerOwner?: number;
}

/** A process with everything that jobs need, on the stage's clock. */
export interface Working {
  readonly process: StagedProcess;
  readonly service: JobService;
  readonly scheduler: Scheduler;
  readonly heartbeats: Heartbeats;
  readonly handlers: readonly EffectHandler[];
  /** The id of a new job. */
  make(input: JobInput, sessionId?: string): Promise<string>;
  job(id: string): Promise<Job | undefined>;
  /** Oldest first. */
  runs(id: string): Promise<readonly JobRun[]>;
  /** Time goes by, in so many steps. */
  pass(ms: number, steps?: number): Promise<void>;
  stop(): Promise<void>;
}

export async function openWorking(stage: Stage, id: string, over: WorkingOptions = {}): Promise<Working> {
  const { stores, clock } = stage;
  const life = new AbortController();
  const metrics = createMetrics();
  const quiet = over.quiet ?? { until: () => undefined };
  let service: JobService | undefined;
  const own = { ...stores, clock, metrics, processId: id, random: () => 0.5, quiet };
  const early = { clock, metrics, logger: createLogRecorder() };
  const asks = over.askSmall === undefined ? {} : { askSmall: over.askSmall };
  const conditions = createConditions({
    ...{ ...own, ...early, ...asks, spaceId: "default" },
    bus: { subscribe: (...call) => process.bus.subscribe(...call) },
    notices: { write: (notice) => notices.write(notice) },
  });
  const hooks = createHookRegistry(early);
  hooks.add("jobs", conditions.hook);
  const module = createJobModule({
    get service() {
      if (service === undefined) throw new Error("not made yet");
      return service;
    },
    ...{ jobs: stores.jobs, jobRuns: stores.jobRuns, sessions: stores.sessions, inbox: stores.inbox },
    ...{ ...early, ...asks, quiet, conditions, onSettled: () => scheduler.nudge() },
    notices: { write: (notice) => notices.write(notice) },
  });
  const process = await stage.process(id, {
    ...{ ...over.process, hooks },
    builtin: [...(module.tools ?? []), createReminderTool()],
    gates: [quietHoursGate(quiet, clock)],
  });
  // Nobody renews it here.
  await stores.unit.commit([stores.leases.renew(id, 30 * 86_400_000)], options);
  const { bus, log: logger } = process;
  const ids = createIdGenerator(clock);
  const notices = createNotices({ ...own, logger, bus, ids, spaceId: "default" });
  const common = { ...own, logger, notices };
  const { control } = process.supervisor;
  const scheduler = createScheduler({
    ...{ ...common, bus, control, inboxRows: stores.inbox },
    inbox: {
      accept(message, principal) {
        over.onMessage?.(message);
        if (over.accepts?.(textOf(message.parts)) === false)
          return Promise.reject(new Error("crashed before the way in"));
        return process.accept(message, principal);
      },
    },
  });
  const kind = SUBJECTS.jobDue;
  const onChange = (): void =>
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
  service = createJobService({
    ...{ ...common, control, onChange, zone: () => "UTC", maxPerOwner: () => over.maxPerOwner ?? 50 },
    hasChannel: () => true,
  });
  const handlers = module.effects ?? [];
  const { effects: worksOn = true } = over;
  const effects = createEffectWorkers({
    ...{ ...common, bus, sweepMs: 20_000 },
    handlers: worksOn ? handlers : [],
  });
  conditions.start(life.signal);
  scheduler.start(life.signal);
  if (worksOn) effects.start(life.signal);
  const made = service;
  let count = 0;
  return {
    ...{ process, service, scheduler, handlers },
    heartbeats: createHeartbeats({ ...common, zone: () => "UTC", onChange }),
    async make(input, sessionId) {
      count += 1;
      const origin = sessionId === undefined ? {} : { sessionId };
      const prepared = await made.prepareCreate(`${id}-job-${count}`, input, { ...ASKER, origin }, options);
      return (await made.keep(prepared, options)).id;
    },
    job: (jobId) => stores.jobs.get({ spaceId: "default", id: jobId }, options),
    runs: async (jobId) => (await stores.jobs.runs({ jobId }, options)).items.toReversed(),
    async pass(ms, steps = 1) {
      for (let i = 0; i < steps; i++) {
        await clock.advance(ms / steps);
        await clock.settle();
      }
    },
    async stop() {
      life.abort();
      await clock.settle();
    },
  };
}

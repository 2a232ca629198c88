import type {
  Job,
  JobRun,
  JobRunStore,
  JobSpec,
  JobState,
  JobTime,
  NewJob,
  SettledRun,
} from "@troupe/contracts";
import { OWNER, options, SPACE, type StoreHarness } from "./store-fixtures.ts";

export const claimOf = (owner = "p-1", limit = 10): Parameters<JobRunStore["claim"]>[0] => ({
  owner,
  leaseMs: 1_000,
  runMs: 60_000,
  limit,
});
export const timeAt = (at: number): JobTime => ({
  at,
  local: new Date(at).toISOString().slice(0, 19),
  zone: "UTC",
});

export function newJob(
  harness: StoreHarness,
  id: string,
  { spec, ...over }: Partial<Omit<NewJob, "spec">> & { readonly spec?: Partial<JobSpec> } = {},
): NewJob {
  const next = over.next ?? timeAt(harness.now() - 10);
  return {
    ...{
      id,
      spaceId: SPACE,
      agentId: "ana",
      ownerId: OWNER,
      peerId: "peer-1",
      origin: { sessionId: "session-1" },
    },
    ...{ state: "active", createdAt: harness.now() },
    ...over,
    next,
    spec: {
      ...{ title: `Title of ${id}`, kind: "recurring", schedule: { everyMs: 60_000, zone: "UTC" } },
      ...{ work: { kind: "message", text: "Look." }, deliverTo: "session", missed: "one", overlap: "skip" },
      ...{ dependsOn: [], onFailedDependency: "hold" },
      ...spec,
    } as JobSpec,
  };
}

export const settled = (
  harness: StoreHarness,
  jobId: string,
  over: Partial<SettledRun> = {},
): SettledRun => ({
  ...{ runId: `${jobId}.1`, jobId, revision: 1, state: "succeeded", turnId: "turn-1", at: harness.now() },
  job: { state: "active", next: timeAt(harness.now() + 60_000) },
  ...over,
});

export const jobOf = (harness: StoreHarness, id: string): Promise<Job | undefined> =>
  harness.stores.jobs.get({ spaceId: SPACE, id }, options);
export const statesOf = async (
  harness: StoreHarness,
  ...ids: readonly string[]
): Promise<(JobState | undefined)[]> => Promise.all(ids.map(async (id) => (await jobOf(harness, id))?.state));
export const lastRun = async ({ stores }: StoreHarness, jobId: string): Promise<JobRun | undefined> =>
  (await stores.jobs.runs({ jobId }, options)).items[0];

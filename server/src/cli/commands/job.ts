import type { Job, JobRun, Page } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { formatJob, formatJobs } from "../format/jobs.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export const pathOfJob = (id: string): string => `/api/jobs/${encodeURIComponent(id)}`;

export async function listJobs({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({
    ...{ limit: limitOf(options), cursor: options.cursor, agent: options.agent },
    all: options.all === true ? "true" : undefined,
  });
  await using client = await connect({ command: "job list" });
  const page = await client.call<Page<Job>>("GET", `/api/jobs${query}`);
  output.result(page, () => formatJobs(page, output.paint));
}

export async function showJob(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const limit = limitOf(options);
  await using client = await connect({ command: "job show" });
  const [job, runs] = await Promise.all([
    client.call<Job>("GET", pathOfJob(id)),
    client.call<Page<JobRun>>("GET", `${pathOfJob(id)}/runs${queryOf({ limit })}`),
  ]);
  output.result({ job, runs: runs.items }, () => formatJob(job, runs, output.paint));
}

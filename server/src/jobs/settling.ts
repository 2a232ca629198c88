import type { Job, JobRunStore, Notices, SettledRun, Write } from "@troupe/contracts";
import { detectLanguage } from "../kit/index.ts";
import { tellJob } from "./catalogue.ts";

export interface SettlingDeps {
  readonly jobRuns: Pick<JobRunStore, "settle">;
  readonly notices: Pick<Notices, "write">;
}

/** The end of a run as writes of one commit; its owner reads in the inbox of a job that is given up with it. */
export function settling(
  { jobRuns, notices }: SettlingDeps,
  { id, ownerId, spec, endedAt }: Job,
  settled: SettledRun,
): readonly Write<unknown>[] {
  const write = jobRuns.settle(settled);
  // One that a person ended stays what they made of it.
  if (settled.job.state !== "failed" || endedAt !== undefined) return [write];
  const language = detectLanguage(`${spec.title} ${spec.work.text}`);
  const { title } = spec;
  const reason = settled.reason ?? tellJob(language, "failed.noReason");
  const notice = {
    ...{ ownerId, key: `job failed ${id}` },
    title: tellJob(language, "failed.title", { title }),
    text: tellJob(language, "failed.text", { title, reason, id }),
  };
  return [write, notices.write(notice)];
}

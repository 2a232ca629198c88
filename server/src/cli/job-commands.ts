import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `job …`: what agents do on a schedule, and reminders. */
export function addJobs(program: Command): void {
  const job = group(program, "job", "jobs and reminders: list, show, create, change, pause, cancel, run");
  paged(
    add(job, "list", "list those that have not ended, the newest first", async (context, options) =>
      (await import("./commands/job.ts")).listJobs(context, options),
    ),
    50,
  )
    .option("--agent <id>", "only those of one agent")
    .option("--all", "those that have ended too");
  add(job, "show <id>", "print a job with its runs and their turns", async (context, options, id = "") =>
    (await import("./commands/job.ts")).showJob(context, options, id),
  ).option("--limit <n>", "at most so many runs, the latest", "10");
  withFields(
    add(
      job,
      "create <text>",
      "make a job: what an agent is to do, and when",
      async (context, options, text = "") =>
        (await import("./commands/job-edit.ts")).createJob(context, options, text),
    ),
  )
    .option("--agent <id>", "who is to do it; needed where there are several")
    .option("--session <id>", "answer in this conversation instead of in your inbox")
    .option("--remind", "say the text as it is, without a model");
  withFields(
    add(job, "change <id>", "change a job that has not ended", async (context, options, id = "") =>
      (await import("./commands/job-edit.ts")).changeJob(context, options, id),
    ),
  ).option("--text <text>", "what it is to do");
  for (const [action, description] of [
    ["pause", "pause a job; a run under way goes on"],
    ["resume", "let a paused or blocked job go on"],
    ["cancel", "end a job for good, and stop its run"],
    ["run", "run a waiting job now"],
  ] as const)
    add(job, `${action} <id>`, description, async (context, _options, id = "") =>
      (await import("./commands/job-edit.ts")).actOnJob(context, action, id),
    );
}

function withFields(command: Command): Command {
  return command
    .option("--title <title>", "its name; default: the beginning of the text")
    .option("--when <words>", "in words: tomorrow at 9, every Monday at 8")
    .option("--at <time>", "once: 2026-11-21 18:30, or ISO 8601 with an offset")
    .option("--in <time>", "once, after 90s, 10m, 2h or 3d")
    .option("--cron <pattern>", "by minute, hour, day, month and weekday: 0 8 * * 1-5")
    .option("--every <time>", "again and again, every 10m, 2h or 1d")
    .option("--zone <zone>", "IANA time zone of these times; default: that of Troupe")
    .option("--until <condition>", "ends it; words in quotation marks are listened for")
    .option("--max-runs <n>", "ends it after so many runs")
    .option("--to <where>", "where the answer goes: inbox, session or CHANNEL:TARGET")
    .option("--missed <rule>", "times that passed while nobody served: skip, one or all")
    .option("--overlap <rule>", "times that pass during a run: skip or queue")
    .option("--after <ids>", "wait for these jobs first, joined by commas")
    .option("--on-failed <rule>", "when one of those fails: fail or hold");
}

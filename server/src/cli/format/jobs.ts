import type { Job, JobRun, JobSpec, JobState, JobTime, Page } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { dateTime, duration, plural } from "./time.ts";

const WAITS: readonly JobState[] = ["pending", "active"];

export function formatJobs({ items, next }: Page<Job>, paint: Paint): string {
  if (items.length === 0) return 'No jobs. ./troupe job create "…" --in 10m makes one.';
  const rows = items.map((job) => [
    job.id,
    job.agentId,
    stateText(job.state, paint),
    WAITS.includes(job.state) ? whenText(job.next) : "",
    howText(job.spec),
    oneLine(job.spec.title, 48),
  ]);
  return withMore(table(rows), next);
}

/** Everything about a job, and its last runs. */
export function formatJob(job: Job, runs: Page<JobRun>, paint: Paint): string {
  const { spec, origin, next } = job;
  const { until } = spec;
  const facts: (readonly [string, string | undefined])[] = [
    ["agent", job.agentId],
    ["owner", `${oneLine(job.ownerId, 40)}, made ${dateTime(job.createdAt)}`],
    [
      "when",
      spec.kind === "one_off" ? `once, ${whenText(next)}` : `${howText(spec)} (${spec.schedule.zone})`,
    ],
    ["next", spec.kind !== "one_off" && WAITS.includes(job.state) ? whenText(next) : undefined],
    [
      "until",
      until && [until.condition, until.maxRuns && plural(until.maxRuns, "run")].filter(Boolean).join("; "),
    ],
    ["runs", String(job.runs)],
    [
      "missed",
      { skip: "are left out", one: "are made up for once", all: "are all made up for" }[spec.missed],
    ],
    ["waits for", spec.dependsOn.length === 0 ? undefined : spec.dependsOn.join(", ")],
    ["answers", whereText(job)],
    ["asked in", origin.turnId === undefined ? undefined : `turn ${origin.turnId}`],
    ["ended", job.endedAt === undefined ? undefined : dateTime(job.endedAt)],
    ["reason", job.reason === undefined ? undefined : oneLine(job.reason, 200)],
  ];
  const shown = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const text = safeText(spec.work.text).trimEnd().replace(/^/gm, "  ");
  const head = `job ${job.id}  ${paint.bold(oneLine(spec.title, 100))}  ${stateText(job.state, paint)}`;
  return [head, table(shown, "  "), "", text, "", formatRuns(job, runs, paint)].join("\n");
}

function formatRuns({ id, next: { zone } }: Job, { items, next }: Page<JobRun>, paint: Paint): string {
  if (items.length === 0) return paint.dim("It has not run yet.");
  const rows = items.map((run) => [
    run.id.slice(id.length),
    run.state === "succeeded" ? paint.good(run.state) : runStateText(run, paint),
    `due ${inZone(run.dueAt, zone)}`,
    run.endedAt === undefined ? "under way" : `took ${duration(run.endedAt - run.startedAt)}`,
    run.turnId === undefined ? "" : `turn ${run.turnId}`,
    run.reason === undefined ? "" : oneLine(run.reason, 80),
  ]);
  const more = next === undefined ? "" : `\n${paint.dim("There are earlier ones: --limit shows more.")}`;
  return `${table(rows, "  ")}${more}`;
}

function runStateText({ state }: JobRun, paint: Paint): string {
  return state === "failed" || state === "lost" ? paint.bad(state) : state;
}

function stateText(state: JobState, paint: Paint): string {
  if (state === "failed") return paint.bad(state);
  return state === "blocked" || state === "paused" ? paint.warn(state) : state;
}

function whereText({ spec: { deliverTo }, origin }: Job): string {
  if (deliverTo === "inbox") return "go to the owner's inbox";
  if (deliverTo !== "session") return `go to ${deliverTo.channel} ${oneLine(deliverTo.target, 40)}`;
  return origin.sessionId === undefined
    ? "stay in a conversation of their own"
    : `go to conversation ${origin.sessionId}`;
}

/** `2026-11-21 18:30 Europe/Kyiv`. */
export function whenText({ local, zone }: JobTime): string {
  return `${local.slice(0, 16).replace("T", " ")} ${zone}`;
}

/** `once`, `0 8 * * 1-5`, `every 10 min`. */
export function howText({ schedule: { cron, everyMs } }: Pick<JobSpec, "schedule">): string {
  if (cron !== undefined) return cron;
  return everyMs === undefined ? "once" : `every ${duration(everyMs)}`;
}

function inZone(at: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  return format.format(at);
}

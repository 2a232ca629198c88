import type { Job, JobAction, JobDelivery, JobInput } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { howText, whenText } from "../format/jobs.ts";
import { oneLine } from "../output.ts";
import { readAgents } from "./agent.ts";
import { pathOfJob } from "./job.ts";

type Options = Readonly<Record<string, unknown>>;

export async function createJob(
  { connect, output }: CommandContext,
  options: Options,
  text: string,
): Promise<void> {
  const input = inputOf({ ...options, text });
  await using client = await connect({ command: "job create" });
  const sessionId = textOf(options.session);
  const agentId = textOf(options.agent) ?? (sessionId === undefined ? await onlyAgent(client) : undefined);
  const body = { agentId, sessionId, ...input, isReminder: options.remind === true };
  const job = await client.call<Job>("POST", "/api/jobs", body);
  output.result(job, () => `Made: ${lineOf(job)}${waiting(client)}`);
}

export async function changeJob(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const input = inputOf(options);
  if (Object.values(input).every((value) => value === undefined))
    throw misuse("Nothing is to be changed; ./troupe job change --help tells what can be.");
  await using client = await connect({ command: "job change" });
  const job = await client.call<Job>("PATCH", pathOfJob(id), input);
  output.result(job, () => `Changed: ${lineOf(job)}${waiting(client)}`);
}

export async function actOnJob(
  { connect, output }: CommandContext,
  action: JobAction,
  id: string,
): Promise<void> {
  await using client = await connect({ command: `job ${action}` });
  const job = await client.call<Job>("POST", `${pathOfJob(id)}/${action}`);
  const title = oneLine(job.spec.title, 60);
  const said: Readonly<Record<JobAction, string>> = {
    pause: `"${title}" is paused. ./troupe job resume ${job.id} lets it go on.`,
    resume: `Goes on: ${lineOf(job)}`,
    cancel: `"${title}" is cancelled.`,
    run: `"${title}" runs now. ./troupe job show ${job.id} tells what comes of it.${waiting(client)}`,
  };
  output.result(job, () => said[action]);
}

function lineOf(job: Job): string {
  const { id, spec, state } = job;
  const when = state === "blocked" ? "when the jobs that it waits for are done" : whenText(job.next);
  const how = spec.kind === "one_off" ? when : `${howText(spec)}, next ${when}`;
  return `"${oneLine(spec.title, 60)}", ${how}.\njob ${id}`;
}

/** Nobody serves: what was made is kept, and that is all. */
function waiting({ isRunning }: AdminClient): string {
  return isRunning ? "" : "\nTroupe does not run; ./troupe up runs what is due.";
}

async function onlyAgent(client: AdminClient): Promise<string> {
  const agents = await readAgents(client);
  const [only, ...others] = agents;
  if (only !== undefined && others.length === 0) return only.id;
  throw misuse(`Say which agent is to do it: --agent ${agents.map(({ id }) => id).join(" or ")}.`);
}

/** The fields of a job as the options say them; what they mean is checked where jobs are made. */
function inputOf(options: Options): Partial<Record<keyof JobInput, unknown>> {
  const minutes = timeOf(options.every, "--every");
  return {
    ...{ text: options.text, title: options.title, when: options.when, at: options.at },
    ...{ cron: options.cron, zone: options.zone },
    inSeconds: timeOf(options.in, "--in"),
    everyMinutes: minutes === undefined ? undefined : minutes / 60,
    until: options.until,
    maxRuns: options.maxRuns === undefined ? undefined : Number(options.maxRuns),
    deliverTo: deliveryOf(textOf(options.to)),
    ...{ missed: options.missed, overlap: options.overlap, onFailedDependency: options.onFailed },
    dependsOn: textOf(options.after)
      ?.split(",")
      .map((id) => id.trim())
      .filter((id) => id !== ""),
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of `90s`, `10m`, `2h`, `3d`. */
function timeOf(value: unknown, option: string): number | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)\s?([smhd])$/.exec(text.trim()) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw misuse(`${option} is "${oneLine(text, 20)}"; write 90s, 10m, 2h or 3d.`);
}

function deliveryOf(text: string | undefined): JobDelivery | undefined {
  if (text === undefined || text === "inbox" || text === "session") return text;
  const [channel = "", ...target] = text.split(":");
  if (channel !== "" && target.join(":") !== "") return { channel, target: target.join(":") };
  throw misuse(`--to is "${oneLine(text, 40)}"; write inbox, session or CHANNEL:TARGET.`);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}

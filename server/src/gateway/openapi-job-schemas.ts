/** Schemas of jobs and their runs; see contracts/src/job.ts for the same in types. */

export type JobSchemaName = "JobRequest" | "JobChange" | "Job" | "JobPage" | "JobRunPage";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const whole: Schema = { type: "integer" };
const time: Schema = { type: "integer", description: "UTC milliseconds" };
const choice = (...values: readonly string[]): Schema => ({ type: "string", enum: values });
const list = (items: Schema): Schema => ({ type: "array", items });

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

const page = (items: Schema): Schema =>
  object(
    { items: list(items), next: { ...text, description: "Cursor of the next page; absent on the last" } },
    ["items"],
  );

const address = object({ channel: text, target: text }, ["channel", "target"]);
const deliverTo: Schema = {
  anyOf: [choice("session", "inbox"), address],
  description: "Where the answer goes; a channel's address needs an operator's key",
};
const rules = {
  missed: { ...choice("skip", "one", "all"), description: "Of times that passed while nobody served" },
  overlap: { ...choice("skip", "queue"), description: "Of times that pass during a run" },
  dependsOn: { ...list(text), description: "Ids of jobs that must be completed before" },
  onFailedDependency: choice("fail", "hold"),
};

/** What may be written of a job. */
const input = {
  title: { ...text, maxLength: 120 },
  text: { ...text, maxLength: 8_000, description: "What the agent is to do, or the reminder itself" },
  isReminder: { ...flag, description: "true: the text is said as it is, without a model" },
  when: { ...text, description: "In words: tomorrow at 9, every Monday at 8; instead of the following" },
  at: { ...text, description: "2026-11-21 18:30 in zone, or ISO 8601 with an offset" },
  inSeconds: { type: "number", exclusiveMinimum: 0 },
  cron: { ...text, description: "Five fields, wall-clock time in zone" },
  everyMinutes: { type: "number", minimum: 1, maximum: 129_600 },
  zone: { ...text, description: "IANA time zone; absent: that of Troupe" },
  until: { ...text, description: "Ends it; words in quotation marks are listened for" },
  maxRuns: { ...whole, minimum: 1, maximum: 100_000 },
  deliverTo,
  ...rules,
  allowSimilar: { ...flag, description: "true: made although there is a job with such a title" },
  isSilent: { ...flag, description: "true: the agent may answer NO_REPLY, and nobody hears of that run" },
  evenWhenQuiet: { ...flag, description: "true: its runs do not wait for the end of quiet hours" },
};

const at = object({ at: time, local: { ...text, description: "Wall-clock time in zone" }, zone: text }, [
  ...["at", "local", "zone"],
]);

const span = object({ from: text, to: text }, ["from", "to"]);

const job = object(
  {
    ...{ id: text, spaceId: text, agentId: text, ownerId: text, peerId: text },
    spec: object({
      ...{ title: text, kind: choice("one_off", "scheduled", "recurring", "ongoing") },
      schedule: object({ at: time, cron: text, everyMs: whole, zone: text, within: span }, ["zone"]),
      work: object({ kind: choice("message", "reminder"), text }, ["kind", "text"]),
      until: object({ condition: text, maxRuns: whole }),
      ...{ deliverTo, ...rules, isSilent: flag, evenWhenQuiet: flag },
      audience: {
        ...list(text),
        description:
          "Who knows what it says: who read along when it was written; absent: whoever hears its runs",
      },
    }),
    origin: object({ sessionId: text, turnId: text, replyTo: address }),
    state: choice(
      ...["pending", "active", "running", "paused", "completed", "failed", "cancelled", "blocked"],
    ),
    next: { ...at, description: "When it runs next; of one that has ended, its last time" },
    ...{ begun: whole, runs: whole, revision: whole, reason: text },
    ...{ createdAt: time, updatedAt: time, endedAt: time },
  },
  ["id", "agentId", "ownerId", "spec", "state", "next", "runs", "createdAt"],
);

const run = object(
  {
    ...{ id: text, jobId: text, spaceId: text },
    state: choice(...["starting", "running", "succeeded", "failed", "cancelled", "skipped", "lost"]),
    dueAt: { ...time, description: "The time it stands for, UTC milliseconds" },
    ...{ attempt: whole, turnId: text, messageId: text, reason: text },
    ...{ startedAt: time, deadlineAt: time, endedAt: time },
  },
  ["id", "jobId", "state", "dueAt", "startedAt"],
);

export const JOB_SCHEMAS: Readonly<Record<JobSchemaName, Schema>> = {
  JobRequest: object(
    {
      agentId: { ...text, description: "Who is to do it; absent: whom the conversation is with" },
      sessionId: { ...text, description: "The conversation in which it answers; absent: your inbox" },
      ...input,
    },
    ["text"],
  ),
  JobChange: object(input),
  Job: job,
  JobPage: page(job),
  JobRunPage: page(run),
};

import type {
  CallOptions,
  InboxStore,
  Job,
  JobStore,
  JsonSchema,
  Tool,
  ToolContext,
  ToolOutput,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { lineText, madeText, tellJob, whenText } from "./catalogue.ts";
import { REMINDER_TOOL } from "./messages.ts";
import type { JobAction, JobAsker, JobService } from "./service.ts";
import type { JobInput } from "./spec.ts";

export interface JobToolDeps {
  readonly service: JobService;
  readonly jobs: Pick<JobStore, "list">;
  readonly inbox: Pick<InboxStore, "ofTurn">;
  /** Called when a call has prepared a change, which is kept with its turn. */
  readonly onPrepared: () => void;
}

const WHEN = {
  at: {
    type: "string",
    maxLength: 40,
    description: "Wall-clock time such as 2026-11-21 18:30, or ISO 8601 with an offset.",
  },
  inSeconds: { type: "number", minimum: 1, maximum: 7_776_000, description: "So many seconds from now." },
  zone: {
    type: "string",
    maxLength: 80,
    description: "IANA time zone such as Europe/Kyiv. Leave out for the default one.",
  },
};
const OFTEN = {
  cron: {
    type: "string",
    maxLength: 120,
    description: "Five fields, wall-clock time: 0 8 * * 1-5 is every weekday at 8.",
  },
  everyMinutes: {
    type: "number",
    minimum: 1,
    maximum: 129_600,
    description: "Interval in minutes, 1 to 129600.",
  },
  until: {
    type: "string",
    maxLength: 500,
    description: "Condition at which it ends; put words to listen for in quotation marks.",
  },
  maxRuns: { type: "integer", minimum: 1, maximum: 100_000, description: "Ends after so many runs." },
};
const TEXT = {
  title: { type: "string", minLength: 1, maxLength: 120, description: "Short name of the job." },
  text: {
    type: "string",
    minLength: 1,
    maxLength: 8_000,
    description: "What is to be done then, as a full instruction.",
  },
};
const RULES = {
  missed: { enum: ["skip", "one", "all"], description: "Of times that passed while Troupe was not running." },
  dependsOn: {
    type: "array",
    maxItems: 20,
    items: { type: "string" },
    description: "Ids of jobs that must be completed before.",
  },
  onFailedDependency: { enum: ["fail", "hold"] },
  deliverTo: {
    enum: ["session", "inbox"],
    description: "Where the answer goes: this conversation, or the person's inbox.",
  },
};
const JOB = {
  job: { type: "string", minLength: 1, maxLength: 200, description: "Id of the job, or its title." },
};

/** The tools by which agents make and change jobs. Their writes join the turn's commit. */
export function createJobTools(deps: JobToolDeps): readonly Tool[] {
  return [
    createTool(deps),
    remindTool(deps),
    listTool(deps),
    updateTool(deps),
    ...ACTIONS.map((one) => actionTool(deps, one)),
  ];
}

/** Serve runs and commands alone: no model is offered them. */
export function createReminderTool(): Tool {
  return {
    spec: spec(REMINDER_TOOL, "Says a reminder whose time has come.", "pure", { text: TEXT.text }, ["text"]),
    run: async (input, { language }) => ({
      text: tellJob(language, "reminder.said", { text: (input as { text: string }).text }),
    }),
  };
}

function spec(
  name: string,
  description: string,
  kind: "pure" | "transactional",
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[] = [],
): Tool["spec"] {
  const inputSchema: JsonSchema = { type: "object", properties, required, additionalProperties: false };
  return { name, description, kind, inputSchema };
}

function createTool(deps: JobToolDeps): Tool {
  return {
    spec: spec(
      "job_create",
      "Makes a job that you will do later or again and again: once (at or inSeconds), by a pattern (cron), at an interval (everyMinutes), with an end (until, maxRuns). Only for work that nobody waits for now; look at job_list first and never make the same job twice.",
      "transactional",
      { ...TEXT, ...WHEN, ...OFTEN, ...RULES },
      ["title", "text"],
    ),
    run: (input, context, options) => make(deps, input as JobInput, context, options),
  };
}

function remindTool(deps: JobToolDeps): Tool {
  return {
    spec: spec(
      "remind_me",
      "Reminds the user once (at or inSeconds) or regularly (cron or everyMinutes). The text is told as it is.",
      "transactional",
      {
        text: { ...TEXT.text, description: "What to remind of, in the user's language." },
        ...WHEN,
        cron: OFTEN.cron,
        everyMinutes: OFTEN.everyMinutes,
      },
      ["text"],
    ),
    run: (input, context, options) => {
      const reminder = input as JobInput;
      return make(
        deps,
        { ...reminder, title: (reminder.text ?? "").slice(0, 100), isReminder: true },
        context,
        options,
      );
    },
  };
}

function listTool({ jobs }: JobToolDeps): Tool {
  return {
    spec: spec("job_list", "Lists the user's open jobs and reminders, with their ids.", "pure", {}),
    async run(_input, { spaceId, agentId, ownerId, language }, options) {
      const { items } = await jobs.list({ spaceId, agentId, ownerId, isOpen: true, limit: 100 }, options);
      if (items.length === 0) return { text: tellJob(language, "list.none") };
      const lines = items.toReversed().map((job) => lineText(language, job));
      return { text: [tellJob(language, "list.head", { count: items.length }), ...lines].join("\n") };
    },
  };
}

function updateTool(deps: JobToolDeps): Tool {
  return {
    spec: spec(
      "job_update",
      "Changes an open job: its text, title, time, interval, end or where its answer goes.",
      "transactional",
      { ...JOB, ...TEXT, ...WHEN, ...OFTEN, ...RULES },
      ["job"],
    ),
    run: (input, context, options) =>
      changing(deps, input, context, options, async (job) => {
        const { job: _, ...change } = input as JobInput & { readonly job: string };
        const prepared = await deps.service.prepareUpdate(job, change, options);
        const state = tellJob(context.language, "next", {
          when: whenText(context.language, prepared.job.next),
        });
        return {
          text: tellJob(context.language, "changed", { title: prepared.job.spec.title, state }),
          writes: prepared.writes,
        };
      }),
  };
}

const ACTIONS: readonly {
  readonly action: Exclude<JobAction, "run">;
  readonly description: string;
  readonly done: "paused" | "resumed" | "cancelled";
}[] = [
  { action: "pause", description: "Pauses an open job until it is resumed.", done: "paused" },
  { action: "resume", description: "Lets a paused or blocked job go on.", done: "resumed" },
  { action: "cancel", description: "Ends a job or reminder for good.", done: "cancelled" },
];

function actionTool(deps: JobToolDeps, { action, description, done }: (typeof ACTIONS)[number]): Tool {
  return {
    spec: spec(`job_${action}`, description, "transactional", JOB, ["job"]),
    run: (input, context, options) =>
      changing(deps, input, context, options, async (job) => {
        const { job: after, writes } = await deps.service.prepareAction(job, action, options);
        const state = tellJob(context.language, "next", { when: whenText(context.language, after.next) });
        return { text: tellJob(context.language, done, { title: job.spec.title, state }), writes };
      }),
  };
}

async function make(
  deps: JobToolDeps,
  input: JobInput,
  context: ToolContext,
  options: CallOptions,
): Promise<ToolOutput> {
  return told(async () => {
    const id = derivedId("job", context.spaceId, context.idempotencyKey);
    const { job, writes } = await deps.service.prepareCreate(
      id,
      input,
      await askerOf(deps, context, options),
      options,
    );
    deps.onPrepared();
    return { text: madeText(context.language, job), writes };
  });
}

async function changing(
  deps: JobToolDeps,
  input: unknown,
  context: ToolContext,
  options: CallOptions,
  change: (job: Job) => Promise<ToolOutput>,
): Promise<ToolOutput> {
  return told(async () => {
    const job = await deps.service.find(context, (input as { job: string }).job, options);
    const output = await change(job);
    deps.onPrepared();
    return output;
  });
}

/** A refusal is an answer: the model, or the user on the direct path, reads why. */
async function told(work: () => Promise<ToolOutput>): Promise<ToolOutput> {
  try {
    return await work();
  } catch (error) {
    if (TroupeError.is(error) && error.code.startsWith("request."))
      return { text: error.message, isError: true };
    throw error;
  }
}

/** The reply's way is that of the message which asks: kept with the job, it is there when nobody writes. */
async function askerOf(
  { inbox }: JobToolDeps,
  context: ToolContext,
  options: CallOptions,
): Promise<JobAsker> {
  const { spaceId, agentId, ownerId, peerId, sessionId, turnId } = context;
  const replyTo = (await inbox.ofTurn(turnId, options)).find((row) => row.replyTo !== undefined)?.replyTo;
  return {
    ...{ spaceId, agentId, ownerId, peerId },
    origin: { sessionId, turnId, ...(replyTo === undefined ? {} : { replyTo }) },
  };
}

import type {
  CallOptions,
  InboxStore,
  Job,
  JobAction,
  JobAsker,
  JobInput,
  JsonSchema,
  QuietTimes,
  Tool,
  ToolContext,
  ToolOutput,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { type JobText, lineText, madeText, tellJob, whenText } from "./catalogue.ts";
import { REMINDER_TOOL } from "./messages.ts";
import { readWhen } from "./said-when.ts";
import type { JobService } from "./service.ts";

export interface JobToolDeps {
  readonly service: JobService;
  readonly inbox: Pick<InboxStore, "ofTurn">;
  /** Who makes a job for such a time is told that it waits. Absent: nobody has any. */
  readonly quiet?: QuietTimes;
}

const WHEN = {
  when: {
    type: "string",
    maxLength: 200,
    description:
      "The time as the user said it, in English or Ukrainian: in 10 minutes, every Monday at 8, завтра о 9. Best of all: it is worked out in the user's zone. Else one of the fields below.",
  },
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
    description: "Jobs that must be completed before: ids, titles, or numbers of job_list.",
  },
  onFailedDependency: { enum: ["fail", "hold"] },
  deliverTo: {
    enum: ["session", "inbox"],
    description: "Where the answer goes: this conversation, or the person's inbox.",
  },
  isSilent: {
    type: "boolean",
    description:
      "True: the user hears of a run only when there is something to say, as when you watch for a change.",
  },
};
const EVEN_WHEN_QUIET = {
  evenWhenQuiet: {
    type: "boolean",
    description: "True: also in the user's quiet hours. Only when the user asks for that.",
  },
};
const JOB = {
  job: {
    type: "string",
    maxLength: 200,
    description: "Title of the job, its number in job_list, or its id.",
  },
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

/** Serves runs alone: no model is offered it. */
export function createReminderTool(): Tool {
  return {
    spec: spec(REMINDER_TOOL, "Says a reminder whose time has come.", "pure", { text: TEXT.text }, ["text"]),
    run: async (input, { language }) => ({
      text: tellJob(language, "reminder.said", { text: (input as { text: string }).text }),
    }),
  };
}

/** Without what job_create says of the same fields: every prompt with tools carries all of them. */
function brief(properties: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => {
      const { description: _, ...rest } = field as { readonly description?: string };
      return [name, rest];
    }),
  );
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
      "Makes a job that you will do later or again and again: at a time in words (when), or once (at or inSeconds), by a pattern (cron), at an interval (everyMinutes); with an end (until, maxRuns). Only for work that nobody waits for now; look at job_list first and never make the same job twice.",
      "transactional",
      { ...TEXT, ...WHEN, ...OFTEN, ...RULES, ...EVEN_WHEN_QUIET },
      ["title", "text"],
    ),
    run: (input, context, options) => make(deps, input as JobInput, context, options),
  };
}

function remindTool(deps: JobToolDeps): Tool {
  return {
    spec: spec(
      "remind_me",
      "Reminds the user once or regularly. Give the time in words (when) wherever you can. The text is told as it is.",
      "transactional",
      {
        text: { type: "string", maxLength: 8_000, description: "What to remind of, in the user's language." },
        when: WHEN.when,
        ...brief({ at: WHEN.at, inSeconds: WHEN.inSeconds, zone: WHEN.zone }),
        ...brief({ cron: OFTEN.cron, everyMinutes: OFTEN.everyMinutes, ...EVEN_WHEN_QUIET }),
      },
      ["text"],
    ),
    run: (input, context, options) => {
      const reminder = input as JobInput;
      if (reminder.text?.trim() === "") return refusedAs("ask.what", context);
      return make(
        deps,
        { ...reminder, title: (reminder.text ?? "").slice(0, 100), isReminder: true },
        context,
        options,
      );
    },
  };
}

function listTool(deps: JobToolDeps): Tool {
  return {
    spec: spec("job_list", "Lists the user's open jobs and reminders, numbered.", "pure", {}),
    async run(_input, context, options) {
      const { language } = context;
      const items = await deps.service.known(context, options);
      if (items.length === 0) return { text: tellJob(language, "list.none") };
      const lines = items.toReversed().map((job, at) => `${at + 1}. ${lineText(language, job)}`);
      return { text: [tellJob(language, "list.head", { count: items.length }), ...lines].join("\n") };
    },
  };
}

function updateTool(deps: JobToolDeps): Tool {
  return {
    spec: spec(
      "job_update",
      "Changes an open job: its text, title, time, interval, end or where its answer goes, as job_create takes them.",
      "transactional",
      { ...JOB, ...brief({ ...TEXT, ...WHEN, ...OFTEN, ...RULES, ...EVEN_WHEN_QUIET }) },
      ["job"],
    ),
    run: (input, context, options) =>
      changing(deps, input, context, options, async (job) => {
        const { job: _, ...change } = input as JobInput & { readonly job: string };
        const trouble = timeTrouble(change, context);
        if (trouble !== undefined) return { text: trouble, isError: true };
        const known = await withIds(deps, change, context, options);
        const prepared = await deps.service.prepareUpdate(job, known, {
          ...options,
          audience: context.audience,
        });
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
  const { language } = context;
  const isWaiting = (input.dependsOn?.length ?? 0) > 0;
  const trouble = saysTime(input) || isWaiting ? timeTrouble(input, context) : tellJob(language, "ask.when");
  if (trouble !== undefined) return { text: trouble, isError: true };
  return told(async () => {
    const id = derivedId("job", context.spaceId, context.idempotencyKey);
    const known = await withIds(deps, input, context, options);
    const asker = await askerOf(deps, context, options);
    const { job, writes } = await deps.service.prepareCreate(id, known, asker, options);
    return { text: withQuiet(deps, language, job, madeText(language, job)), writes };
  });
}

async function changing(
  deps: JobToolDeps,
  input: unknown,
  context: ToolContext,
  options: CallOptions,
  change: (job: Job) => Promise<ToolOutput>,
): Promise<ToolOutput> {
  const { job: name } = input as { readonly job: string };
  if (name.trim() === "") return refusedAs("ask.which", context);
  return told(async () => {
    const job = await deps.service.find(context, name, options);
    return change(job);
  });
}

/** What is told of a job that was made, and that its first time falls into quiet hours. */
function withQuiet(
  { quiet }: JobToolDeps,
  language: string,
  { spec, next, ...job }: Job,
  made: string,
): string {
  const untilMs = spec.evenWhenQuiet === true ? undefined : quiet?.until(job, next.at);
  if (untilMs === undefined) return made;
  const when = whenText(language, { ...next, at: untilMs });
  return `${made}${/[.!?…]$/.test(made) ? "" : "."} ${tellJob(language, "made.quiet", { when })}`;
}

async function refusedAs(key: JobText, { language }: ToolContext): Promise<ToolOutput> {
  return { text: tellJob(language, key), isError: true };
}

function saysTime({ when, at, inSeconds, cron, everyMinutes }: Partial<JobInput>): boolean {
  return [when, at, inSeconds, cron, everyMinutes].some((one) => one !== undefined);
}

/** Which days there are is the same in every zone. */
function timeTrouble(
  { when }: Partial<JobInput>,
  { language, now }: Pick<ToolContext, "language" | "now">,
): string | undefined {
  if (when === undefined || readWhen(when, now, "UTC") !== undefined) return undefined;
  return tellJob(language, "when.unread", { when: when.slice(0, 80) });
}

/** Jobs to wait for, as the store knows them. One that has ended is found by its id alone. */
async function withIds<Input extends Partial<JobInput>>(
  { service }: JobToolDeps,
  input: Input,
  context: ToolContext,
  options: CallOptions,
): Promise<Input> {
  if (input.dependsOn === undefined) return input;
  const idOf = (name: string): Promise<string> =>
    service.find(context, name, options).then(
      ({ id }) => id,
      (error: unknown) => {
        if (TroupeError.is(error, "request.not_found")) return name;
        throw error;
      },
    );
  return { ...input, dependsOn: await Promise.all(input.dependsOn.map(idOf)) };
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
  const { spaceId, agentId, ownerId, peerId, audience, sessionId, turnId } = context;
  const replyTo = (await inbox.ofTurn(turnId, options)).find((row) => row.replyTo !== undefined)?.replyTo;
  return {
    ...{ spaceId, agentId, ownerId, peerId, audience },
    origin: { sessionId, turnId, ...(replyTo === undefined ? {} : { replyTo }) },
  };
}

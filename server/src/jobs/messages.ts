import type { InboundMessage, Job, Principal, Session } from "@troupe/contracts";
import { detectLanguage, NO_REPLY } from "../kit/index.ts";
import { tellJob } from "./catalogue.ts";
import { JOB_ENDED, JOB_ENDED_VERSION } from "./ended.ts";
import { readersOf } from "./origin-session.ts";

/** The tool that says a reminder; no model is offered it. */
export const REMINDER_TOOL = "reminder";

/** Troupe itself, for the owner: the session is the owner's, and so is what it costs. */
export function principalOf(job: Job): Principal {
  return { spaceId: job.spaceId, kind: "system", id: job.ownerId };
}

/** An ordinary message with which a run begins. `before`: what the jobs that it waited for had answered. */
export function messageOf(
  job: Job,
  runId: string,
  session: Session | undefined,
  { before, at }: { readonly before: string; readonly at: number },
): InboundMessage {
  const { spec } = job;
  const isReminder = spec.work.kind === "reminder";
  const language = detectLanguage(`${spec.title} ${spec.work.text}`);
  const text = isReminder ? tellJob(language, "run.reminder", { title: spec.title }) : workText(job, before);
  const replyTo = addressOf(job);
  return {
    agentId: job.agentId,
    ...placeOf(job, session),
    parts: [{ type: "text", text }],
    ...{
      trigger: "job",
      lane: "background",
      platformId: runId,
      debounceMs: 0,
      whileBusy: "queue",
      receivedAt: at,
    },
    cause: { depth: 0, of: { kind: "job-run", id: runId } },
    afterEnd: {
      ...{ kind: JOB_ENDED, v: JOB_ENDED_VERSION, lane: "background" },
      payload: { jobId: job.id, runId },
    },
    ...(isReminder ? { direct: { tool: REMINDER_TOOL, input: { text: spec.work.text } } } : {}),
    ...(isReminder ? {} : { instructions: instructionsOf(job) }),
    ...(spec.isSilent === true ? { maySayNothing: true } : {}),
    ...(replyTo === undefined ? {} : { replyTo }),
  };
}

type Place = Pick<InboundMessage, "channel" | "sessionKey" | "peerId" | "audience">;

function placeOf(job: Job, session: Session | undefined): Place {
  const audience = readersOf(job, session);
  if (session !== undefined) {
    const { channel, key, peerId } = session;
    return { channel, sessionKey: key, peerId, audience };
  }
  return { channel: "api", sessionKey: `job-${job.id}`, peerId: job.peerId, audience };
}

function addressOf({ spec: { deliverTo }, origin, ownerId }: Job): InboundMessage["replyTo"] {
  if (deliverTo === "session") return origin.replyTo;
  return deliverTo === "inbox" ? { channel: "inbox", target: ownerId } : deliverTo;
}

function workText({ spec }: Job, before: string): string {
  return before === "" ? spec.work.text : `${spec.work.text}\n\n${before}`;
}

function instructionsOf({ id, spec }: Job): string {
  const { condition } = spec.until ?? {};
  return [
    `This message was not typed by a person: it is a run of the scheduled job "${spec.title}" (${id}). Do what it says and answer for the person who will read it; do not make another job for it.`,
    ...(condition === undefined
      ? []
      : [`The job goes on until: ${condition}. When that holds, call job_cancel with its id and say so.`]),
    ...(spec.isSilent === true
      ? [`If there is nothing to say, answer with ${NO_REPLY} and nothing else.`]
      : []),
  ].join("\n");
}

import type { InboundMessage, Job, Principal, Session } from "@troupe/contracts";
import { detectLanguage, isKnownToAll, NO_REPLY } from "../kit/index.ts";
import { tellJob } from "./catalogue.ts";
import { JOB_ENDED, JOB_ENDED_VERSION } from "./ended.ts";
import { readersOf } from "./origin-session.ts";

/** The tool that says a reminder; no model is offered it. */
export const REMINDER_TOOL = "reminder";

/** Troupe itself, for the owner: the session is the owner's, and so is what it costs. */
export function principalOf(job: Job): Principal {
  return { spaceId: job.spaceId, kind: "system", id: job.ownerId };
}

/**
 * An ordinary message with which a run begins. `before`: what the jobs that it waited for had answered. Where somebody would hear it
 * who does not know what the job says, it says that there is one and how to go on, and no model is asked.
 */
export function messageOf(
  job: Job,
  runId: string,
  session: Session | undefined,
  { before, at }: { readonly before: string; readonly at: number },
): InboundMessage {
  const replyTo = addressOf(job);
  const place = placeOf(job, session);
  return {
    agentId: job.agentId,
    ...place,
    ...(isKnownTo(job, place.audience) ? wordsOf(job, before) : withheldWords(job)),
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
    ...(replyTo === undefined ? {} : { replyTo }),
  };
}

/** Whether everyone who hears a run knows what its job says. Somebody may have joined since it was written. */
export function isKnownTo({ spec }: Pick<Job, "spec">, readers: readonly string[]): boolean {
  return spec.audience === undefined || isKnownToAll(spec.audience, readers);
}

type Words = Pick<InboundMessage, "parts" | "direct" | "instructions" | "maySayNothing">;

function wordsOf(job: Job, before: string): Words {
  const { spec } = job;
  const silent = spec.isSilent === true ? { maySayNothing: true } : {};
  if (spec.work.kind === "message")
    return { parts: said(workText(job, before)), instructions: instructionsOf(job), ...silent };
  const text = tellJob(languageOf(job), "run.reminder", { title: spec.title });
  return { parts: said(text), ...reminding(spec.work.text), ...silent };
}

function withheldWords(job: Job): Words {
  const language = languageOf(job);
  return { parts: said(tellJob(language, "run.withheld")), ...reminding(tellJob(language, "withheld.said")) };
}

function said(text: string): Words["parts"] {
  return [{ type: "text", text }];
}

function reminding(text: string): Pick<Words, "direct"> {
  return { direct: { tool: REMINDER_TOOL, input: { text } } };
}

function languageOf({ spec }: Pick<Job, "spec">): string {
  return detectLanguage(`${spec.title} ${spec.work.text}`);
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

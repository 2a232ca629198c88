import type { JobDelivery, JobInput, JobSpec } from "@troupe/contracts";
import { arrayAt, booleanAt, countAt, is, objectAt, oneOf, onlyKnown, optional, stringAt } from "./fields.ts";
import { FieldError } from "./reply.ts";

/** The body of `POST /api/jobs` and `PATCH /api/jobs/{id}`. */
export interface JobRequest {
  readonly agentId: string | undefined;
  /** The conversation in which it is to answer. */
  readonly sessionId: string | undefined;
  readonly input: JobInput;
}

const LONGEST_NAME = 200;
const LONGEST_TEXT = 8_000;
const MOST_DEPENDENCIES = 20;
const nameAt = (value: unknown, field: string): string => stringAt(value, field, LONGEST_NAME);
const textAt = (value: unknown, field: string): string => stringAt(value, field, LONGEST_TEXT);

/** What each field of a job must be; what it means is checked where jobs are made. */
const FIELDS: { readonly [Name in keyof JobInput]-?: (value: unknown, field: string) => JobInput[Name] } = {
  title: nameAt,
  text: textAt,
  isReminder: booleanAt,
  when: nameAt,
  at: nameAt,
  inSeconds: numberAt,
  cron: nameAt,
  everyMinutes: numberAt,
  zone: nameAt,
  until: textAt,
  maxRuns: countAt,
  deliverTo: deliveryAt,
  missed: oneOf<JobSpec["missed"]>(["skip", "one", "all"]),
  overlap: oneOf<JobSpec["overlap"]>(["skip", "queue"]),
  dependsOn: idsAt,
  onFailedDependency: oneOf<JobSpec["onFailedDependency"]>(["fail", "hold"]),
  allowSimilar: booleanAt,
  isSilent: booleanAt,
  evenWhenQuiet: booleanAt,
};
const KNOWN: ReadonlySet<string> = new Set(["agentId", "sessionId", ...Object.keys(FIELDS)]);

/** Throws a `FieldError`. */
export function readJob(body: unknown): JobRequest {
  const fields = objectAt(body, "body");
  onlyKnown(fields, KNOWN);
  const given = Object.entries(FIELDS).flatMap(([name, read]) => {
    const value = optional<unknown>(fields[name], name, read);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    agentId: optional(fields.agentId, "agentId", nameAt),
    sessionId: optional(fields.sessionId, "sessionId", nameAt),
    input: Object.fromEntries(given) as JobInput,
  };
}

function numberAt(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be a number above 0.`);
}

const KNOWN_IN_ADDRESS = new Set(["channel", "target"]);

function deliveryAt(value: unknown, field: string): JobDelivery {
  if (value === "session" || value === "inbox") return value;
  if (typeof value !== "object" || value === null)
    throw new FieldError(
      field,
      `${field} ${is(value)}; it must be session, inbox, or a channel and a target.`,
    );
  const address = objectAt(value, field);
  onlyKnown(address, KNOWN_IN_ADDRESS, field);
  return {
    channel: nameAt(address.channel, `${field}.channel`),
    target: nameAt(address.target, `${field}.target`),
  };
}

function idsAt(value: unknown, field: string): readonly string[] {
  const ids = arrayAt(value, field);
  if (ids.length > MOST_DEPENDENCIES)
    throw new FieldError(field, `${field} names more than ${MOST_DEPENDENCIES} jobs.`);
  return ids.map((id, at) => nameAt(id, `${field}[${at}]`));
}

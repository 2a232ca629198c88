import type { Job, JobOrigin, JobRun, JobRunState, JobSpec, JobState } from "@troupe/contracts";
import type { JobRunTable, JobTable } from "../job-tables.ts";
import type { Row } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { type PortDeps, parsePayload } from "./kit.ts";

const JOB = [
  "row",
  "id",
  "space_id",
  "agent_id",
  "owner_id",
  "peer_id",
  "state",
  "v",
  "spec",
  "origin",
  "next_at",
  "next_local",
  "zone",
  "begun",
  "runs",
  "revision",
  "reason",
  "created_at",
  "updated_at",
  "ended_at",
] as const satisfies readonly (keyof JobTable)[];

const RUN = [
  "row",
  "id",
  "job_id",
  "space_id",
  "state",
  "due_at",
  "attempt",
  "turn_id",
  "message_id",
  "reason",
  "started_at",
  "deadline_at",
  "ended_at",
] as const satisfies readonly (keyof JobRunTable)[];

export const JOB_COLUMNS: readonly (keyof JobTable)[] = JOB;
export const RUN_COLUMNS: readonly (keyof JobRunTable)[] = RUN;

/** Undefined (and a line in the log) for one that a newer version wrote. */
export function jobOf(deps: PortDeps, row: Row): Job | undefined {
  const [
    ,
    id,
    spaceId,
    agentId,
    ownerId,
    peerId,
    state,
    v,
    specText,
    originText,
    nextAt,
    nextLocal,
    zone,
    begun,
    runs,
    revision,
    reason,
    createdAt,
    updatedAt,
    endedAt,
  ] = row as unknown as TupleOf<JobTable, typeof JOB>;
  const spec = parsePayload<JobSpec>(deps, { what: "job", id, v, text: specText });
  const origin = parsePayload<JobOrigin>(deps, { what: "job", id, v, text: originText });
  if (spec === undefined || origin === undefined) return undefined;
  return {
    ...{ id, spaceId, agentId, ownerId, peerId, spec, origin },
    state: state as JobState,
    next: { at: nextAt, local: nextLocal, zone },
    ...{ begun, runs, revision },
    reason: reason ?? undefined,
    ...{ createdAt, updatedAt },
    endedAt: endedAt ?? undefined,
  };
}

export function jobRunOf(row: Row): JobRun {
  const [
    ,
    id,
    jobId,
    spaceId,
    state,
    dueAt,
    attempt,
    turnId,
    messageId,
    reason,
    startedAt,
    deadlineAt,
    endedAt,
  ] = row as unknown as TupleOf<JobRunTable, typeof RUN>;
  return {
    ...{ id, jobId, spaceId },
    state: state as JobRunState,
    ...{ dueAt, attempt },
    turnId: turnId ?? undefined,
    messageId: messageId ?? undefined,
    reason: reason ?? undefined,
    ...{ startedAt, deadlineAt },
    endedAt: endedAt ?? undefined,
  };
}

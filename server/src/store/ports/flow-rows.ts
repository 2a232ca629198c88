import type {
  FlowEvent,
  FlowMove,
  FlowReason,
  FlowRun,
  FlowState,
  FlowStatus,
  FlowWait,
} from "@troupe/contracts";
import type { Row } from "../statement.ts";
import { PAYLOAD_VERSION, type TupleOf } from "../tables.ts";
import type { FlowEventTable, FlowTable } from "../tables-flow.ts";
import { type PortDeps, parsePayload } from "./kit.ts";

export const FLOW_COLUMNS = [
  "row",
  "id",
  "space_id",
  "definition",
  "version",
  "parent_id",
  "session_id",
  "agent_id",
  "goal",
  "step",
  "reason",
  "v",
  "state",
  "status",
  "wait",
  "waiting_since",
  "due_at",
  "cancel_requested",
  "mirrored",
  "revision",
  "attempt",
  "epoch",
  "owner",
  "error",
  "created_at",
  "updated_at",
  "ended_at",
] as const;

export const EVENT_COLUMNS = ["flow_id", "n", "at", "what", "step", "made_by", "detail"] as const;

/** Undefined (and a line in the log) for a row that a newer version wrote. */
export function flowOf(deps: PortDeps, row: Row): FlowRun | undefined {
  const [
    ,
    id,
    spaceId,
    definition,
    version,
    parentId,
    sessionId,
    agentId,
    goal,
    step,
    reason,
    v,
    state,
    status,
    wait,
    waitingSince,
    dueAt,
    cancelRequested,
    mirrored,
    revision,
    attempt,
    epoch,
    owner,
    error,
    createdAt,
    updatedAt,
    endedAt,
  ] = row as unknown as TupleOf<FlowTable, typeof FLOW_COLUMNS>;
  const payload = parsePayload<{ readonly state: FlowState; readonly wait: FlowWait | null }>(deps, {
    ...{ what: "flow", id, v },
    text: `{"state":${state},"wait":${wait ?? "null"}}`,
  });
  if (payload === undefined) return undefined;
  return {
    ...{ id, spaceId, definition, version, goal, step, revision, attempt, epoch, createdAt, updatedAt },
    parentId: parentId ?? undefined,
    sessionId: sessionId ?? undefined,
    agentId: agentId ?? undefined,
    reason: reason as FlowReason,
    state: payload.state,
    status: status as FlowStatus,
    wait: payload.wait ?? undefined,
    waitingSince: waitingSince ?? undefined,
    dueAt: dueAt ?? undefined,
    cancelRequested: cancelRequested ?? undefined,
    isMirrored: mirrored === 1,
    owner: owner ?? undefined,
    error: error ?? undefined,
    endedAt: endedAt ?? undefined,
  };
}

export function flowEventOf(row: Row): FlowEvent {
  const [flowId, n, at, what, step, by, detail] = row as unknown as TupleOf<
    FlowEventTable,
    typeof EVENT_COLUMNS
  >;
  return { flowId, n, at, what, step, by, detail };
}

export function programOf(definition: string, version: number): string {
  return `${definition}@${version}`;
}

/** The columns that say what a flow waits for. */
export interface WaitInput {
  readonly wait: string | undefined;
  readonly waitKind: string | undefined;
  readonly topic: string | undefined;
  readonly correlationId: string | undefined;
  readonly waitingSince: number | undefined;
}

export function waitInput(wait: FlowWait | undefined, at: number): WaitInput {
  return {
    wait: wait === undefined ? undefined : jsonText(wait),
    waitKind: wait?.kind,
    topic: wait?.kind === "event" ? wait.topic : undefined,
    correlationId: wait?.kind === "event" ? wait.correlationId : undefined,
    waitingSince: wait === undefined ? undefined : at,
  };
}

/** When the wake loop looks at a flow: at once to run a step, start a turn or count children; else when its time comes. */
export function dueOf(
  { wait, end, dueAt }: Pick<FlowMove, "wait" | "end" | "dueAt">,
  at: number,
): number | undefined {
  if (end !== undefined) return undefined;
  if (dueAt !== undefined) return dueAt;
  if (wait === undefined || wait.kind === "turn" || wait.kind === "children") return at;
  const times = [wait.kind === "timer" ? wait.at : undefined, wait.deadline?.at].filter(
    (time) => time !== undefined,
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

export function statusOf({ wait, end }: Pick<FlowMove, "wait" | "end">): FlowStatus {
  return end ?? (wait === undefined ? "running" : "waiting");
}

const UNKEPT = /\\u0000|\\u[dD][89a-fA-F]/;
const NUL = String.fromCharCode(0);

/** JSON that every database can look into: without NUL and halves of letters, as any client may send. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!UNKEPT.test(text)) return text;
  const clean = (part: string): string => part.toWellFormed().replaceAll(NUL, "\ufffd");
  return JSON.stringify(value, (_name, one: unknown) => {
    if (typeof one === "string") return clean(one);
    if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([name, member]) => [clean(name), member]));
  });
}

export const FLOW_PAYLOAD_VERSION: number = PAYLOAD_VERSION;

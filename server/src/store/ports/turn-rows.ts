import {
  type ClaimedTurn,
  type ErrorCode,
  type Message,
  NO_USAGE,
  type Principal,
  type SourceReference,
  type ToolResultPart,
  type TraceEntry,
  type Trigger,
  type Turn,
  type TurnError,
  type TurnPayload,
  type TurnState,
  type TurnStep,
} from "@troupe/contracts";
import type { Row } from "../statement.ts";
import type { TupleOf, TurnStepTable, TurnTable } from "../tables.ts";
import { laneOf, type PortDeps, parseAudience, parsePayload } from "./kit.ts";
import { messageOf } from "./messages.ts";

/** Columns of a turn in the order of its decoder. */
export const TURN_COLUMNS = [
  "row",
  "id",
  "space_id",
  "agent_id",
  "agent_revision",
  "session_id",
  "turn_seq",
  "trigger",
  "lane",
  "state",
  "attempt",
  "epoch",
  "owner",
  "inbound_count",
  "v",
  "payload",
  "due_at",
  "deadline_at",
  "cancel_requested",
  "reserved_micro_usd",
  "cost_micro_usd",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "error_code",
  "error_message",
  "trace",
  "created_at",
  "finished_at",
] as const;

export function turnOf(deps: PortDeps, row: Row): Turn | undefined {
  const tuple = row as unknown as TupleOf<TurnTable, typeof TURN_COLUMNS>;
  const [
    ,
    id,
    spaceId,
    agentId,
    agentRevision,
    sessionId,
    turnSeq,
    trigger,
    lane,
    state,
    attempt,
    epoch,
    owner,
  ] = tuple;
  const inboundCount = tuple[13];
  const payload = parsePayload<TurnPayload>(deps, { what: "turn", id, v: tuple[14], text: tuple[15] });
  if (payload === undefined) return undefined;
  return {
    id,
    spaceId,
    agentId,
    agentRevision,
    sessionId,
    turnSeq,
    trigger: trigger as Trigger,
    lane: laneOf(lane),
    state: state as TurnState,
    attempt,
    epoch,
    owner: owner ?? undefined,
    inboundCount,
    payload,
    ...timesAndMoneyOf(tuple),
  };
}

function timesAndMoneyOf(
  tuple: TupleOf<TurnTable, typeof TURN_COLUMNS>,
): Pick<
  Turn,
  | "dueAt"
  | "deadlineAt"
  | "cancelRequested"
  | "reservedMicroUsd"
  | "costMicroUsd"
  | "usage"
  | "error"
  | "trace"
  | "createdAt"
  | "finishedAt"
> {
  const [
    dueAt,
    deadlineAt,
    cancelRequested,
    reservedMicroUsd,
    costMicroUsd,
    inputTokens,
    cachedInputTokens,
    outputTokens,
  ] = tuple.slice(16, 24) as number[];
  const [code, message, trace, createdAt, finishedAt] = tuple.slice(24) as [
    string | null,
    string | null,
    string,
    number,
    number | null,
  ];
  return {
    dueAt: dueAt ?? 0,
    deadlineAt: deadlineAt ?? 0,
    cancelRequested: cancelRequested === 1,
    reservedMicroUsd: reservedMicroUsd ?? 0,
    costMicroUsd: costMicroUsd ?? 0,
    usage: {
      inputTokens: inputTokens ?? NO_USAGE.inputTokens,
      cachedInputTokens: cachedInputTokens ?? NO_USAGE.cachedInputTokens,
      outputTokens: outputTokens ?? NO_USAGE.outputTokens,
    },
    error:
      code === null ? undefined : ({ code: code as ErrorCode, message: message ?? "" } satisfies TurnError),
    trace: trace === "" ? [] : (JSON.parse(`[${trace}]`) as TraceEntry[]),
    createdAt,
    finishedAt: finishedAt ?? undefined,
  };
}

/** Entries as they are stored: appended with a comma, read between brackets. */
export function traceText(entries: readonly TraceEntry[]): string {
  return entries.length === 0 ? "" : JSON.stringify(entries).slice(1, -1);
}

/** Parts of a claimed turn after its own columns: messages, session and first inbound row, each as JSON. */
export function claimedOf(deps: PortDeps, row: Row): ClaimedTurn | undefined {
  const turn = turnOf(deps, row);
  const [messages, session, first] = row.slice(TURN_COLUMNS.length) as string[];
  if (turn === undefined || messages === undefined || session === undefined) return undefined;
  const [channel, key, peerId, ownerId, audience, stateless] = JSON.parse(session) as [
    string,
    string,
    string,
    string,
    string,
    number,
  ];
  const [principalId, principalKind, replyChannel, replyTarget] = JSON.parse(first ?? "[]") as (
    | string
    | null
  )[];
  const inbound = (JSON.parse(messages) as Row[])
    .map((message) => messageOf(deps, message))
    .filter((message) => message !== undefined);
  return {
    turn,
    inbound: inbound.sort((a: Message, b: Message) => a.seq - b.seq),
    replyTo:
      typeof replyChannel === "string" && typeof replyTarget === "string"
        ? { channel: replyChannel, target: replyTarget }
        : undefined,
    principal: {
      spaceId: turn.spaceId,
      kind: (principalKind ?? "system") as Principal["kind"],
      id: principalId ?? "system",
    },
    session: {
      id: turn.sessionId,
      agentId: turn.agentId,
      channel,
      key,
      peerId,
      ownerId,
      audience: parseAudience(audience),
      stateless: stateless === 1,
      isNew: turn.turnSeq === 1,
    },
    isTakeover: turn.attempt > 1,
  };
}

export const STEP_COLUMNS = ["n", "kind", "v", "at", "payload"] as const;

export function stepPayload(step: TurnStep): string {
  switch (step.kind) {
    case "model":
      return JSON.stringify(step.output);
    case "intent":
      return JSON.stringify({ callId: step.callId, tool: step.tool });
    case "result":
      return JSON.stringify(
        step.sources === undefined ? step.result : { ...step.result, sources: step.sources },
      );
  }
}

export function stepOf(deps: PortDeps, turnId: string, row: Row): TurnStep | undefined {
  const [n, kind, v, at, text] = row as unknown as TupleOf<TurnStepTable, typeof STEP_COLUMNS>;
  const payload = parsePayload<never>(deps, { what: "turn-step", id: `${turnId}/${n}`, v, text });
  if (payload === undefined) return undefined;
  if (kind === "model") return { kind, n, at, output: payload };
  if (kind === "intent") return { kind, n, at, ...(payload as { callId: string; tool: string }) };
  if (kind !== "result") return undefined;
  const { sources, ...result } = payload as ToolResultPart & {
    readonly sources?: readonly SourceReference[];
  };
  return { kind, n, at, result, ...(sources === undefined ? {} : { sources }) };
}

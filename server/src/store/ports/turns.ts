import type { Message, TurnQuery, TurnState, TurnStore } from "@troupe/contracts";
import { type Row, write, writeRow, writeRows } from "../statement.ts";
import { laneNumber, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { messageOf } from "./messages.ts";
import { claimedOf, stepOf, stepPayload, traceText, turnOf } from "./turn-rows.ts";
import { turnSelects } from "./turn-selects.ts";
import { turnStatements } from "./turn-statements.ts";

/** Ends that an index finds; the rest are either few (open ones) or most of all turns. */
const UNWELL: ReadonlySet<TurnState> = new Set<TurnState>(["failed", "cancelled", "suppressed", "dead"]);

export function createTurnStore(deps: PortDeps): TurnStore {
  return { ...turnWrites(deps), ...turnReads(deps) };
}

type WriteNames =
  | "open"
  | "join"
  | "claim"
  | "reclaim"
  | "reserve"
  | "journal"
  | "finish"
  | "recount"
  | "markMessages"
  | "cancelQueued"
  | "requestCancel"
  | "note";

function turnWrites(deps: PortDeps): Pick<TurnStore, WriteNames> {
  const statements = turnStatements(deps);
  return {
    open: (turn) =>
      writeRow(
        statements.open,
        {
          ...turn,
          lane: laneNumber(turn.lane),
          payload: JSON.stringify(turn.payload),
          rootTurnId: turn.payload.cause?.rootTurnId,
          parentTurnId: turn.payload.cause?.parentTurnId,
        },
        (row) => ({
          state: row?.[0] as "queued" | "running",
          epoch: row?.[1] as number,
        }),
      ),
    join: (turn) => write(statements.join, { ...turn, epoch: turn.epoch, dueAt: turn.dueAt }),
    claim: ({ owner, limit, lane, sessionId }) =>
      writeRows(
        sessionId === undefined ? statements.claim : statements.claimOfSession,
        { owner, limit, lane: lane === undefined ? undefined : laneNumber(lane), sessionId },
        (rows) =>
          rows
            .toSorted(byClaimOrder)
            .map((row) => claimedOf(deps, row))
            .filter((claimed) => claimed !== undefined),
      ),
    reclaim: (turn) =>
      writeRows(statements.reclaim, turn, (rows) =>
        rows[0] === undefined ? undefined : claimedOf(deps, rows[0]),
      ),
    reserve: ({ id, epoch }, microUsd) => write(statements.reserve, { id, epoch, microUsd }),
    journal: (turn, step) => {
      const { n, kind, at } = step;
      return write(statements.holds, turn, [
        write(statements.journal, { turnId: turn.id, n, kind, at, payload: stepPayload(step) }),
      ]);
    },
    finish: ({ usage, error, trace, ...turn }) =>
      write(statements.finish, {
        ...turn,
        ...usage,
        errorCode: error?.code,
        errorMessage: error?.message,
        trace: traceText(trace),
      }),
    recount: (turnId) => write(statements.recount, { turnId }),
    markMessages: (turnId, outcome) => write(statements.markMessages, { turnId, outcome }),
    cancelQueued: (turnId, at) =>
      write(statements.cancelQueued, {
        turnId,
        at,
        trace: traceText([{ at, what: "cancelled", detail: "while queued" }]),
      }),
    requestCancel: (turnId) =>
      writeRow(statements.stateOf, { turnId }, (row) => ({ state: row?.[0] as TurnState | undefined }), [
        write(statements.requestCancel, { turnId }),
      ]),
    note: (turnId, entries) => write(statements.note, { turnId, trace: traceText(entries) }),
  };
}

function turnReads(deps: PortDeps): Omit<TurnStore, WriteNames> {
  const { reads } = deps;
  const selects = turnSelects(deps);
  return {
    async get(turnId, options) {
      const row = await reads.row(selects.get, { turnId }, options);
      return row === undefined ? undefined : turnOf(deps, row);
    },
    async steps(turnId, options) {
      const rows = await reads.rows(selects.steps, { turnId }, options);
      return rows.map((row) => stepOf(deps, turnId, row)).filter((step) => step !== undefined);
    },
    async inbound(turnId, options) {
      const rows = await reads.rows(selects.inbound, { turnId }, options);
      return rows
        .map((row) => messageOf(deps, row))
        .filter((message): message is Message => message !== undefined);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, ownerId, sessionId, parentTurnId, rootTurnId, states } = query;
      const input = {
        spaceId,
        ownerId,
        sessionId,
        parentTurnId,
        rootTurnId,
        states: states === undefined ? undefined : JSON.stringify(states),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(selects[listOf(query)], input, options);
      return pageOf(
        rows,
        limit,
        (row) => turnOf(deps, row),
        (row) => String(row[0]),
      );
    },
    async nextDue(options) {
      const row = await reads.row(selects.nextDue, {}, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
    async countQueued(limit, options) {
      return Number((await reads.row(selects.countQueued, { limit }, options))?.[0] ?? 0);
    },
    async outlook(owner, options) {
      const row = await reads.row(selects.outlook, { owner }, options);
      const [isDue, nextDueAt, cancelled] = row ?? [];
      return {
        isDue: isDue === 1,
        nextDueAt: (nextDueAt ?? undefined) as number | undefined,
        cancelled: JSON.parse(String(cancelled ?? "[]")) as string[],
      };
    },
  };
}

function listOf({
  sessionId,
  parentTurnId,
  rootTurnId,
  states,
}: TurnQuery): "ofSession" | "caused" | "chain" | "unwell" | "open" | "all" {
  if (sessionId !== undefined) return "ofSession";
  if (parentTurnId !== undefined) return "caused";
  if (rootTurnId !== undefined) return "chain";
  if (states === undefined) return "all";
  if (states.every((state) => UNWELL.has(state))) return "unwell";
  return states.every((state) => state === "queued" || state === "running") ? "open" : "all";
}

/** RETURNING promises no order: lane, then due time, then arrival. */
function byClaimOrder(a: Row, b: Row): number {
  return Number(a[8]) - Number(b[8]) || Number(a[16]) - Number(b[16]) || Number(a[0]) - Number(b[0]);
}

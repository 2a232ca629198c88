import type { ToolStatus, TurnEvent } from "../api/types.ts";

export type EndEvent = Extract<TurnEvent, { type: "end" }>;

export interface LiveTool {
  readonly type: "tool";
  readonly callId: string;
  readonly name: string;
  readonly status: ToolStatus;
  readonly detail: string | undefined;
}

export type LivePart = { readonly type: "text" | "reasoning"; readonly text: string } | LiveTool;

/** What is shown of a turn while it runs. */
export interface LiveTurn {
  readonly turnId: string;
  readonly attempt: number;
  /** Number of the last event taken, within the attempt. */
  readonly n: number;
  readonly parts: readonly LivePart[];
  readonly end: EndEvent | undefined;
}

export function newLiveTurn(turnId: string): LiveTurn {
  return { turnId, attempt: 0, n: -1, parts: [], end: undefined };
}

/**
 * Takes one event. `isFirst`: it is the first of a connection, which tells the attempt from its start, so it replaces what was
 * shown; so does a new attempt, and a model that begins anew within one. What is older than what was taken, or was taken
 * already, changes nothing, and nothing changes after the end.
 */
export function takeEvent(live: LiveTurn, event: TurnEvent, isFirst: boolean): LiveTurn {
  if (live.end !== undefined) return live;
  const { attempt, n } = event;
  if (event.type === "end") return { ...live, attempt, n, end: event };
  if (attempt < live.attempt) return live;
  const isNewAttempt = attempt > live.attempt;
  if (!isFirst && !isNewAttempt && n <= live.n) return live;
  const begins = isFirst || isNewAttempt || event.type === "attempt-start";
  const parts = begins ? [] : live.parts;
  return { ...live, attempt, n, parts: withEvent(parts, event) };
}

function withEvent(parts: readonly LivePart[], event: TurnEvent): readonly LivePart[] {
  switch (event.type) {
    case "text-delta":
      return withText(parts, "text", event.text);
    case "reasoning-delta":
      return withText(parts, "reasoning", event.text);
    case "tool":
      return withTool(parts, {
        type: "tool",
        callId: event.callId,
        name: event.name,
        status: event.status,
        detail: event.detail,
      });
    default:
      return parts;
  }
}

function withText(parts: readonly LivePart[], type: "text" | "reasoning", text: string): readonly LivePart[] {
  const last = parts.at(-1);
  if (last?.type !== type) return [...parts, { type, text }];
  return [...parts.slice(0, -1), { type, text: last.text + text }];
}

function withTool(parts: readonly LivePart[], tool: LiveTool): readonly LivePart[] {
  const known = parts.findIndex((part) => part.type === "tool" && part.callId === tool.callId);
  return known < 0 ? [...parts, tool] : parts.with(known, tool);
}

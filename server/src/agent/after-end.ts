import type { Effect, Turn, TurnError, TurnState } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";

export interface TurnEnd {
  readonly state: Exclude<TurnState, "queued" | "running">;
  /** What was said at the end, if anything was. */
  readonly messageId?: string;
  readonly error?: TurnError | undefined;
  /** UTC milliseconds. */
  readonly at: number;
}

/** The effect that whoever caused the turn asked for, to be kept in the commit that ends it; one at most. */
export function afterEndOf(turn: Turn, end: TurnEnd): readonly Omit<Effect, "attempt" | "epoch">[] {
  const { afterEnd } = turn.payload;
  if (afterEnd === undefined) return [];
  const { kind, v, lane, payload } = afterEnd;
  const { state, messageId, error, at } = end;
  return [
    {
      id: derivedId(kind, turn.id),
      spaceId: turn.spaceId,
      ...{ kind, v, lane },
      turnId: turn.id,
      sessionId: turn.sessionId,
      payload: {
        ...payload,
        ...{ turnId: turn.id, state },
        ...(messageId === undefined ? {} : { messageId }),
        ...(error === undefined ? {} : { error }),
      },
      createdAt: at,
    },
  ];
}

import type { StepName, ToolStatus, TurnEventBody, TurnFeed } from "@troupe/contracts";

/** Numbers the live events of one turn and hands them to the feed. */
export interface TurnEmitter {
  readonly attempt: number;
  emit(body: TurnEventBody): void;
  step(step: StepName, status: "running" | "completed" | "failed", detail?: string): void;
  tool(status: ToolStatus, call: { readonly callId: string; readonly name: string }, detail?: string): void;
  /** What was streamed so far does not count: whoever watches starts anew. */
  restart(): void;
}

export function createEmitter(feed: TurnFeed, turnId: string, firstAttempt: number): TurnEmitter {
  let attempt = firstAttempt;
  let n = 0;
  const emit = (body: TurnEventBody): void => feed.publish({ ...body, turnId, attempt, n: n++ });
  emit({ type: "attempt-start" });
  return {
    get attempt() {
      return attempt;
    },
    emit,
    step: (step, status, detail) =>
      emit({ type: "step", step, status, ...(detail === undefined ? {} : { detail }) }),
    tool: (status, { callId, name }, detail) =>
      emit({ type: "tool", status, callId, name, ...(detail === undefined ? {} : { detail }) }),
    restart() {
      attempt += 1;
      n = 0;
      emit({ type: "attempt-start" });
    },
  };
}

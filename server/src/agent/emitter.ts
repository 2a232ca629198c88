import type { StepName, ToolStatus, TurnEventBody, TurnFeed } from "@troupe/contracts";

/** Numbers the live events of one attempt and hands them to the feed. */
export interface TurnEmitter {
  emit(body: TurnEventBody): void;
  step(step: StepName, status: "running" | "completed" | "failed", detail?: string): void;
  tool(status: ToolStatus, call: { readonly callId: string; readonly name: string }, detail?: string): void;
  /**
   * What was streamed so far does not count: whoever watches starts anew. The attempt stays and its numbers go on, because
   * only a claim makes an attempt: another process may be given the next one at any time.
   */
  restart(): void;
}

export function createEmitter(feed: TurnFeed, turnId: string, attempt: number): TurnEmitter {
  let n = 0;
  const emit = (body: TurnEventBody): void => feed.publish({ ...body, turnId, attempt, n: n++ });
  const restart = (): void => emit({ type: "attempt-start" });
  restart();
  return {
    emit,
    step: (step, status, detail) =>
      emit({ type: "step", step, status, ...(detail === undefined ? {} : { detail }) }),
    tool: (status, { callId, name }, detail) =>
      emit({ type: "tool", status, callId, name, ...(detail === undefined ? {} : { detail }) }),
    restart,
  };
}

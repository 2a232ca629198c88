import type { StepName, ToolStatus, TurnEventBody, TurnFeed } from "@troupe/contracts";
import { mayBecomeNoReply } from "../kit/index.ts";

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

/** `maySayNothing`: words that may turn out to be an answer of nothing are kept back until they are more. */
export function createEmitter(
  feed: TurnFeed,
  turnId: string,
  attempt: number,
  maySayNothing: boolean = false,
): TurnEmitter {
  let n = 0;
  const publish = (body: TurnEventBody): void => feed.publish({ ...body, turnId, attempt, n: n++ });
  const emit = maySayNothing ? holdingBack(publish) : publish;
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

/** Tells words once it is sure that they are words. */
function holdingBack(publish: (body: TurnEventBody) => void): (body: TurnEventBody) => void {
  let held = "";
  let isSure = false;
  return (body) => {
    if (body.type === "attempt-start") {
      held = "";
      isSure = false;
    } else if (body.type === "tool" && isSure) {
      // What follows a tool may be nothing again.
      held = "";
      isSure = false;
    } else if (body.type === "text-delta" && !isSure) {
      held += body.text;
      if (mayBecomeNoReply(held)) return;
      isSure = true;
      return publish({ ...body, text: held });
    }
    publish(body);
  };
}

import type { StreamResponse } from "@a2a-js/sdk";
import type { TurnEvent } from "@troupe/contracts";
import type { TurnEnd, TurnSink } from "../turn-follower.ts";
import { noticeOf, replyArtifact, statusOf } from "./tasks.ts";

/**
 * A turn as the stream of a task: the reply grows as one artifact, and a new attempt begins it anew (`append: false`). What
 * came since the reader looked last is one update, so that a slow reader costs memory for the text alone.
 */
export class TaskEvents implements TurnSink {
  readonly #now: () => number;
  #contextId = "";
  #turnId = "";
  #pending = "";
  #sent = "";
  #isAppending = false;
  #end: TurnEnd | undefined;
  #isAbandoned = false;
  #wake: (() => void) | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  event(event: TurnEvent): void {
    if (event.type === "text-delta") this.#pending += event.text;
    else if (event.type === "attempt-start") this.#beginAgain();
    else if (event.type === "end") this.#end = event;
    else return;
    this.#wake?.();
  }

  idle(): void {
    // The outlet that the stream is written to keeps itself alive.
  }

  abandoned(): void {
    this.#isAbandoned = true;
    this.#wake?.();
  }

  /** Ends with the turn, or without an end when the face closes. */
  async *updates(turnId: string, contextId: string): AsyncGenerator<StreamResponse, void, undefined> {
    this.#turnId = turnId;
    this.#contextId = contextId;
    for (;;) {
      const end = this.#end;
      if (end !== undefined) {
        yield* this.#last(end);
        return;
      }
      if (this.#pending !== "") {
        const text = this.#pending;
        this.#pending = "";
        yield this.#grown(text, false);
        continue;
      }
      if (this.#isAbandoned) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #beginAgain(): void {
    this.#pending = "";
    this.#sent = "";
    this.#isAppending = false;
  }

  *#last(end: TurnEnd): Generator<StreamResponse> {
    const { turnId: taskId, state, text, error } = end;
    const at = { taskId, contextId: this.#contextId };
    if (state === "replied") {
      // The live events are provisional; the kept reply counts.
      const isKept = text.startsWith(this.#sent);
      if (!isKept) this.#beginAgain();
      yield this.#grown(text.slice(this.#sent.length), true);
    }
    const said = state === "replied" ? undefined : noticeOf(error?.message ?? text, at);
    const value = { ...at, status: statusOf(state, this.#now(), said), metadata: undefined };
    yield { payload: { $case: "statusUpdate", value } };
  }

  #grown(text: string, lastChunk: boolean): StreamResponse {
    this.#sent += text;
    const append = this.#isAppending;
    this.#isAppending = true;
    const value = {
      taskId: this.#turnId,
      contextId: this.#contextId,
      artifact: replyArtifact(this.#turnId, text),
      append,
      lastChunk,
      metadata: undefined,
    };
    return { payload: { $case: "artifactUpdate", value } };
  }
}

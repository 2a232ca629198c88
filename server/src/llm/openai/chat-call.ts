import { type Clock, type ModelEvent, NO_USAGE, type TroupeError, type Usage } from "@troupe/contracts";
import type { Dispatcher } from "undici";
import { derivedId, estimateTokens } from "../../kit/index.ts";
import { ChatReply } from "./chat-reply.ts";
import { EventStreamReader } from "./event-stream.ts";
import {
  type FailureContext,
  inSeconds,
  modelError,
  statusError,
  streamedError,
  transportError,
} from "./failures.ts";

/** Longest error body that is read, in bytes; a longer one is cut. */
const MAX_ERROR_BODY = 65_536;
/** Longest answer, in characters, calls and sealed thoughts as they came; a server that never stops is stopped. */
const MAX_ANSWER = 16 * 1024 * 1024;
/** How long usage and `[DONE]` may follow the finish reason, and the end of the body `[DONE]`. */
const GRACE_MS = 2_000;

/** What all calls of one model share. */
export interface ChatWire {
  readonly dispatcher: () => Dispatcher;
  readonly path: string;
  readonly headers: string[];
  readonly failure: FailureContext;
  readonly clock: Clock;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly random: () => number;
  /** `provider/model`, where what the model thought is to be given back to it. */
  readonly reasoningOf: string | undefined;
}

type EndEvent = Extract<ModelEvent, { type: "end" }>;
type Result = IteratorResult<ModelEvent, undefined>;

const FINISHED: Result = { done: true, value: undefined };

/**
 * One request and its stream of events: the dispatcher's callbacks on one side, an iterator on the other, one promise a
 * network read between them. A class, because each call would otherwise cost a dozen closures.
 */
export class ChatCall implements AsyncIterableIterator<ModelEvent, undefined>, Dispatcher.DispatchHandler {
  readonly #wire: ChatWire;
  readonly #body: Buffer;
  readonly #signal: AbortSignal;
  readonly #reader = new EventStreamReader();
  readonly #reply = new ChatReply();
  readonly #queue: ModelEvent[] = [];
  #waiting: ((result: Result) => void) | undefined;
  #state: "new" | "running" | "ended" = "new";
  #controller: Dispatcher.DispatchController | undefined;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #status = 0;
  #errorBody = "";
  #timer: Disposable | undefined;
  #phase: "first-token" | "idle" | "grace" = "first-token";
  #lastReadMs = 0;

  constructor(wire: ChatWire, body: Buffer, signal: AbortSignal) {
    this.#wire = wire;
    this.#body = body;
    this.#signal = signal;
  }

  // ── the reader's side ─────────────────────────────────────────────────────────────────────────────────────────

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#state === "new") this.#start();
    const event = this.#queue.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#state === "ended") return Promise.resolve(FINISHED);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** The reader went away: the request is not wanted any more. */
  return(): Promise<Result> {
    if (this.#state !== "ended") this.#close();
    this.#queue.length = 0;
    return Promise.resolve(FINISHED);
  }

  #start(): void {
    if (this.#signal.aborted) {
      this.#end({ type: "end", reason: "aborted", usage: NO_USAGE, estimated: true });
      return;
    }
    this.#state = "running";
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#watch(this.#wire.firstTokenMs);
    const { path, headers } = this.#wire;
    this.#wire.dispatcher().dispatch({ path, method: "POST", headers, body: this.#body }, this);
  }

  // ── the dispatcher's side ─────────────────────────────────────────────────────────────────────────────────────

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Ended while it waited for a free connection.
    if (this.#state === "ended") this.#drop();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 1xx answers come before the real one.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#state === "ended") return;
    if (this.#isRefused) {
      // Byte by byte: a letter may be spread over two reads.
      this.#errorBody += bytes.toString("latin1");
      if (this.#errorBody.length > MAX_ERROR_BODY) this.#failStatus();
      return;
    }
    const reply = this.#reply;
    const fits = this.#reader.read(bytes, this.#onField) && reply.generated.length + reply.held < MAX_ANSWER;
    this.#flush();
    if (!fits) this.#failBadly("sent more than any answer holds");
    else if (!this.#settle()) this.#keepWatch();
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    if (this.#state === "ended") {
      this.#timer?.[Symbol.dispose]();
      return;
    }
    if (this.#isRefused) {
      this.#failStatus();
      return;
    }
    if (this.#reader.kind === "json") this.#reply.acceptWhole(this.#reader.held);
    else this.#reader.end(this.#onField);
    this.#flush();
    if (this.#settle()) return;
    if (this.#reply.finish !== undefined) this.#complete();
    else if (this.#reply.hasBegun) this.#failBadly("broke off in the middle of its answer");
    else this.#failBadly("sent something that cannot be read");
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#controller = undefined;
    if (this.#state === "ended") {
      this.#timer?.[Symbol.dispose]();
      return;
    }
    // What the model had to say was complete, only its connection was not.
    if (this.#reply.finish !== undefined) this.#complete();
    else this.#fail(transportError(this.#wire.failure, error, this.#reply.hasBegun), this.#estimate());
  }

  readonly #onField = (payload: string): void => this.#reply.accept(payload);

  readonly #onAbort = (): void => {
    this.#end({ type: "end", reason: "aborted", ...this.#usage() });
    this.#drop();
  };

  // ── from pieces to events ─────────────────────────────────────────────────────────────────────────────────────

  /** What one network read brought becomes one event. */
  #flush(): void {
    const reply = this.#reply;
    if (reply.reasoning !== "") {
      this.#push({ type: "reasoning-delta", text: reply.reasoning });
      reply.generated += reply.reasoning;
      reply.reasoning = "";
    }
    if (reply.text !== "") {
      this.#push({ type: "text-delta", text: reply.text });
      reply.generated += reply.text;
      reply.text = "";
    }
  }

  /** Ends the call when what came says so. */
  #settle(): boolean {
    const reply = this.#reply;
    if (reply.error !== undefined) {
      this.#fail(
        streamedError(this.#wire.failure, reply.error),
        reply.generated === "" ? NO_USAGE : this.#estimate(),
      );
      return true;
    }
    if (reply.isBroken) {
      this.#failBadly("sent something that cannot be read");
      return true;
    }
    if (!reply.isDone) return false;
    if (!reply.hasBegun) this.#failBadly("ended its answer without beginning it");
    else this.#complete();
    return true;
  }

  #complete(): void {
    const reply = this.#reply;
    const calls = reply.calls(this.#makeCallId);
    for (const call of calls) this.#push({ type: "tool-call", call });
    const finish = reply.finish ?? "stop";
    if (finish === "tool-calls" && calls.length === 0 && reply.generated === "") {
      this.#failBadly("announced a tool call and made none");
      return;
    }
    // Some servers say `stop` after calls, others `tool_calls` without any.
    const reason =
      finish === "stop" || finish === "tool-calls" ? (calls.length > 0 ? "tool-calls" : "stop") : finish;
    const thought = this.#wire.reasoningOf === undefined || calls.length === 0 ? undefined : reply.thought;
    const reasoning =
      thought === undefined
        ? {}
        : { reasoning: { model: this.#wire.reasoningOf ?? "", data: JSON.stringify(thought) } };
    this.#end({ type: "end", reason, ...this.#usage(), ...reasoning });
    this.#drain();
  }

  #failBadly(predicate: string): void {
    this.#fail(
      modelError(this.#wire.failure, "model.bad_response", predicate, { retryable: true }),
      this.#estimate(),
    );
  }

  #fail(error: TroupeError, usage: Usage): void {
    const reported = this.#reply.usage;
    this.#end({
      type: "end",
      reason: "error",
      error,
      usage: reported ?? usage,
      estimated: reported === undefined,
    });
    this.#drop();
  }

  get #isRefused(): boolean {
    return this.#status < 200 || this.#status >= 300;
  }

  #failStatus(): void {
    const body = Buffer.from(this.#errorBody, "latin1").toString("utf8");
    this.#fail(statusError(this.#wire.failure, this.#status, this.#headers, body), NO_USAGE);
  }

  #usage(): { readonly usage: Usage; readonly estimated: boolean } {
    const reported = this.#reply.usage;
    return { usage: reported ?? this.#estimate(), estimated: reported === undefined };
  }

  /** Nothing is counted that was never sent. */
  #estimate(): Usage {
    if (this.#controller === undefined && this.#status === 0) return NO_USAGE;
    const { generated } = this.#reply;
    return {
      inputTokens: estimateTokens(this.#body),
      cachedInputTokens: 0,
      outputTokens: generated === "" ? 0 : estimateTokens(generated),
    };
  }

  readonly #makeCallId = (): string =>
    `call_${derivedId(this.#body.toString("latin1", Math.max(0, this.#body.length - 256)), String(this.#wire.random())).slice(0, 20)}`;

  #push(event: ModelEvent): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting({ done: false, value: event });
      return;
    }
    // A reader that is slower than the model finds one long piece, not a queue of short ones.
    const last = this.#queue.at(-1);
    if (event.type === "text-delta" && last?.type === "text-delta") {
      this.#queue[this.#queue.length - 1] = { type: "text-delta", text: last.text + event.text };
    } else this.#queue.push(event);
  }

  #end(event: EndEvent): void {
    this.#flush();
    this.#push(event);
    this.#detach();
  }

  #close(): void {
    this.#detach();
    this.#waiting?.(FINISHED);
    this.#drop();
  }

  #detach(): void {
    this.#state = "ended";
    this.#timer?.[Symbol.dispose]();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  /** Gives the connection up; without this the model would go on writing. */
  #drop(): void {
    this.#controller?.abort(new Error("The answer is not wanted any more."));
  }

  /** The rest of the body is let through, so that the connection can be used again, but not for ever. */
  #drain(): void {
    if (this.#controller !== undefined) this.#timer = this.#wire.clock.schedule(GRACE_MS, () => this.#drop());
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #watch(afterMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#wire.clock.schedule(afterMs, this.#onTime);
  }

  /** One timer a phase, not one a token: it looks at the last read when it fires, and waits for the rest. */
  #keepWatch(): void {
    this.#lastReadMs = this.#wire.clock.monotonicMs();
    if (this.#reply.finish !== undefined && this.#phase !== "grace") {
      this.#phase = "grace";
      this.#watch(GRACE_MS);
    } else if (this.#phase === "first-token" && (this.#reply.hasBegun || this.#reader.kind === "json")) {
      this.#phase = "idle";
      this.#watch(this.#wire.idleMs);
    }
  }

  readonly #onTime = (): void => {
    const { failure, firstTokenMs, idleMs, clock } = this.#wire;
    if (this.#phase === "grace") {
      this.#complete();
      return;
    }
    const isFirst = this.#phase === "first-token";
    const restMs = isFirst ? 0 : this.#lastReadMs + idleMs - clock.monotonicMs();
    if (restMs > 0) {
      this.#timer = clock.schedule(restMs, this.#onTime);
      return;
    }
    const predicate = !isFirst
      ? `fell silent for ${inSeconds(idleMs)} in the middle of its answer`
      : this.#controller === undefined
        ? `had no free connection for ${inSeconds(firstTokenMs)}`
        : `did not begin to answer within ${inSeconds(firstTokenMs)}`;
    this.#fail(modelError(failure, "model.timeout", predicate, { retryable: true }), this.#estimate());
  };
}

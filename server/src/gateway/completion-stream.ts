import type { TurnEvent, Usage } from "@troupe/contracts";
import type { Outlet } from "./outlet.ts";
import { type Failure, openAiError } from "./reply.ts";
import type { TurnEnd, TurnSink } from "./turn-follower.ts";

const DONE = "data: [DONE]\n\n";

/**
 * A turn as OpenAI's event stream: the deltas of one tick are one chunk and one write, and the finish chunk and
 * `[DONE]` come only after the turn's end is durable. This dialect cannot take words back, so a new attempt after text
 * was sent ends the stream with an error that names the turn. Source: design §5, Crashes.
 */
export class CompletionStream implements TurnSink {
  readonly #model: string;
  readonly #createdSeconds: number;
  readonly #tail: string;
  readonly #includeUsage: boolean;
  #outlet: Outlet | undefined;
  #turnId = "";
  /** Everything before a delta's text in each chunk. */
  #head = "";
  #pending = "";
  #sent = "";
  #end: TurnEnd | undefined;
  #isScheduled = false;
  #isOver = false;

  constructor(request: {
    readonly model: string;
    readonly includeUsage: boolean;
    readonly createdSeconds: number;
  }) {
    this.#model = request.model;
    this.#createdSeconds = request.createdSeconds;
    this.#includeUsage = request.includeUsage;
    // With usage asked for, all chunks but the last carry it as null. Source: OpenAI API reference, stream_options.
    this.#tail = request.includeUsage ? '],"usage":null}\n\n' : "]}\n\n";
  }

  /** The turn is accepted: `connect` sends the headers with the first chunk. Text that came already follows. */
  open(turnId: string, connect: (firstChunk: string) => Outlet): Response {
    this.#turnId = turnId;
    this.#head = `data: {"id":"chatcmpl-${turnId}","object":"chat.completion.chunk","created":${this.#createdSeconds},"model":${JSON.stringify(this.#model)},"choices":[`;
    const outlet = connect(this.#chunk('{"role":"assistant","content":""}', "null"));
    this.#outlet = outlet;
    if (this.#end !== undefined) this.#finish(this.#end);
    else this.#flush();
    return outlet.response;
  }

  event(event: TurnEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#pending += event.text;
        this.#schedule();
        return;
      case "attempt-start":
        this.#beginAgain();
        return;
      case "end":
        this.#end = event;
        if (this.#outlet !== undefined) this.#finish(event);
        return;
      default:
      // Steps, tools and reasoning have no place in this dialect.
    }
  }

  idle(): void {
    this.#outlet?.write(": keep-alive\n\n");
  }

  abandoned(): void {
    this.#fail({
      code: "not_ready",
      message: `Troupe is closing. Turn ${this.#turnId} is kept and goes on.`,
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#outlet === undefined) return;
    this.#isScheduled = true;
    setImmediate(flushOf, this);
  }

  /** @internal For the one function of all streams that `setImmediate` gets. */
  flushScheduled(): void {
    this.#isScheduled = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#isOver || this.#pending === "") return;
    this.#outlet?.write(this.#takePending());
  }

  #takePending(): string {
    const text = this.#pending;
    this.#pending = "";
    this.#sent += text;
    return this.#chunk(`{"content":${JSON.stringify(text)}}`, "null");
  }

  #beginAgain(): void {
    // What nobody has seen yet can still be taken back.
    this.#pending = "";
    if (this.#sent === "") return;
    this.#fail({
      code: "turn.failed",
      message: `Turn ${this.#turnId} broke off and began anew after text had been sent. Its reply will be under /api/turns/${this.#turnId}.`,
    });
  }

  #finish(end: TurnEnd): void {
    if (this.#isOver) return;
    const failure = this.#whyNot(end);
    if (failure !== undefined) {
      this.#fail(failure);
      return;
    }
    // The live events are provisional and may get lost; the kept reply counts.
    this.#pending = end.text.slice(this.#sent.length);
    const rest = this.#pending === "" ? "" : this.#takePending();
    this.#isOver = true;
    this.#outlet?.end(rest + this.#chunk("{}", '"stop"') + this.#usageChunk(end.usage) + DONE);
  }

  /** Why this stream cannot end well; undefined when it can. */
  #whyNot(end: TurnEnd): Failure | undefined {
    if (end.state !== "replied" && end.state !== "suppressed") return failureOfEnd(end);
    if (end.text.startsWith(this.#sent)) return undefined;
    return {
      code: "turn.failed",
      message: `The text that was sent is not the reply that was kept. Read it under /api/turns/${this.#turnId}.`,
    };
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outlet?.end(`data: ${openAiError({ ...failure, turnId: this.#turnId })}\n\n`);
  }

  #chunk(delta: string, finishReason: string): string {
    return `${this.#head}{"index":0,"delta":${delta},"finish_reason":${finishReason}}${this.#tail}`;
  }

  #usageChunk(usage: Usage): string {
    return this.#includeUsage ? `${this.#head}],"usage":${JSON.stringify(toOpenAiUsage(usage))}}\n\n` : "";
  }
}

function flushOf(stream: CompletionStream): void {
  stream.flushScheduled();
}

/** Why a turn that ended has no reply. */
export function failureOfEnd(end: TurnEnd): Failure {
  const code = end.error?.code ?? (end.state === "cancelled" ? "turn.cancelled" : "turn.failed");
  const message =
    end.error?.message ?? (end.state === "cancelled" ? "The turn was cancelled." : "The turn failed.");
  // Troupe has tried again and elsewhere by itself; the same message would run a second turn.
  return { code, message: `${message} (turn ${end.turnId})`, turnId: end.turnId, isFinal: true };
}

/** The whole answer of a call that does not stream. */
export function completionBody(
  request: { readonly model: string; readonly createdSeconds: number },
  end: TurnEnd,
): Readonly<Record<string, unknown>> {
  return {
    id: `chatcmpl-${end.turnId}`,
    object: "chat.completion",
    created: request.createdSeconds,
    model: request.model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: end.text, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: toOpenAiUsage(end.usage),
  };
}

function toOpenAiUsage(usage: Usage): Readonly<Record<string, unknown>> {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
  };
}

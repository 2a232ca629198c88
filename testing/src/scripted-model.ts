import {
  type CallOptions,
  type Clock,
  type LanguageModel,
  type ModelEvent,
  type ModelRequest,
  type ModelToolCall,
  NO_USAGE,
  TroupeError,
  type Usage,
} from "@troupe/contracts";

/** What a scripted model answers to one call. */
export interface ScriptedReply {
  /** One delta each. */
  readonly tokens?: readonly string[];
  readonly text?: string;
  readonly calls?: readonly ModelToolCall[];
  /** Ends with this after what it said. */
  readonly error?: TroupeError;
  readonly reason?: "stop" | "tool-calls" | "length" | "content-filter";
  readonly usage?: Usage;
  /** Milliseconds of the clock before the first event, and between two. */
  readonly delayMs?: number;
  readonly gapMs?: number;
  /** Says what it has to say, then nothing until it is aborted. */
  readonly hang?: boolean;
}

export interface ScriptedModel extends LanguageModel {
  /** Every request so far, in order. */
  readonly requests: readonly ModelRequest[];
  enqueue(...replies: readonly ScriptedReply[]): void;
}

/**
 * A model without a wire, for unit tests and the simulator: deterministic, and no time passes in it but the clock's.
 * When nothing is enqueued, `rule` answers; without one it says `You said: …`.
 */
export function createScriptedModel(
  options: {
    readonly provider?: string;
    readonly modelId?: string;
    readonly contextWindow?: number;
    /** Needed for `delayMs` and `gapMs`. */
    readonly clock?: Clock;
    readonly rule?: (request: ModelRequest, callNumber: number) => ScriptedReply;
  } = {},
): ScriptedModel {
  const queue: ScriptedReply[] = [];
  const requests: ModelRequest[] = [];
  const rule =
    options.rule ?? ((request: ModelRequest) => ({ text: `You said: ${newestUserText(request)}` }));
  return {
    provider: options.provider ?? "scripted",
    modelId: options.modelId ?? "model",
    contextWindow: options.contextWindow ?? 128_000,
    requests,
    enqueue: (...replies) => void queue.push(...replies),
    stream(request, { signal }) {
      if (request.messages.length === 0) {
        throw new TroupeError("A model was asked without a single message.", { code: "internal" });
      }
      requests.push(request);
      return play(queue.shift() ?? rule(request, requests.length), { signal }, options.clock);
    },
  };
}

async function* play(
  reply: ScriptedReply,
  { signal }: CallOptions,
  clock: Clock | undefined,
): AsyncGenerator<ModelEvent> {
  const usage = reply.usage ?? { inputTokens: 20, cachedInputTokens: 0, outputTokens: 5 };
  let said = 0;
  const aborted = (): ModelEvent => {
    const soFar = said === 0 ? NO_USAGE : { ...usage, outputTokens: said };
    return { type: "end", reason: "aborted", usage: soFar, estimated: true };
  };
  const deltas = reply.tokens ?? (reply.text === undefined || reply.text === "" ? [] : [reply.text]);
  const calls = reply.calls ?? [];
  const events: ModelEvent[] = [
    ...deltas.map((text): ModelEvent => ({ type: "text-delta", text })),
    ...calls.map((call): ModelEvent => ({ type: "tool-call", call })),
  ];
  if (!(await pause(clock, reply.delayMs, signal))) return yield aborted();
  for (const event of events) {
    said += 1;
    yield event;
    if (!(await pause(clock, reply.gapMs, signal))) return yield aborted();
  }
  if (reply.hang === true) {
    await untilAbort(signal);
    return yield aborted();
  }
  if (reply.error !== undefined) {
    yield { type: "end", reason: "error", usage, estimated: false, error: reply.error };
    return;
  }
  yield {
    type: "end",
    reason: reply.reason ?? (calls.length > 0 ? "tool-calls" : "stop"),
    usage,
    estimated: false,
  };
}

/** False once the signal has aborted. */
async function pause(
  clock: Clock | undefined,
  ms: number | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted || ms === undefined || ms === 0) return !signal.aborted;
  if (clock === undefined) throw new TroupeError("A scripted delay needs a clock.", { code: "internal" });
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      timer[Symbol.dispose]();
      resolve();
    };
    const timer = clock.schedule(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
  return !signal.aborted;
}

function untilAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function newestUserText(request: ModelRequest): string {
  return request.messages.findLast((message) => message.role === "user")?.text ?? "";
}

import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
} from "@ai-sdk/provider";
import {
  type CallOptions,
  type Clock,
  type LanguageModel,
  type ModelAbilities,
  type ModelEvent,
  type ModelMessage,
  type ModelRequest,
  NO_USAGE,
  TroupeError,
  type Usage,
} from "@troupe/contracts";
import { estimateTokens, linkSignal, untilAborted } from "../../kit/index.ts";
import { type FailureContext, inSeconds, modelError } from "../openai/failures.ts";
import { choiceOf, formatOf, promptOf, type SdkDialect, toolsOf } from "./prompt.ts";
import { SdkReply } from "./reply.ts";

/** What all calls of one model share. */
export interface SdkWire {
  readonly provider: string;
  readonly modelId: string;
  readonly dialect: SdkDialect;
  readonly contextWindow: number;
  readonly abilities: ModelAbilities;
  /** Loads the provider's package with the first call. */
  readonly load: () => Promise<LanguageModelV4>;
  readonly failure: FailureContext;
  readonly clock: Clock;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly reasoningEffort: LanguageModelV4CallOptions["reasoning"];
  readonly providerOptions: LanguageModelV4CallOptions["providerOptions"];
}

type EndEvent = Extract<ModelEvent, { type: "end" }>;

/** A model behind a provider's package, asked at its lowest level: one request, no retries, no loop. */
export function createSdkModel(wire: SdkWire): LanguageModel {
  const { provider, modelId, contextWindow, abilities } = wire;
  return {
    provider,
    modelId,
    contextWindow,
    abilities,
    stream(request, options) {
      if (request.messages.length === 0) {
        throw new TroupeError("A model was asked without a single message.", { code: "internal" });
      }
      return answer(wire, request, options);
    },
  };
}

async function* answer(
  wire: SdkWire,
  request: ModelRequest,
  { signal }: CallOptions,
): AsyncGenerator<ModelEvent, undefined> {
  if (signal.aborted) {
    yield { type: "end", reason: "aborted", usage: NO_USAGE, estimated: true };
    return;
  }
  using scope = linkSignal(signal);
  using watch = new Watch(wire, (reason) => scope.abort(reason));
  const reply = new SdkReply();
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined;
  // A read that waits ends with this, whatever the package does with its own signal.
  const drop = (): void => void reader?.cancel(scope.signal.reason).catch(() => undefined);
  try {
    const model = await wire.load();
    const { stream } = await untilAborted(
      Promise.resolve(model.doStream(callOptions(wire, request, scope.signal))),
      scope.signal,
    );
    reader = stream.getReader();
    scope.signal.addEventListener("abort", drop, { once: true });
    for (;;) {
      const { done, value: part } = await reader.read();
      if (scope.signal.aborted) throw scope.signal.reason;
      if (done) break;
      if (part.type === "error") throw part.error;
      const event = reply.take(part);
      watch.saw(reply.hasBegun);
      if (event !== undefined) yield event;
      if (scope.signal.aborted) throw scope.signal.reason;
    }
    yield endOf(wire, request, reply);
  } catch (error) {
    yield brokenEnd(wire, request, reply, { error, signal, watch });
  } finally {
    scope.abort(new Error("The answer is not wanted any more."));
    drop();
  }
}

function callOptions(wire: SdkWire, request: ModelRequest, signal: AbortSignal): LanguageModelV4CallOptions {
  const { dialect, abilities, provider, modelId, reasoningEffort, providerOptions } = wire;
  const format = formatOf(request);
  return {
    prompt: promptOf(request, { dialect, abilities, name: `${provider}/${modelId}` }),
    abortSignal: signal,
    ...(request.tools.length === 0 ? {} : { tools: toolsOf(request.tools) }),
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.toolChoice === undefined ? {} : { toolChoice: choiceOf(request.toolChoice) }),
    ...(request.stop === undefined ? {} : { stopSequences: [...request.stop] }),
    ...(format === undefined ? {} : { responseFormat: format }),
    ...(reasoningEffort === undefined ? {} : { reasoning: reasoningEffort }),
    ...(providerOptions === undefined ? {} : { providerOptions }),
  };
}

function endOf(wire: SdkWire, request: ModelRequest, reply: SdkReply): EndEvent {
  const { usage: reported, reason } = reply;
  const usage = { usage: reported ?? estimate(request, reply), estimated: reported === undefined };
  if (reason === "interrupted" || reason === "error") {
    const predicate = reply.hasBegun
      ? "broke off in the middle of its answer"
      : "ended its answer without beginning it";
    const error = modelError(wire.failure, "model.bad_response", predicate, { retryable: true });
    return { type: "end", reason: "error", ...usage, error };
  }
  const reasoning = reply.reasoning(`${wire.provider}/${wire.modelId}`);
  return { type: "end", reason, ...usage, ...(reasoning === undefined ? {} : { reasoning }) };
}

async function errorOf(wire: SdkWire, error: unknown, hasAnswered: boolean): Promise<TroupeError> {
  const { sdkError } = await import("./failures.ts");
  return sdkError(wire.failure, error, hasAnswered);
}

function brokenEnd(
  wire: SdkWire,
  request: ModelRequest,
  reply: SdkReply,
  broken: { readonly error: unknown; readonly signal: AbortSignal; readonly watch: Watch },
): Promise<EndEvent> | EndEvent {
  const { usage: reported } = reply;
  const usage = { usage: reported ?? estimate(request, reply), estimated: reported === undefined };
  if (broken.signal.aborted) return { type: "end", reason: "aborted", ...usage };
  const { timeout } = broken.watch;
  if (timeout !== undefined) return { type: "end", reason: "error", ...usage, error: timeout };
  return errorOf(wire, broken.error, reply.hasBegun).then((error) => ({
    type: "end",
    reason: "error",
    // What was refused before it began cost nothing.
    ...(reply.hasBegun ? usage : { usage: NO_USAGE, estimated: true }),
    error,
  }));
}

function estimate(request: ModelRequest, { generated }: SdkReply): Usage {
  const inputTokens = request.messages.reduce((sum, message) => sum + tokensOf(message), 0);
  const outputTokens = generated === "" ? 0 : estimateTokens(generated);
  return { inputTokens, cachedInputTokens: 0, outputTokens };
}

function tokensOf(message: ModelMessage): number {
  const calls = message.role === "assistant" ? message.calls.map((call) => call.arguments).join("") : "";
  return estimateTokens(message.text + calls);
}

/** Ends a call that does not begin, or falls silent. One timer a phase: when it fires it looks at the last part. */
class Watch implements Disposable {
  /** Why the call was ended. */
  timeout: TroupeError | undefined;
  readonly #wire: SdkWire;
  readonly #end: (reason: unknown) => void;
  #timer: Disposable;
  #isFirst = true;
  #seenAtMs = 0;

  constructor(wire: SdkWire, end: (reason: unknown) => void) {
    this.#wire = wire;
    this.#end = end;
    this.#timer = wire.clock.schedule(wire.firstTokenMs, this.#onTime);
  }

  saw(hasBegun: boolean): void {
    const { clock, idleMs } = this.#wire;
    this.#seenAtMs = clock.monotonicMs();
    if (!this.#isFirst || !hasBegun) return;
    this.#isFirst = false;
    this.#timer[Symbol.dispose]();
    this.#timer = clock.schedule(idleMs, this.#onTime);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  readonly #onTime = (): void => {
    const { clock, idleMs, firstTokenMs, failure } = this.#wire;
    const restMs = this.#isFirst ? 0 : this.#seenAtMs + idleMs - clock.monotonicMs();
    if (restMs > 0) {
      this.#timer = clock.schedule(restMs, this.#onTime);
      return;
    }
    const predicate = this.#isFirst
      ? `did not begin to answer within ${inSeconds(firstTokenMs)}`
      : `fell silent for ${inSeconds(idleMs)} in the middle of its answer`;
    this.timeout = modelError(failure, "model.timeout", predicate, { retryable: true });
    this.#end(this.timeout);
  };
}

import type { TroupeError } from "./errors.ts";
import type { CallOptions } from "./runtime.ts";
import type { ToolSpec } from "./tool.ts";
import type { Usage } from "./turn.ts";

/** A call as the model made it; `arguments` is its own JSON text. */
export interface ModelToolCall {
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

/**
 * One message of a prompt. Objects are immutable and kept between turns, so an adapter may cache the serialised form
 * of each by identity; that keeps the prompt's prefix byte-stable for the provider's cache.
 */
export type ModelMessage =
  | { readonly role: "system"; readonly text: string }
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly calls: readonly ModelToolCall[] }
  | {
      readonly role: "tool";
      readonly callId: string;
      readonly name: string;
      readonly text: string;
      readonly isError: boolean;
    };

export interface ModelRequest {
  /** Most stable first. */
  readonly messages: readonly ModelMessage[];
  /** Identity-stable (see `ToolSet`); empty when none. */
  readonly tools: readonly ToolSpec[];
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  /** Facts of the turn that the offline model acts on; real models never see them. */
  readonly hints?: ModelHints;
}

export interface ModelHints {
  readonly agentName: string;
  readonly language: string;
}

/** `end` closes every stream exactly once. `calls` come whole, in the order the model gave them, before `end`. */
export type ModelEvent =
  | { readonly type: "text-delta"; readonly text: string }
  | { readonly type: "reasoning-delta"; readonly text: string }
  | { readonly type: "tool-call"; readonly call: ModelToolCall }
  | {
      readonly type: "end";
      readonly reason: "stop" | "tool-calls" | "length" | "content-filter" | "error" | "aborted";
      /** What the provider reported, or our estimate when it reported nothing (`estimated`). */
      readonly usage: Usage;
      readonly estimated: boolean;
      /** Only with reason `error`; `retryable` says whether the same request may succeed later. */
      readonly error?: TroupeError;
    };

/** A model that can be asked. Implementations keep no state between calls. */
export interface LanguageModel {
  /** Name of the configured provider, e.g. `local`. */
  readonly provider: string;
  readonly modelId: string;
  /** Tokens it can read and write in one call. */
  readonly contextWindow: number;
  /**
   * Asks once, without retrying. Exactly one `end` event closes the stream, failures and aborts included, so what was
   * generated and billed is never lost. Deltas of one network read come merged. Stopping the iteration early aborts the
   * request. Throws only for a request that is malformed on our side (`internal`).
   */
  stream(request: ModelRequest, options: CallOptions): AsyncIterable<ModelEvent>;
}

/** Price of one million tokens, in US dollars. */
export interface ModelPrice {
  readonly inputUsdPerMillion: number;
  readonly cachedInputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
}

/** A model of a logical list, with what a caller needs to reserve and settle its cost. */
export interface ModelChoice {
  readonly model: LanguageModel;
  /** `provider/model`. */
  readonly name: string;
  /** Undefined when nobody told a price; counts as zero and is shown as unknown. */
  readonly price: ModelPrice | undefined;
}

/** What a caller is told of a model call that did not begin well and is tried again, here or on the next model. */
export interface ModelRetry {
  readonly model: string;
  readonly error: TroupeError;
  readonly waitMs: number;
}

/** The configured models. Reloading swaps the whole; a running call keeps what it has. */
export interface ModelRouter {
  /** The models behind a logical name or `provider/model`, in order of preference. Throws `model.unknown`. */
  choices(name: string): readonly ModelChoice[];
  /**
   * Like `LanguageModel.stream` over the first choice that begins to answer: retries and fails over only while nothing
   * has been yielded. `onModel` is called with the choice that answers, before its first event.
   */
  stream(
    choices: readonly ModelChoice[],
    request: ModelRequest,
    options: CallOptions & {
      readonly onModel: (choice: ModelChoice) => void;
      readonly onRetry: (retry: ModelRetry) => void;
    },
  ): AsyncIterable<ModelEvent>;
}

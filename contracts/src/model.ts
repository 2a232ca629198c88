import type { TroupeError } from "./errors.ts";
import type { FilePart } from "./message.ts";
import type { CallOptions } from "./runtime.ts";
import type { JsonSchema, ToolSpec } from "./tool.ts";
import type { ToolChoice, Usage } from "./turn.ts";

/** A call as the model made it; `arguments` is its own JSON text. */
export interface ModelToolCall {
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

/** What a model thought before it called tools, as its provider wants it back: opaque to everybody else. */
export interface ModelReasoning {
  /** Name of the configured provider and id of the model, `provider/model`, that alone may see it again. */
  readonly model: string;
  /** JSON, as the adapter made it. Never shown, never searched. */
  readonly data: string;
}

/** One message of a prompt. Immutable; those of a conversation's history are the same objects from turn to turn. */
export type ModelMessage =
  | { readonly role: "system"; readonly text: string }
  | { readonly role: "user"; readonly text: string; readonly files?: readonly FilePart[] }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly calls: readonly ModelToolCall[];
      /** What its provider wants to see again while the loop of tools goes on; of another provider it is left out. */
      readonly reasoning?: ModelReasoning;
    }
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
  /** Default `auto`. A model that cannot be made to call ignores it. */
  readonly toolChoice?: ToolChoice;
  /** The answer ends before the first of these. A wire that has no field for it, OpenAI's Responses, ignores it. */
  readonly stop?: readonly string[];
  /**
   * Bytes of files that messages hold, by `blobId`, loaded for this request alone. A file that is not here, or that the
   * model cannot take, is told to it in a line of text.
   */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** The answer is to be JSON of this schema; a model that cannot promise it is told so in the prompt. */
  readonly responseFormat?: ResponseFormat;
  /**
   * Stands for the conversation whose next request will mostly begin with the same messages. An adapter may keep what it
   * made of them under this object, weakly; absent where nothing follows.
   */
  readonly conversation?: WeakKey;
  /** Facts of the turn that the offline model acts on; real models never see them. */
  readonly hints?: ModelHints;
}

export interface ResponseFormat {
  /** a–z, 0–9, _ and -, at most 64. */
  readonly name: string;
  readonly schema: JsonSchema;
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
      /** To be handed back with the assistant's message, as long as the loop of tools goes on. */
      readonly reasoning?: ModelReasoning;
      /** Only with reason `error`; `retryable` says whether the same request may succeed later. */
      readonly error?: TroupeError;
    };

export interface ModelAbilities {
  readonly images: boolean;
  /** PDF documents as they are. Text files are given to every model as text. */
  readonly documents: boolean;
}

/** A model that can be asked. Implementations keep no state between calls. */
export interface LanguageModel {
  /** Name of the configured provider, e.g. `local`. */
  readonly provider: string;
  readonly modelId: string;
  /** Tokens it can read and write in one call. */
  readonly contextWindow: number;
  /** What it takes beside text. Absent: text alone. */
  readonly abilities?: ModelAbilities;
  /**
   * Asks once, without retrying. Exactly one `end` event closes the stream, failures and aborts included, so what was
   * generated and billed is never lost. Deltas of one network read come merged. Stopping the iteration early aborts the
   * request. Throws only for a request that is malformed on our side (`internal`).
   */
  stream(request: ModelRequest, options: CallOptions): AsyncIterable<ModelEvent>;
}

/** Price of one million tokens, in US dollars. */
export interface TokenPrice {
  readonly inputUsdPerMillion: number;
  readonly cachedInputUsdPerMillion: number;
  /** Input that the provider puts into its cache; absent: as other input. */
  readonly cacheWriteUsdPerMillion?: number;
  readonly outputUsdPerMillion: number;
}

export interface ModelPrice extends TokenPrice {
  /** Other prices of a whole call that reads more than so many tokens, the smallest number first. */
  readonly tiers?: readonly (TokenPrice & { readonly aboveInputTokens: number })[];
}

/** A model of a logical list, with what a caller needs to reserve and settle its cost. */
export interface ModelChoice {
  readonly model: LanguageModel;
  /** `provider/model`. */
  readonly name: string;
  /** Undefined when nobody told a price; counts as zero and is shown as unknown. */
  readonly price: ModelPrice | undefined;
  /** Fingerprint of the key that pays for it, never the key; absent where none is sent. */
  readonly keyId?: string;
}

/** What a caller is told of a model call that did not begin well and is tried again, here or on the next model. */
export interface ModelRetry {
  readonly model: string;
  readonly error: TroupeError;
  readonly waitMs: number;
}

/** A call that failed before it yielded anything. What it used was billed all the same. */
export interface FailedModelCall {
  readonly choice: ModelChoice;
  readonly error: TroupeError;
  readonly usage: Usage;
  readonly estimated: boolean;
  readonly latencyMs: number;
}

/** A call that broke off in the middle of its answer. */
export interface BrokenCall {
  /** `provider/model`. */
  readonly model: string;
  readonly error: TroupeError;
}

/** The configured models. Reloading swaps the whole; a running call keeps what it has. */
export interface ModelRouter {
  /** The models behind a logical name or `provider/model`, in order of preference. Throws `model.unknown`. */
  choices(name: string): readonly ModelChoice[];
  /**
   * Like `LanguageModel.stream` over the first choice that begins to answer: retries and fails over only while nothing
   * has been yielded. `onModel` is called with the choice that answers, before its first event; the usage of `end` is
   * that of this call alone. Each call that failed before is told by `onFailedCall`, the last one too where none answers;
   * then `onModel` is not called and `end` has no usage.
   */
  stream(
    choices: readonly ModelChoice[],
    request: ModelRequest,
    options: CallOptions & {
      /** UTC milliseconds after which nobody wants the answer: no wait reaches past it. */
      readonly deadlineAt?: number;
      /** Calls for the same answer that broke off before: their models are asked last, and the newest counts as failed. */
      readonly brokenOff?: readonly BrokenCall[];
      readonly onModel: (choice: ModelChoice) => void;
      readonly onRetry: (retry: ModelRetry) => void;
      readonly onFailedCall: (call: FailedModelCall) => void;
    },
  ): AsyncIterable<ModelEvent>;
}

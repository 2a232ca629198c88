import type { TroupeError } from "./errors.ts";
import type { CallOptions } from "./runtime.ts";
import type { Usage } from "./turn.ts";

/** Vectors of some texts, in their order. */
export interface Embeddings {
  /** All of the same length. Those of two models cannot be compared. */
  readonly vectors: readonly Float32Array[];
  readonly usage: Usage;
  /** The usage is our estimate: the provider reported none. */
  readonly estimated: boolean;
}

/** A model that turns texts into vectors. Implementations keep no state between calls. */
export interface EmbeddingModel {
  /** Name of the configured provider. */
  readonly provider: string;
  readonly modelId: string;
  /** Most texts of one call. */
  readonly maxTexts: number;
  /**
   * Asks once, without retrying. `dimensions` asks for shorter vectors, where the model can give them. Rejects with
   * `model.*` errors, `model.bad_response` for vectors that are not as many, not as long as each other or as asked for,
   * with `internal` for no texts or more than `maxTexts`, and with the signal's reason after an abort. Repeating gives
   * vectors that are as good as the same, and is billed again.
   */
  embed(
    request: { readonly texts: readonly string[]; readonly dimensions?: number },
    options: CallOptions,
  ): Promise<Embeddings>;
}

/** Embedding models that need no server: part of the product, free, and the same on every machine. */
export interface EmbeddingSource {
  /** The name before the slash of its models. */
  readonly provider: string;
  /** The first is meant where nothing else is configured. */
  readonly modelIds: readonly string[];
  /** Undefined where there is no such model. Reads nothing; the first call of the model may. */
  embedding(modelId: string): EmbeddingModel | undefined;
}

/** One call for vectors, whatever came of it; a retry and a failover are calls of their own. */
export interface EmbeddingCall {
  /** `provider/model`. */
  readonly model: string;
  readonly outcome: "ok" | "error" | "aborted";
  /** Only with outcome `error`. */
  readonly error?: TroupeError;
  /** What it is billed for; our estimate (`estimated`) where the provider reported nothing, zeros where it refused. */
  readonly usage: Usage;
  readonly estimated: boolean;
  readonly latencyMs: number;
}

/** The configured embedding models. */
export interface EmbeddingRouter {
  /**
   * Vectors of any number of texts, asked for in as many calls as their model needs, from the first model of the list that
   * answers all of them. `name` is a logical name or `provider/model`; a list named `embedding` exists without being
   * configured, and holds what ships with Troupe. Each call that was made is told by
   * `onCall` when it has ended, before this settles. Rejects with `model.unknown`, with what the models refused with, or
   * with the signal's reason.
   */
  embed(
    request: { readonly name: string; readonly texts: readonly string[]; readonly dimensions?: number },
    options: CallOptions & { readonly onCall: (call: EmbeddingCall) => void },
  ): Promise<Embeddings & { /** `provider/model`, which vectors are kept with. */ readonly model: string }>;
}

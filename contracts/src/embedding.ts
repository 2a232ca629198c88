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

/** The configured embedding models. */
export interface EmbeddingRouter {
  /**
   * Vectors of any number of texts, asked for in as many calls as their model needs, from the first model of the list that
   * answers all of them. `name` is a logical name (`embedding`) or `provider/model`. Rejects with `model.unknown`, or with
   * what the models refused with.
   */
  embed(
    request: { readonly name: string; readonly texts: readonly string[]; readonly dimensions?: number },
    options: CallOptions,
  ): Promise<Embeddings & { /** `provider/model`, which vectors are kept with. */ readonly model: string }>;
}

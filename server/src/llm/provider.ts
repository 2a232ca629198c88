import type { CallOptions, EmbeddingModel, LanguageModel } from "@troupe/contracts";
import type { ModelRow } from "./openai/model-list.ts";

/** A configured provider. Making one opens nothing; its first call does. */
export interface Provider {
  /** Any id is taken where only the server knows which there are. Throws `model.unknown` otherwise. */
  model(modelId: string): LanguageModel;
  /** Undefined where this kind of provider has none. */
  embedding(modelId: string): EmbeddingModel | undefined;
  /** The models that its server lists. Rejects with `model.*` errors. */
  listModels(options: CallOptions): Promise<readonly ModelRow[]>;
  /** Ends running calls with `model.unavailable` and closes all connections. */
  close(): Promise<void>;
}

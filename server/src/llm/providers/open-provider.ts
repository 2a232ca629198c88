import {
  type Clock,
  type EmbeddingModel,
  type EmbeddingSource,
  type LanguageModel,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";
import { createOfflineModel, OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "../offline/model.ts";
import { createOpenAiCompatibleProvider } from "../openai/provider.ts";
import type { Provider } from "../provider.ts";
import { createSdkProvider } from "../sdk/provider.ts";
import { chatConfig, type ProviderConfig } from "./kinds.ts";

/** Making a provider opens nothing; its first call does. Undefined: there is none of this name. */
export function openProvider(
  name: string,
  config: ProviderConfig | undefined,
  deps: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly embedded?: EmbeddingSource | undefined;
  },
): Provider | undefined {
  if (config === undefined) return builtIn(name, deps.embedded);
  switch (config.kind) {
    case "offline":
      return offlineProvider(name);
    case "anthropic":
    case "google":
      return createSdkProvider(name, config.kind, config, deps);
    case "openai":
      return config.api === "responses"
        ? createSdkProvider(name, "openai", config, deps)
        : createOpenAiCompatibleProvider(chatConfig(name, config.kind, config), deps);
    default:
      return createOpenAiCompatibleProvider(chatConfig(name, config.kind, config), deps);
  }
}

/** What is there without being configured. */
function builtIn(name: string, embedded: EmbeddingSource | undefined): Provider | undefined {
  if (name === OFFLINE_PROVIDER) return offlineProvider(name);
  return name === embedded?.provider ? embeddedProvider(embedded) : undefined;
}

function embeddedProvider({ provider, modelIds, embedding }: EmbeddingSource): Provider {
  const known = (modelId: string): EmbeddingModel => {
    const model = embedding(modelId);
    if (model !== undefined) return model;
    const names = modelIds.map((id) => `${provider}/${id}`).join(", ");
    const message = `There is no model "${provider}/${modelId}". Known: ${names}.`;
    throw new TroupeError(message, { code: "model.unknown" });
  };
  return {
    // Lists of embedding models are lists of models, so it can be named where an answer is due, and says that it has none.
    model: (modelId) => wordless(known(modelId)),
    embedding: known,
    listModels: async () => modelIds.map((id) => ({ id, isEmbedding: true })),
    close: () => Promise.resolve(),
  };
}

function wordless({ provider, modelId }: EmbeddingModel): LanguageModel {
  return {
    provider,
    modelId,
    contextWindow: 0,
    async *stream() {
      const message = `The model "${provider}/${modelId}" makes embeddings and gives no answers.`;
      const error = new TroupeError(message, { code: "model.rejected" });
      yield { type: "end", reason: "error", usage: NO_USAGE, estimated: false, error };
    },
  };
}

function offlineProvider(name: string): Provider {
  return {
    model(modelId) {
      if (modelId !== OFFLINE_MODEL_ID) {
        const message = `The offline provider has no model "${modelId}". Did you mean "${name}/${OFFLINE_MODEL_ID}"?`;
        throw new TroupeError(message, { code: "model.unknown" });
      }
      return createOfflineModel(name);
    },
    embedding: () => undefined,
    listModels: async () => [
      { id: OFFLINE_MODEL_ID, isEmbedding: false, contextWindow: 128_000, images: false, tools: true },
    ],
    close: () => Promise.resolve(),
  };
}

import { type Clock, TroupeError } from "@troupe/contracts";
import { createOfflineModel, OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "../offline/model.ts";
import { createOpenAiCompatibleProvider } from "../openai/provider.ts";
import type { Provider } from "../provider.ts";
import { createSdkProvider } from "../sdk/provider.ts";
import { chatConfig, type ProviderConfig } from "./kinds.ts";

/** Making a provider opens nothing; its first call does. Undefined: there is none of this name. */
export function openProvider(
  name: string,
  config: ProviderConfig | undefined,
  deps: { readonly clock: Clock; readonly random: () => number },
): Provider | undefined {
  if (config === undefined) return name === OFFLINE_PROVIDER ? offlineProvider(name) : undefined;
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

import type { LanguageModelV4, LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { Clock } from "@troupe/contracts";
import { readSettings } from "../openai/config.ts";
import { connectLater } from "../openai/connections.ts";
import { createEmbeddingModel, googleEmbeddings, openAiEmbeddings } from "../openai/embeddings.ts";
import type { FailureContext } from "../openai/failures.ts";
import { fetchModels } from "../openai/model-list.ts";
import { windowOf } from "../openai/model-names.ts";
import type { Provider } from "../provider.ts";
import { BASE_URLS, type ProviderConfig } from "../providers/kinds.ts";
import { fetchOver } from "../wire/fetch-over.ts";
import { createSdkModel } from "./model.ts";
import type { SdkDialect } from "./prompt.ts";

/** Source: docs.anthropic.com/en/api/versioning. */
const ANTHROPIC_VERSION = "2023-06-01";

/**
 * A provider behind its package of the AI SDK, for the dialects that are not ours. The package is loaded with the first
 * call, and speaks over our connections, so that timeouts and failures are told as those of every other provider.
 */
export function createSdkProvider(
  name: string,
  dialect: SdkDialect,
  config: ProviderConfig,
  deps: { readonly clock: Clock },
): Provider {
  const { clock } = deps;
  const settings = readSettings({ ...config, name, baseUrl: config.baseUrl ?? BASE_URLS[dialect] ?? "" });
  const base = settings.origin + settings.basePath;
  const { dispatcher, close } = connectLater(settings, clock);
  const failureOf = (subject: string): FailureContext => ({ subject, secrets: settings.secrets, clock });
  const headers = { ...listHeaders(dialect, settings.apiKey), ...config.headers };
  const load = loaderOf(dialect, {
    baseURL: base,
    apiKey: settings.apiKey ?? "none",
    headers: { ...config.headers },
    fetch: fetchOver(dispatcher),
  });
  return {
    model: (modelId) =>
      createSdkModel({
        provider: name,
        modelId,
        dialect,
        contextWindow: config.contextWindow ?? windowOf(modelId),
        abilities: { images: config.images ?? true, documents: config.documents ?? true },
        load: () => load(modelId),
        failure: failureOf(`The model "${name}/${modelId}"`),
        clock,
        firstTokenMs: settings.firstTokenMs,
        idleMs: settings.idleMs,
        reasoningEffort: config.reasoningEffort,
        providerOptions: OPTIONS[dialect],
      }),
    embedding: (modelId) =>
      dialect === "anthropic"
        ? undefined
        : createEmbeddingModel(modelId, {
            provider: name,
            dialect: dialect === "google" ? googleEmbeddings(base) : openAiEmbeddings(base, settings.query),
            headers,
            dispatcher,
            failureOf,
            clock,
          }),
    listModels: (options) =>
      fetchModels(
        dispatcher,
        {
          url: `${base}/models${LIST_QUERY[dialect]}`,
          headers,
          failure: failureOf(`The provider "${name}"`),
          clock,
        },
        options,
      ),
    close,
  };
}

const LIST_QUERY: Readonly<Record<SdkDialect, string>> = {
  anthropic: "?limit=1000",
  google: "?pageSize=1000",
  openai: "",
};

/** What every request of a dialect asks for. OpenAI keeps nothing, so what was thought comes along, sealed. */
const OPTIONS: Readonly<Record<SdkDialect, LanguageModelV4CallOptions["providerOptions"]>> = {
  anthropic: undefined,
  google: { google: { thinkingConfig: { includeThoughts: true } } },
  openai: { openai: { store: false, reasoningSummary: "auto" } },
};

function listHeaders(dialect: SdkDialect, apiKey = "none"): Readonly<Record<string, string>> {
  const json = { "content-type": "application/json", accept: "application/json" };
  switch (dialect) {
    case "anthropic":
      return { ...json, "x-api-key": apiKey, "anthropic-version": ANTHROPIC_VERSION };
    case "google":
      return { ...json, "x-goog-api-key": apiKey };
    case "openai":
      return { ...json, authorization: `Bearer ${apiKey}` };
  }
}

interface PackageSettings {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly headers: Record<string, string>;
  readonly fetch: typeof globalThis.fetch;
}

/** Loads a package once, with the first call that needs it. */
function loaderOf(
  dialect: SdkDialect,
  settings: PackageSettings,
): (modelId: string) => Promise<LanguageModelV4> {
  let loading: Promise<(modelId: string) => LanguageModelV4> | undefined;
  return async (modelId) => {
    loading ??= loadPackage(dialect, settings);
    return (await loading)(modelId);
  };
}

async function loadPackage(
  dialect: SdkDialect,
  settings: PackageSettings,
): Promise<(modelId: string) => LanguageModelV4> {
  switch (dialect) {
    case "anthropic": {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      const provider = createAnthropic(settings);
      return (modelId) => provider.languageModel(modelId);
    }
    case "google": {
      const { createGoogle } = await import("@ai-sdk/google");
      const provider = createGoogle(settings);
      return (modelId) => provider.languageModel(modelId);
    }
    case "openai": {
      const { createOpenAI } = await import("@ai-sdk/openai");
      const provider = createOpenAI(settings);
      return (modelId) => provider.responses(modelId);
    }
  }
}

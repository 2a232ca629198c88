import type { CallOptions, Clock, EmbeddingModel, LanguageModel, ModelRequest } from "@troupe/contracts";
import { ChatCall, type ChatWire } from "./chat-call.ts";
import { type OpenAiCompatibleConfig, type OpenAiSettings, readSettings } from "./config.ts";
import { connectLater } from "./connections.ts";
import { createEmbeddingModel, openAiEmbeddings } from "./embeddings.ts";
import type { FailureContext } from "./failures.ts";
import { fetchModels, type ModelRow } from "./model-list.ts";
import { hasEyes, windowOf } from "./model-names.ts";
import { requestBody } from "./request-body.ts";

export interface OpenAiCompatibleDeps {
  readonly clock: Clock;
  /** 0 ≤ x < 1; names tool calls that a server left without an id. */
  readonly random: () => number;
}

/** A server that speaks OpenAI's chat dialect: OpenAI, OpenRouter, MiniMax, Ollama, vLLM, llama.cpp and others. */
export interface OpenAiCompatibleProvider {
  /** Any id is taken; whether the model exists is told by the server. */
  model(modelId: string): LanguageModel;
  embedding(modelId: string): EmbeddingModel;
  /** The models that the server lists. Throws `model.*` errors. */
  listModels(options: CallOptions): Promise<readonly ModelRow[]>;
  /** Ends running calls with `model.unavailable` and closes all connections. */
  close(): Promise<void>;
}

/** Connects with the first call, never before. Throws only for a `baseUrl` that is no URL. */
export function createOpenAiCompatibleProvider(
  config: OpenAiCompatibleConfig,
  deps: OpenAiCompatibleDeps,
): OpenAiCompatibleProvider {
  const settings = readSettings(config);
  const { clock } = deps;
  const { dispatcher, close } = connectLater(settings, clock);
  const base = settings.origin + settings.basePath;
  const failureOf = (subject: string): FailureContext => ({ subject, secrets: settings.secrets, clock });

  return {
    model: (modelId) =>
      createChatModel(modelId, settings, {
        dispatcher,
        path: `${settings.basePath}/chat/completions${settings.query}`,
        headers: settings.headers,
        failure: failureOf(`The model "${settings.name}/${modelId}"`),
        clock,
        firstTokenMs: settings.firstTokenMs,
        idleMs: settings.idleMs,
        random: deps.random,
        reasoningOf: settings.returnsReasoning ? `${settings.name}/${modelId}` : undefined,
      }),
    embedding: (modelId) =>
      createEmbeddingModel(modelId, {
        provider: settings.name,
        dialect: openAiEmbeddings(base, settings.query),
        headers: settings.headerRecord,
        dispatcher,
        failureOf,
        clock,
      }),
    listModels: (options) =>
      fetchModels(
        dispatcher,
        {
          url: `${base}/models${settings.query}`,
          headers: settings.headerRecord,
          failure: failureOf(`The provider "${settings.name}"`),
          clock,
        },
        options,
      ),
    close,
  };
}

function createChatModel(modelId: string, settings: OpenAiSettings, wire: ChatWire): LanguageModel {
  const abilities = { images: settings.images ?? hasEyes(modelId), documents: settings.documents };
  const { maxTokensField, extraFields } = settings;
  const asked = { modelId, name: `${settings.name}/${modelId}`, maxTokensField, extraFields, abilities };
  return {
    provider: settings.name,
    modelId,
    contextWindow: settings.contextWindow ?? windowOf(modelId),
    abilities,
    stream: (request: ModelRequest, options: CallOptions) =>
      new ChatCall(wire, requestBody(request, asked), options.signal),
  };
}

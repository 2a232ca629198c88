import type { CallOptions, Clock, LanguageModel, ModelRequest } from "@troupe/contracts";
import type { Pool } from "undici";
import { ChatCall, type ChatWire } from "./chat-call.ts";
import { type OpenAiCompatibleConfig, type OpenAiSettings, readSettings } from "./config.ts";
import { openConnections } from "./connections.ts";
import { connectTimeout, type FailureContext } from "./failures.ts";
import { fetchModelIds } from "./model-list.ts";
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
  /** The ids that the server lists. Throws `model.*` errors. */
  listModels(options: CallOptions): Promise<readonly string[]>;
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
  let pool: Pool | undefined;
  const connections = (): Pool => {
    pool ??= openConnections(settings.origin, {
      clock,
      maxConnections: settings.maxConcurrentCalls,
      connectMs: settings.connectMs,
      onConnectTimeout: () => connectTimeout(settings.connectMs),
    });
    return pool;
  };
  const failureOf = (subject: string): FailureContext => ({ subject, apiKey: settings.apiKey, clock });

  return {
    model: (modelId) =>
      createChatModel(modelId, settings, {
        dispatcher: connections,
        path: `${settings.basePath}/chat/completions${settings.query}`,
        headers: settings.headers,
        failure: failureOf(`The model "${settings.name}/${modelId}"`),
        clock,
        firstTokenMs: settings.firstTokenMs,
        idleMs: settings.idleMs,
        random: deps.random,
      }),
    listModels: (options) =>
      fetchModelIds(
        connections(),
        {
          path: `${settings.basePath}/models${settings.query}`,
          headers: settings.headers,
          failure: failureOf(`The provider "${settings.name}"`),
          clock,
        },
        options,
      ),
    async close() {
      await pool?.destroy();
    },
  };
}

function createChatModel(modelId: string, settings: OpenAiSettings, wire: ChatWire): LanguageModel {
  return {
    provider: settings.name,
    modelId,
    contextWindow: settings.contextWindow,
    stream: (request: ModelRequest, options: CallOptions) =>
      new ChatCall(wire, requestBody(request, modelId, settings.maxTokensField), options.signal),
  };
}

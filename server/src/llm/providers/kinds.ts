import type { OpenAiCompatibleConfig, OpenAiTimeouts, ReasoningEffort } from "../openai/config.ts";

/** What `troupe.yaml` says about one provider, already validated. */
export interface ProviderConfig {
  readonly kind: ProviderKind;
  /** Absent: where the kind usually lives. `openai-compatible` has no such place. */
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Of `openai`. Default `chat`. */
  readonly api?: "chat" | "responses" | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeouts?: OpenAiTimeouts | undefined;
  readonly contextWindow?: number | undefined;
  readonly images?: boolean | undefined;
  readonly documents?: boolean | undefined;
  readonly reasoningEffort?: ReasoningEffort | undefined;
  readonly maxConcurrentCalls?: number | undefined;
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens" | undefined;
  /** Further calls wait a little, then the next model is asked. */
  readonly requestsPerMinute?: number | undefined;
}

export type ProviderKind =
  | "openai-compatible"
  | "openai"
  | "anthropic"
  | "google"
  | "openrouter"
  | "minimax"
  | "deepseek"
  | "ollama"
  | "vllm"
  | "offline";

type ChatKind = Exclude<ProviderKind, "offline" | "anthropic" | "google">;
type ChatPreset = Pick<
  OpenAiCompatibleConfig,
  "extraBody" | "returnsReasoning" | "documents" | "images" | "contextWindow" | "headers"
>;

/** Where each kind lives. Sources: the API references of the providers, November 2026. */
export const BASE_URLS: Readonly<Partial<Record<ProviderKind, string>>> = {
  openai: "https://api.openai.com/v1",
  anthropic: "https://api.anthropic.com/v1",
  google: "https://generativelanguage.googleapis.com/v1beta",
  openrouter: "https://openrouter.ai/api/v1",
  minimax: "https://api.minimax.io/v1",
  deepseek: "https://api.deepseek.com/v1",
  ollama: "http://127.0.0.1:11434/v1",
  vllm: "http://127.0.0.1:8000/v1",
};

/** What the servers of OpenAI's chat dialect do otherwise than OpenAI. */
const CHAT_PRESETS: Readonly<Record<ChatKind, ChatPreset>> = {
  "openai-compatible": {},
  openai: { documents: true },
  openrouter: { documents: true, returnsReasoning: true, headers: { "x-title": "Troupe" } },
  // Without this its models put their thoughts into the text.
  minimax: { extraBody: { reasoning_split: true }, returnsReasoning: true, contextWindow: 200_000 },
  deepseek: { returnsReasoning: true },
  ollama: {},
  vllm: {},
};

/** Settings of a provider of the chat dialect; what the configuration says wins over what its kind does. */
export function chatConfig(name: string, kind: ChatKind, config: ProviderConfig): OpenAiCompatibleConfig {
  const { kind: _kind, api: _api, requestsPerMinute: _rate, baseUrl, headers, ...own } = config;
  const preset = CHAT_PRESETS[kind];
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return {
    ...preset,
    ...given,
    headers: { ...preset.headers, ...headers },
    name,
    baseUrl: baseUrl ?? BASE_URLS[kind] ?? "",
  };
}

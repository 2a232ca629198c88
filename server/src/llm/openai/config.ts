/** Where and how to reach a server that speaks OpenAI's chat dialect. */
export interface OpenAiCompatibleConfig {
  /** The provider's configured name, first half of `provider/model`. */
  readonly name: string;
  /** Up to and including `/v1`. A query (`?api-version=…`) is kept on every request. */
  readonly baseUrl: string;
  /** Sent as a bearer token; empty and `none` send nothing. */
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeouts?: OpenAiTimeouts | undefined;
  /** Tokens that its models read and write in one call. Default 128,000. */
  readonly contextWindow?: number | undefined;
  /** Most calls, and connections, at one time; further calls wait for a free one. Default 2,048. */
  readonly maxConcurrentCalls?: number | undefined;
  /** Name of the field that bounds the answer; OpenAI's newer models refuse `max_tokens`. Default by host. */
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens" | undefined;
}

/** Milliseconds. */
export interface OpenAiTimeouts {
  /** Until a connection stands, TLS included. Default 10,000. */
  readonly connectMs?: number | undefined;
  /** From the call to the first piece of the answer. Default 120,000: a local server may load the model first. */
  readonly firstTokenMs?: number | undefined;
  /** Longest silence within an answer. Default 60,000. */
  readonly idleMs?: number | undefined;
}

/** The configuration with every default in place. */
export interface OpenAiSettings {
  readonly name: string;
  readonly origin: string;
  readonly basePath: string;
  readonly query: string;
  readonly apiKey: string | undefined;
  /** Names and values alternating, as the dispatcher takes them. */
  readonly headers: string[];
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly contextWindow: number;
  readonly maxConcurrentCalls: number;
  readonly maxTokensField: string;
}

export function readSettings(config: OpenAiCompatibleConfig): OpenAiSettings {
  const url = new URL(config.baseUrl);
  const apiKey = config.apiKey?.trim();
  const hasKey = apiKey !== undefined && apiKey !== "" && apiKey !== "none";
  return {
    name: config.name,
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ""),
    query: url.search,
    apiKey: hasKey ? apiKey : undefined,
    headers: [
      ...["content-type", "application/json", "accept", "text/event-stream, application/json"],
      ...(hasKey ? ["authorization", `Bearer ${apiKey}`] : []),
      ...Object.entries(config.headers ?? {}).flat(),
    ],
    connectMs: config.timeouts?.connectMs ?? 10_000,
    firstTokenMs: config.timeouts?.firstTokenMs ?? 120_000,
    idleMs: config.timeouts?.idleMs ?? 60_000,
    contextWindow: config.contextWindow ?? 128_000,
    maxConcurrentCalls: config.maxConcurrentCalls ?? 2_048,
    maxTokensField:
      config.maxTokensField ?? (url.hostname === "api.openai.com" ? "max_completion_tokens" : "max_tokens"),
  };
}

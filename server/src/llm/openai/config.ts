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
  /** Tokens that its models read and write in one call. Default by the model's name, else 128,000. */
  readonly contextWindow?: number | undefined;
  /** How much its models think before they answer, where they can be told. */
  readonly reasoningEffort?: ReasoningEffort | undefined;
  /** Further fields of every request. */
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
  /** What a model thought is given back to it while its loop of tools goes on. Default false. */
  readonly returnsReasoning?: boolean | undefined;
  /** Its models see images. Absent: told by the model's name. */
  readonly images?: boolean | undefined;
  /** Its models read PDF documents. Default false. */
  readonly documents?: boolean | undefined;
  /** Most calls, and connections, at one time; further calls wait for a free one. Default 2,048. */
  readonly maxConcurrentCalls?: number | undefined;
  /** Name of the field that bounds the answer; OpenAI's newer models refuse `max_tokens`. Default by host. */
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens" | undefined;
}

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high";

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
  /** What no error may repeat: the key, and values of configured headers that are long enough to be one. */
  readonly secrets: readonly string[];
  /** Names and values alternating, as the dispatcher takes them. */
  readonly headers: string[];
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly contextWindow: number | undefined;
  /** The same, by name. */
  readonly headerRecord: Readonly<Record<string, string>>;
  readonly images: boolean | undefined;
  readonly documents: boolean;
  readonly returnsReasoning: boolean;
  /** Fields of every request as JSON, each with a comma before it. */
  readonly extraFields: string;
  readonly maxConcurrentCalls: number;
  readonly maxTokensField: string;
}

/** Characters. */
const LEAST_SECRET = 12;

export function readSettings(config: OpenAiCompatibleConfig): OpenAiSettings {
  const url = new URL(config.baseUrl);
  const apiKey = config.apiKey?.trim();
  const hasKey = apiKey !== undefined && apiKey !== "" && apiKey !== "none";
  const headerRecord = {
    "content-type": "application/json",
    accept: "text/event-stream, application/json",
    ...(hasKey ? { authorization: `Bearer ${apiKey}` } : {}),
    ...config.headers,
  };
  return {
    name: config.name,
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ""),
    query: url.search,
    apiKey: hasKey ? apiKey : undefined,
    secrets: [
      ...(hasKey ? [apiKey] : []),
      ...Object.values(config.headers ?? {}).filter((value) => value.length >= LEAST_SECRET),
    ],
    headers: Object.entries(headerRecord).flat(),
    connectMs: config.timeouts?.connectMs ?? 10_000,
    firstTokenMs: config.timeouts?.firstTokenMs ?? 120_000,
    idleMs: config.timeouts?.idleMs ?? 60_000,
    contextWindow: config.contextWindow,
    headerRecord,
    images: config.images,
    returnsReasoning: config.returnsReasoning ?? false,
    extraFields: fieldsText({
      ...(config.reasoningEffort === undefined ? {} : { reasoning_effort: config.reasoningEffort }),
      ...config.extraBody,
    }),
    documents: config.documents ?? false,
    maxConcurrentCalls: config.maxConcurrentCalls ?? 2_048,
    maxTokensField:
      config.maxTokensField ?? (url.hostname === "api.openai.com" ? "max_completion_tokens" : "max_tokens"),
  };
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join("");
}

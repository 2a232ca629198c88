import { type Clock, type EmbeddingModel, type Embeddings, TroupeError, type Usage } from "@troupe/contracts";
import type { Dispatcher } from "undici";
import { estimateTokens } from "../../kit/index.ts";
import { callJson } from "../wire/call-json.ts";
import { type FailureContext, modelError } from "./failures.ts";

/** OpenAI takes 2,048 texts and 300,000 tokens; servers of small models take fewer. */
const MAX_TEXTS = 128;
const TIMEOUT_MS = 60_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** What a dialect says of embeddings. */
export interface EmbeddingDialect {
  readonly maxTexts: number;
  url(modelId: string): string;
  body(modelId: string, texts: readonly string[], dimensions: number | undefined): unknown;
  /** The vectors in the order of the texts, unchecked; undefined where the answer holds none. */
  vectors(answer: unknown): readonly unknown[] | undefined;
  usage(answer: unknown): Usage | undefined;
}

export interface EmbeddingWire {
  readonly provider: string;
  readonly dialect: EmbeddingDialect;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: () => Dispatcher;
  readonly failureOf: (subject: string) => FailureContext;
  readonly clock: Clock;
}

export function createEmbeddingModel(modelId: string, wire: EmbeddingWire): EmbeddingModel {
  const { provider, dialect, headers, clock } = wire;
  const failure = wire.failureOf(`The model "${provider}/${modelId}"`);
  return {
    provider,
    modelId,
    maxTexts: dialect.maxTexts,
    async embed({ texts, dimensions }, options) {
      if (texts.length === 0 || texts.length > dialect.maxTexts) {
        throw new TroupeError(`${texts.length} texts were to be embedded at once.`, { code: "internal" });
      }
      const call = {
        url: dialect.url(modelId),
        headers,
        body: dialect.body(modelId, texts, dimensions),
        ...{ failure, clock, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
        says: {
          late: "did not answer with vectors",
          long: "answered with vectors without end",
          unreadable: "answered with vectors that cannot be read",
        },
      };
      const answer = await callJson(wire.dispatcher, call, options);
      return embeddingsOf(answer, { texts, dimensions, dialect, failure });
    },
  };
}

function embeddingsOf(
  answer: unknown,
  asked: {
    readonly texts: readonly string[];
    readonly dimensions: number | undefined;
    readonly dialect: EmbeddingDialect;
    readonly failure: FailureContext;
  },
): Embeddings {
  const { texts, dimensions, dialect, failure } = asked;
  const bad = (predicate: string) =>
    modelError(failure, "model.bad_response", predicate, { retryable: true });
  const found = dialect.vectors(answer);
  if (found === undefined) throw bad("answered with vectors that cannot be read");
  if (found.length !== texts.length) throw bad(`answered ${found.length} vectors to ${texts.length} texts`);
  const vectors = found.map(vectorOf);
  const length = dimensions ?? vectors[0]?.length ?? 0;
  const odd = vectors.find((vector) => vector === undefined || vector.length !== length || length === 0);
  if (odd !== undefined) throw bad(`answered a vector of ${odd.length} numbers where ${length} were due`);
  if (vectors.includes(undefined)) throw bad("answered with vectors that cannot be read");
  const reported = dialect.usage(answer);
  const inputTokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
  return {
    vectors: vectors.filter((vector) => vector !== undefined),
    usage: reported ?? { inputTokens, cachedInputTokens: 0, outputTokens: 0 },
    estimated: reported === undefined,
  };
}

/** Numbers as a list, or their bytes (little-endian floats) in base64. */
function vectorOf(value: unknown): Float32Array | undefined {
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "base64");
    if (bytes.length % 4 !== 0) return undefined;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
  if (!Array.isArray(value) || !value.every((one) => typeof one === "number" && Number.isFinite(one))) {
    return undefined;
  }
  return Float32Array.from(value as readonly number[]);
}

/** `POST /embeddings`. Source: platform.openai.com/docs/api-reference/embeddings. */
export function openAiEmbeddings(base: string, query: string): EmbeddingDialect {
  return {
    maxTexts: MAX_TEXTS,
    url: () => `${base}/embeddings${query}`,
    body: (model, input, dimensions) => ({
      model,
      input,
      encoding_format: "float",
      ...(dimensions === undefined ? {} : { dimensions }),
    }),
    vectors(answer) {
      const data = recordOf(answer).data;
      if (!Array.isArray(data)) return undefined;
      const rows = data.map((row, at) => ({ at: Number(recordOf(row).index ?? at), row: recordOf(row) }));
      return rows.toSorted((one, other) => one.at - other.at).map(({ row }) => row.embedding);
    },
    usage(answer) {
      const tokens = recordOf(recordOf(answer).usage).prompt_tokens;
      return typeof tokens === "number" && tokens > 0
        ? { inputTokens: tokens, cachedInputTokens: 0, outputTokens: 0 }
        : undefined;
    },
  };
}

/** `POST /models/…:batchEmbedContents`. Source: ai.google.dev/api/embeddings. */
export function googleEmbeddings(base: string): EmbeddingDialect {
  return {
    maxTexts: 100,
    url: (modelId) => `${base}/models/${encodeURIComponent(modelId)}:batchEmbedContents`,
    body: (modelId, texts, dimensions) => ({
      requests: texts.map((text) => ({
        model: `models/${modelId}`,
        content: { parts: [{ text }] },
        ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
      })),
    }),
    vectors(answer) {
      const { embeddings } = recordOf(answer);
      return Array.isArray(embeddings) ? embeddings.map((row) => recordOf(row).values) : undefined;
    },
    // It reports none.
    usage: () => undefined,
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

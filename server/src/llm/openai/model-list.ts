import type { CallOptions, Clock, ListedModel } from "@troupe/contracts";
import type { Dispatcher } from "undici";
import { callJson } from "../wire/call-json.ts";
import { type FailureContext, modelError } from "./failures.ts";

/** A list is small and made without thinking. */
const LIST_TIMEOUT_MS = 15_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** What a server says of one of its models; everything but the id may be missing. */
export type ModelRow = Omit<ListedModel, "provider" | "name">;

/** Asks for the list of models. Rejects with a `model.*` error, or the signal's reason. */
export async function fetchModels(
  dispatcher: () => Dispatcher,
  wire: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly failure: FailureContext;
    readonly clock: Clock;
  },
  options: CallOptions,
): Promise<readonly ModelRow[]> {
  const unreadable = "lists its models in a form that cannot be read";
  const answer = await callJson(
    dispatcher,
    {
      ...wire,
      timeoutMs: LIST_TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      says: { late: "did not list its models", long: "lists models without end", unreadable },
    },
    options,
  );
  const { data, models } = recordOf(answer);
  // OpenAI, its relatives and Anthropic say `data`, Google and Ollama's own API say `models`.
  const rows = Array.isArray(data) ? data : models;
  if (!Array.isArray(rows)) throw modelError(wire.failure, "model.bad_response", unreadable);
  return rows
    .filter(isOurs)
    .map(rowOf)
    .filter((row) => row.id !== "");
}

/** Google lists makers of images, videos and speech too, and says what each can be asked for. */
function isOurs(row: unknown): boolean {
  const methods = textsOf(recordOf(row).supportedGenerationMethods);
  return methods === undefined || methods.some((method) => ANSWERS.has(method) || EMBEDS.has(method));
}

/** Source: ai.google.dev/api/models, `supportedGenerationMethods`. */
const ANSWERS: ReadonlySet<string> = new Set(["generateContent", "streamGenerateContent"]);
const EMBEDS: ReadonlySet<string> = new Set(["embedContent", "batchEmbedContents"]);

/** Field names are those of OpenRouter, vLLM, Anthropic and Google; where two of them tell the same, they agree. */
function rowOf(value: unknown): ModelRow {
  const row = recordOf(value);
  const id = textOf(row.id) ?? textOf(row.name)?.replace(/^models\//, "") ?? "";
  const methods = textsOf(row.supportedGenerationMethods);
  const inputs = textsOf(recordOf(row.architecture).input_modalities);
  const parameters = textsOf(row.supported_parameters);
  const contextWindow =
    countOf(row.context_length) ??
    countOf(row.max_model_len) ??
    countOf(row.inputTokenLimit) ??
    countOf(row.max_input_tokens);
  const maxOutputTokens =
    countOf(recordOf(row.top_provider).max_completion_tokens) ??
    countOf(row.outputTokenLimit) ??
    countOf(row.max_tokens);
  const isEmbedding =
    methods === undefined ? /embed/i.test(id) : !methods.some((method) => ANSWERS.has(method));
  return {
    id,
    isEmbedding,
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(inputs === undefined ? {} : { images: inputs.includes("image") }),
    ...(parameters === undefined ? {} : { tools: parameters.includes("tools") }),
    ...(parameters === undefined ? {} : { reasoning: parameters.includes("reasoning") }),
    ...(typeof row.thinking === "boolean" ? { reasoning: row.thinking } : {}),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

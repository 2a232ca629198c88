import type {
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from "@ai-sdk/provider";
import type { ModelEvent, ModelReasoning, ModelToolCall, Usage } from "@troupe/contracts";
import { type AssistantContent, objectOf } from "./prompt.ts";

type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];
type FinishPart = Extract<LanguageModelV4StreamPart, { type: "finish" }>;

interface Piece {
  readonly type: "text" | "reasoning";
  readonly id: string;
  text: string;
  metadata: SharedV4ProviderMetadata | undefined;
}
interface CallPiece {
  readonly type: "call";
  readonly call: ModelToolCall;
  readonly metadata: SharedV4ProviderMetadata | undefined;
}

/** What one answer has brought so far, put together from its parts. */
export class SdkReply {
  /** All that was generated, for an estimate when no usage comes. */
  generated = "";
  finish: FinishPart | undefined;
  /** Anything of an answer has come. */
  hasBegun = false;
  readonly #pieces: (Piece | CallPiece)[] = [];

  /** Takes one part; the event that it is for whoever waits, if it is one. */
  take(part: LanguageModelV4StreamPart): ModelEvent | undefined {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        this.hasBegun = true;
        this.#open(part.type === "text-start" ? "text" : "reasoning", part.id, part.providerMetadata);
        return undefined;
      case "text-delta":
      case "reasoning-delta": {
        const type = part.type === "text-delta" ? "text" : "reasoning";
        this.hasBegun = true;
        const piece = this.#open(type, part.id, part.providerMetadata);
        if (part.delta === "") return undefined;
        piece.text += part.delta;
        this.generated += part.delta;
        return { type: part.type, text: part.delta };
      }
      case "text-end":
      case "reasoning-end":
        this.#open(part.type === "text-end" ? "text" : "reasoning", part.id, part.providerMetadata);
        return undefined;
      case "tool-input-delta":
        this.hasBegun = true;
        this.generated += part.delta;
        return undefined;
      case "tool-call": {
        this.hasBegun = true;
        // A tool that the provider runs by itself is none of ours.
        if (part.providerExecuted === true) return undefined;
        const text = part.input.trim() === "" ? "{}" : part.input;
        const call = { callId: part.toolCallId, name: part.toolName, arguments: text };
        this.#pieces.push({ type: "call", call, metadata: part.providerMetadata });
        return { type: "tool-call", call };
      }
      case "finish":
        this.hasBegun = true;
        this.finish = part;
        return undefined;
      default:
        return undefined;
    }
  }

  get reason(): EndReason | "interrupted" {
    const hasCalls = this.#pieces.some((piece) => piece.type === "call");
    switch (this.finish?.finishReason.unified) {
      case undefined:
      case "interrupted":
        return "interrupted";
      case "length":
        return "length";
      case "content-filter":
        return "content-filter";
      case "error":
        return "error";
      default:
        return hasCalls ? "tool-calls" : "stop";
    }
  }

  /** What the provider reported; undefined when it reported nothing. */
  get usage(): Usage | undefined {
    return this.finish === undefined ? undefined : usageOf(this.finish.usage);
  }

  /** The step as its provider wants it back; undefined where it says no more than text and calls do. */
  reasoning(model: string): ModelReasoning | undefined {
    if (!this.#pieces.some((piece) => piece.type === "call")) return undefined;
    if (this.#pieces.every((piece) => piece.type !== "reasoning" && piece.metadata === undefined))
      return undefined;
    return { model, data: JSON.stringify(this.#pieces.flatMap(contentOf)) };
  }

  #open(type: Piece["type"], id: string, metadata: SharedV4ProviderMetadata | undefined): Piece {
    let piece = this.#pieces.findLast((one): one is Piece => one.type === type && one.id === id);
    if (piece === undefined) {
      piece = { type, id, text: "", metadata: undefined };
      this.#pieces.push(piece);
    }
    if (metadata !== undefined) piece.metadata = merged(piece.metadata, metadata);
    return piece;
  }
}

function merged(
  one: SharedV4ProviderMetadata | undefined,
  other: SharedV4ProviderMetadata,
): SharedV4ProviderMetadata {
  const names = new Set([...Object.keys(one ?? {}), ...Object.keys(other)]);
  return Object.fromEntries(Array.from(names, (name) => [name, { ...one?.[name], ...other[name] }]));
}

function contentOf(piece: Piece | CallPiece): AssistantContent {
  const options = piece.metadata === undefined ? {} : { providerOptions: piece.metadata };
  if (piece.type === "call") {
    const { callId, name, arguments: text } = piece.call;
    return [{ type: "tool-call", toolCallId: callId, toolName: name, input: objectOf(text), ...options }];
  }
  // A text without a letter is refused; a thought without one may carry a signature.
  if (piece.text === "" && piece.type === "text") return [];
  return [{ type: piece.type, text: piece.text, ...options }];
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage | undefined {
  const { total: input, cacheRead = 0, cacheWrite = 0 } = inputTokens;
  const { total: output, reasoning = 0 } = outputTokens;
  if (input === undefined || output === undefined || input + output === 0) return undefined;
  return {
    inputTokens: input,
    cachedInputTokens: Math.min(cacheRead, input),
    outputTokens: output,
    ...(cacheWrite === 0 ? {} : { cacheWriteTokens: cacheWrite }),
    ...(reasoning === 0 ? {} : { reasoningTokens: reasoning }),
  };
}

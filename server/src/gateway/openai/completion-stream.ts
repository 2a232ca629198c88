import type { ToolCallPart, Usage } from "@troupe/contracts";
import { type Failure, openAiError } from "../reply.ts";
import type { TurnEnd } from "../turn-follower.ts";
import type { StreamDialect } from "./one-way-stream.ts";

const DONE = "data: [DONE]\n\n";

interface Shown {
  readonly model: string;
  readonly createdSeconds: number;
}

/** A turn as the event stream of chat completions. Source: platform.openai.com/docs/api-reference/chat-streaming. */
export function completionDialect(request: Shown & { readonly includeUsage: boolean }): StreamDialect {
  // With usage asked for, all chunks but the last carry it as null. Source: OpenAI API reference, stream_options.
  const tail = request.includeUsage ? '],"usage":null}\n\n' : "]}\n\n";
  /** Everything before a delta's text in each chunk. */
  let head = "";
  const chunk = (delta: string, finishReason: string): string =>
    `${head}{"index":0,"delta":${delta},"finish_reason":${finishReason}}${tail}`;
  const usageChunk = (usage: Usage): string =>
    request.includeUsage ? `${head}],"usage":${JSON.stringify(toOpenAiUsage(usage))}}\n\n` : "";
  /** Calls of the client's own tools, whole: nothing of them is known before the model's step ended. */
  const callsChunk = ({ calls = [] }: TurnEnd): string => {
    if (calls.length === 0) return "";
    const toolCalls = calls.map((call, index) => ({ index, ...toOpenAiCall(call) }));
    return chunk(`{"tool_calls":${JSON.stringify(toolCalls)}}`, "null");
  };
  return {
    begin(turnId) {
      head = `data: {"id":"chatcmpl-${turnId}","object":"chat.completion.chunk","created":${request.createdSeconds},"model":${JSON.stringify(request.model)},"choices":[`;
      return chunk('{"role":"assistant","content":""}', "null");
    },
    text: (delta) => chunk(`{"content":${JSON.stringify(delta)}}`, "null"),
    finish: (end) => callsChunk(end) + chunk("{}", `"${finishReasonOf(end)}"`) + usageChunk(end.usage) + DONE,
    fail: (failure: Failure) => `data: ${openAiError(failure)}\n\n`,
  };
}

/** The whole answer of a call that does not stream. */
export function completionBody(request: Shown, end: TurnEnd): Readonly<Record<string, unknown>> {
  return {
    id: `chatcmpl-${end.turnId}`,
    object: "chat.completion",
    created: request.createdSeconds,
    model: request.model,
    choices: [{ index: 0, message: messageOf(end), logprobs: null, finish_reason: finishReasonOf(end) }],
    usage: toOpenAiUsage(end.usage),
  };
}

function messageOf({ text, calls = [] }: TurnEnd): Readonly<Record<string, unknown>> {
  if (calls.length === 0) return { role: "assistant", content: text, refusal: null };
  const content = text === "" ? null : text;
  return { role: "assistant", content, refusal: null, tool_calls: calls.map(toOpenAiCall) };
}

function toOpenAiCall({ callId, name, arguments: text }: ToolCallPart): Readonly<Record<string, unknown>> {
  return { id: callId, type: "function", function: { name, arguments: text } };
}

/** In the words of the dialect. */
function finishReasonOf({ finishReason = "stop" }: TurnEnd): string {
  return finishReason.replace("-", "_");
}

function toOpenAiUsage(usage: Usage): Readonly<Record<string, unknown>> {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}

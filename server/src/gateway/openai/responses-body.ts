import type { ToolCallPart, Usage } from "@troupe/contracts";
import type { Failure } from "../reply.ts";
import type { TurnEnd } from "../turn-follower.ts";
import { RESPONSE_PREFIX } from "./responses-request.ts";

export type Json = Readonly<Record<string, unknown>>;

/** What is known of a response before its turn ended. */
export interface ShownResponse {
  readonly model: string;
  readonly createdSeconds: number;
  readonly previousTurnId: string | undefined;
  readonly store: boolean;
  readonly instructions: string | undefined;
  readonly echo: Json;
}

/** The object that a response is, at any time of it. Source: platform.openai.com/docs/api-reference/responses/object. */
export function responseObject(
  shown: ShownResponse,
  turnId: string,
  state: {
    readonly status: "in_progress" | "completed" | "incomplete" | "failed";
    readonly output: readonly Json[];
    readonly usage?: Usage;
    readonly why?: string;
    readonly failure?: Failure;
  },
): Json {
  const { status, output, usage, why, failure } = state;
  return {
    id: RESPONSE_PREFIX + turnId,
    object: "response",
    created_at: shown.createdSeconds,
    status,
    background: false,
    error: failure === undefined ? null : { code: "server_error", message: failure.message },
    incomplete_details: why === undefined ? null : { reason: why },
    instructions: shown.instructions ?? null,
    max_output_tokens: null,
    metadata: {},
    model: shown.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: shown.previousTurnId === undefined ? null : RESPONSE_PREFIX + shown.previousTurnId,
    reasoning: { effort: null, summary: null },
    store: shown.store,
    temperature: null,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: null,
    truncation: "disabled",
    ...shown.echo,
    usage: usage === undefined ? null : toUsage(usage),
    user: null,
  };
}

/** The response of a turn that ended well. */
export function endedResponse(shown: ShownResponse, end: TurnEnd): Json {
  const why = incompleteOf(end);
  return responseObject(shown, end.turnId, {
    status: why === undefined ? "completed" : "incomplete",
    output: outputOf(end),
    usage: end.usage,
    ...(why === undefined ? {} : { why }),
  });
}

export function incompleteOf({ finishReason }: TurnEnd): string | undefined {
  if (finishReason === "length") return "max_output_tokens";
  return finishReason === "content-filter" ? "content_filter" : undefined;
}

/** A message with what was said, then the calls of the client's own tools. */
export function outputOf(end: TurnEnd): readonly Json[] {
  const { turnId, text, calls = [] } = end;
  const items = calls.map((call) => callItem(call, "completed"));
  if (text === "" && calls.length > 0) return items;
  return [messageItem(turnId, text, incompleteOf(end) === undefined ? "completed" : "incomplete"), ...items];
}

export function messageItem(
  turnId: string,
  text: string | undefined,
  status: "in_progress" | "completed" | "incomplete",
): Json {
  const content = text === undefined ? [] : [textPart(text)];
  return { type: "message", id: `msg_${turnId}`, status, role: "assistant", content };
}

export function textPart(text: string): Json {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

export function callItem(call: ToolCallPart, status: "in_progress" | "completed"): Json {
  const { callId, name, arguments: text } = call;
  const said = status === "completed" ? text : "";
  return { type: "function_call", id: `fc_${callId}`, call_id: callId, name, arguments: said, status };
}

function toUsage(usage: Usage): Json {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}

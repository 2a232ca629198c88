import type {
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolChoice,
} from "@ai-sdk/provider";
import type { ModelAbilities, ModelMessage, ModelRequest, ToolChoice, ToolSpec } from "@troupe/contracts";
import { contentOf } from "../content.ts";

/** Whose rules a prompt must keep to. */
export type SdkDialect = "anthropic" | "google" | "openai";

export interface PromptTarget {
  readonly dialect: SdkDialect;
  /** `provider/model`: reasoning of another one is left out. */
  readonly name: string;
  readonly abilities: ModelAbilities;
}

type AssistantMessage = Extract<ModelMessage, { role: "assistant" }>;
export type AssistantContent = Extract<LanguageModelV4Message, { role: "assistant" }>["content"];
type ToolContent = Extract<LanguageModelV4Message, { role: "tool" }>["content"];

/** The prompt in the shape that the providers' packages take. */
export function promptOf(request: ModelRequest, target: PromptTarget): LanguageModelV4Prompt {
  const prompt: LanguageModelV4Message[] = [];
  const toolNames = new Map<string, string>();
  let isHead = true;
  for (const message of request.messages) {
    isHead &&= message.role === "system";
    if (message.role === "tool") {
      appendResult(prompt, message, toolNames.get(message.callId) ?? message.name);
      continue;
    }
    if (message.role === "assistant") for (const call of message.calls) toolNames.set(call.callId, call.name);
    prompt.push(messageOf(message, request, target, isHead));
  }
  return target.dialect === "anthropic" ? withCacheMarks(prompt, request) : prompt;
}

function messageOf(
  message: Exclude<ModelMessage, { role: "tool" }>,
  request: ModelRequest,
  target: PromptTarget,
  isHead: boolean,
): LanguageModelV4Message {
  switch (message.role) {
    case "system":
      // Only OpenAI takes a system message anywhere.
      return isHead || target.dialect === "openai"
        ? { role: "system", content: message.text }
        : { role: "user", content: [{ type: "text", text: `<context>\n${message.text}\n</context>` }] };
    case "user":
      return { role: "user", content: userContent(message, request, target.abilities) };
    case "assistant":
      return { role: "assistant", content: assistantContent(message, target) };
  }
}

function userContent(
  message: Extract<ModelMessage, { role: "user" }>,
  request: ModelRequest,
  abilities: ModelAbilities,
): Extract<LanguageModelV4Message, { role: "user" }>["content"] {
  return contentOf(message, request.files, abilities).map((piece) =>
    piece.type === "text"
      ? piece
      : {
          type: "file",
          mediaType: piece.mediaType,
          filename: piece.name,
          data: { type: "data", data: piece.bytes },
        },
  );
}

function assistantContent(message: AssistantMessage, { name }: PromptTarget): AssistantContent {
  const { reasoning, text, calls } = message;
  const own = reasoning?.model === name ? readContent(reasoning.data) : undefined;
  if (own !== undefined) return own;
  return [
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...calls.map((call) => ({
      type: "tool-call" as const,
      toolCallId: call.callId,
      toolName: call.name,
      input: objectOf(call.arguments),
    })),
  ];
}

/** What `reply.ts` made of an answer; undefined where it cannot be read, and then the reasoning is lost. */
function readContent(data: string): AssistantContent | undefined {
  try {
    const content: unknown = JSON.parse(data);
    return Array.isArray(content) ? (content as AssistantContent) : undefined;
  } catch {
    return undefined;
  }
}

/** Arguments that are no object, from a model that failed at them: its result says so, the call itself must be one. */
export function objectOf(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** Results of one step stand in one message. */
function appendResult(
  prompt: LanguageModelV4Message[],
  message: Extract<ModelMessage, { role: "tool" }>,
  toolName: string,
): void {
  const part: ToolContent[number] = {
    type: "tool-result",
    toolCallId: message.callId,
    toolName: toolName === "" ? "tool" : toolName,
    output: { type: message.isError ? "error-text" : "text", value: message.text },
  };
  const last = prompt.at(-1);
  if (last?.role === "tool") last.content.push(part);
  else prompt.push({ role: "tool", content: [part] });
}

const CACHED = { anthropic: { cacheControl: { type: "ephemeral" } } };

/**
 * Marks the end of the head, which all conversations of an agent share, and the end of the prompt, with which the next
 * request of this conversation begins. Source: docs.anthropic.com/en/docs/build-with-claude/prompt-caching.
 */
function withCacheMarks(prompt: LanguageModelV4Message[], request: ModelRequest): LanguageModelV4Prompt {
  const isHead = (message: LanguageModelV4Message): boolean => message.role === "system";
  const head = prompt.findLastIndex(isHead);
  const end = request.conversation === undefined ? head : prompt.length - 1;
  return prompt.map((message, at) =>
    at === head || at === end ? { ...message, providerOptions: CACHED } : message,
  );
}

/** Tool lists by identity: they are immutable, and few. */
const toolLists = new WeakMap<readonly ToolSpec[], LanguageModelV4FunctionTool[]>();

export function toolsOf(tools: readonly ToolSpec[]): LanguageModelV4FunctionTool[] {
  const known = toolLists.get(tools);
  if (known !== undefined) return known;
  const list = tools.map(
    ({ name, description, inputSchema }): LanguageModelV4FunctionTool => ({
      type: "function",
      name,
      description,
      inputSchema: inputSchema as LanguageModelV4FunctionTool["inputSchema"],
    }),
  );
  toolLists.set(tools, list);
  return list;
}

export function choiceOf(choice: ToolChoice): LanguageModelV4ToolChoice {
  return typeof choice === "string" ? { type: choice } : { type: "tool", toolName: choice.name };
}

type JsonFormat = Extract<LanguageModelV4CallOptions["responseFormat"], { type: "json" }>;

export function formatOf({ responseFormat }: ModelRequest): JsonFormat | undefined {
  if (responseFormat === undefined) return undefined;
  const { name, schema } = responseFormat;
  return { type: "json", name, schema: schema as NonNullable<JsonFormat["schema"]> };
}

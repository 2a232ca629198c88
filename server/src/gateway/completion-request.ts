import type { GivenMessage, MessagePart } from "@troupe/contracts";
import {
  arrayAt,
  booleanAt,
  countAt,
  type Fields,
  is,
  objectAt,
  optional,
  stringAt,
  temperatureAt,
} from "./fields.ts";
import { FieldError } from "./reply.ts";

/** What a chat completion asks for, in our words. */
export interface CompletionRequest {
  readonly agentId: string;
  readonly user: string | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly parts: readonly MessagePart[];
  readonly given: readonly GivenMessage[] | undefined;
  readonly instructions: string | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
}

type GivenCalls = NonNullable<GivenMessage["toolCalls"]>;

const LONGEST_NAME = 200;
const ROLES = new Set(["system", "developer", "user", "assistant", "tool"]);

/**
 * Reads the body of `POST /v1/chat/completions`. `isKept`: Troupe keeps the conversation, so only what follows the last
 * assistant message is new, and system messages hold for this turn alone. Throws a `FieldError`. Source:
 * platform.openai.com/docs/api-reference/chat/create.
 */
export function readCompletion(body: unknown, isKept: boolean): CompletionRequest {
  const fields = objectAt(body, "body");
  refuseUnsupported(fields);
  const agentId = stringAt(fields.model, "model", LONGEST_NAME);
  const messages = arrayAt(fields.messages, "messages");
  const stream = optional(fields.stream, "stream", booleanAt) ?? false;
  const streamOptions = optional(fields.stream_options, "stream_options", objectAt);
  return {
    agentId,
    user: optional(fields.user, "user", (value, field) => stringAt(value, field, LONGEST_NAME)),
    stream,
    includeUsage: optional(streamOptions?.include_usage, "stream_options.include_usage", booleanAt) ?? false,
    ...(isKept ? readKept(messages) : readStateless(messages)),
    maxOutputTokens:
      optional(fields.max_completion_tokens, "max_completion_tokens", countAt) ??
      optional(fields.max_tokens, "max_tokens", countAt),
    temperature: optional(fields.temperature, "temperature", temperatureAt),
  };
}

interface Conversation {
  readonly parts: readonly MessagePart[];
  readonly given: readonly GivenMessage[] | undefined;
  readonly instructions: string | undefined;
}

function readKept(messages: readonly unknown[]): Conversation {
  const roles = messages.map((message, index) => roleAt(message, `messages[${index}]`));
  const firstNew = roles.lastIndexOf("assistant") + 1;
  const texts: string[] = [];
  const instructions: string[] = [];
  for (const [index, role] of roles.entries()) {
    const field = `messages[${index}]`;
    if (role === "system" || role === "developer") instructions.push(textAt(messages[index], field));
    else if (index >= firstNew && role === "user") texts.push(textAt(messages[index], field));
    else if (index >= firstNew && role === "tool") {
      throw new FieldError(
        `${field}.role`,
        `${field} is a tool result; Troupe runs the tools of its agents itself.`,
      );
    }
  }
  if (texts.length === 0) throw nothingNew();
  return {
    parts: [{ type: "text", text: texts.join("\n\n") }],
    given: undefined,
    instructions: joined(instructions),
  };
}

function readStateless(messages: readonly unknown[]): Conversation {
  const roles = messages.map((message, index) => roleAt(message, `messages[${index}]`));
  const newest = roles.lastIndexOf("user");
  if (newest < 0 || newest < roles.lastIndexOf("assistant") || newest < roles.lastIndexOf("tool"))
    throw nothingNew();
  const instructions: string[] = [];
  for (let index = newest + 1; index < messages.length; index++) {
    instructions.push(textAt(messages[index], `messages[${index}]`));
  }
  const text = textAt(messages[newest], `messages[${newest}]`);
  const given = messages.slice(0, newest).map((message, index) => givenAt(message, `messages[${index}]`));
  return {
    parts: [{ type: "text", text }],
    given: given.length === 0 ? undefined : given,
    instructions: joined(instructions),
  };
}

function givenAt(value: unknown, field: string): GivenMessage {
  const message = objectAt(value, field);
  const role = roleAt(value, field);
  switch (role) {
    case "tool":
      return {
        role,
        text: contentAt(message.content, `${field}.content`, true),
        callId: stringAt(message.tool_call_id, `${field}.tool_call_id`, LONGEST_NAME),
      };
    case "assistant": {
      const toolCalls = optional(message.tool_calls, `${field}.tool_calls`, toolCallsAt);
      const text =
        optional(message.content, `${field}.content`, (content, at) => contentAt(content, at, true)) ?? "";
      return { role, text, ...(toolCalls === undefined ? {} : { toolCalls }) };
    }
    case "user":
      return { role, text: textAt(value, field) };
    default:
      return { role: "system", text: textAt(value, field) };
  }
}

function toolCallsAt(value: unknown, field: string): GivenCalls {
  return arrayAt(value, field).map((item, index) => {
    const call = objectAt(item, `${field}[${index}]`);
    const fn = objectAt(call.function, `${field}[${index}].function`);
    if (typeof fn.arguments !== "string") {
      throw new FieldError(
        `${field}[${index}].function.arguments`,
        `${field}[${index}].function.arguments ${is(fn.arguments)}; it must be text.`,
      );
    }
    return {
      callId: stringAt(call.id, `${field}[${index}].id`, LONGEST_NAME),
      name: stringAt(fn.name, `${field}[${index}].function.name`, LONGEST_NAME),
      arguments: fn.arguments,
    };
  });
}

function roleAt(value: unknown, field: string): string {
  const { role } = objectAt(value, field);
  if (typeof role === "string" && ROLES.has(role)) return role;
  throw new FieldError(
    `${field}.role`,
    `${field}.role ${is(role)}; it must be system, developer, user, assistant or tool.`,
  );
}

function textAt(value: unknown, field: string): string {
  return contentAt((value as Fields).content, `${field}.content`, false);
}

/** Text, or a list of text parts. */
function contentAt(content: unknown, field: string, mayBeEmpty: boolean): string {
  let text: string;
  if (typeof content === "string") text = content;
  else if (Array.isArray(content))
    text = content.map((part, index) => partAt(part, `${field}[${index}]`)).join("\n");
  else throw new FieldError(field, `${field} ${is(content)}; it must be text or a list of text parts.`);
  if (!mayBeEmpty && text.trim() === "") throw new FieldError(field, `${field} is empty.`);
  return text;
}

function partAt(value: unknown, field: string): string {
  const part = objectAt(value, field);
  const text = part.type === "refusal" ? part.refusal : part.text;
  if (part.type !== "text" && part.type !== "refusal") {
    throw new FieldError(`${field}.type`, `${field}.type ${is(part.type)}; only "text" is served.`);
  }
  if (typeof text === "string") return text;
  throw new FieldError(`${field}.text`, `${field}.text ${is(text)}; it must be text.`);
}

function joined(instructions: readonly string[]): string | undefined {
  return instructions.length === 0 ? undefined : instructions.join("\n\n");
}

function nothingNew(): FieldError {
  return new FieldError("messages", "messages holds nothing new: it must end with a message of the user.");
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Fields whose meaning would be lost without a word, and the values of them that ask for nothing. */
const UNSUPPORTED: readonly (readonly [
  field: string,
  isHarmless: (value: unknown) => boolean,
  why: string,
])[] = [
  ["n", (value) => value === 1, "Troupe answers once."],
  ["tools", isEmptyList, "Troupe's agents bring their own tools; list them in the agent's file."],
  ["functions", isEmptyList, "Troupe's agents bring their own tools; list them in the agent's file."],
  ["tool_choice", (value) => value === "auto" || value === "none", "The agent chooses among its own tools."],
  [
    "function_call",
    (value) => value === "auto" || value === "none",
    "The agent chooses among its own tools.",
  ],
  ["response_format", (value) => objectAt(value, "response_format").type === "text", "Replies are text."],
  ["stop", isEmptyList, "Replies are not cut at given words."],
  ["logprobs", (value) => value === false, "Probabilities of tokens are not kept."],
  ["top_logprobs", (value) => value === 0, "Probabilities of tokens are not kept."],
  ["logit_bias", (value) => Object.keys(objectAt(value, "logit_bias")).length === 0, "It is not passed on."],
  ["modalities", (value) => JSON.stringify(value) === '["text"]', "Replies are text."],
  ["audio", () => false, "Replies are text."],
  ["web_search_options", () => false, "The agent chooses among its own tools."],
];

function refuseUnsupported(fields: Fields): void {
  for (const [field, isHarmless, why] of UNSUPPORTED) {
    const value = fields[field];
    if (value === undefined || value === null || isHarmless(value)) continue;
    throw new FieldError(field, `${field} ${is(value)}, which is not served. ${why}`);
  }
}

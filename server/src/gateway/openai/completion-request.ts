import type { ClientOptions, GivenMessage, ToolResultPart } from "@troupe/contracts";
import {
  arrayAt,
  booleanAt,
  countAt,
  is,
  objectAt,
  optional,
  refuseUnserved,
  stringAt,
  temperatureAt,
  type Unserved,
} from "../fields.ts";
import { FieldError } from "../reply.ts";
import { type Content, contentAt, type InlineFile, textAt } from "./content.ts";
import { clientOptionsOf, responseFormatAt, stopAt, toolChoiceAt, toolsAt } from "./tools.ts";

/** An earlier message, its files not kept yet. */
export interface GivenDraft extends Omit<GivenMessage, "files"> {
  readonly files?: readonly InlineFile[];
}

/** What a request holds that is new, and what came before. */
export interface Conversation {
  readonly text: string;
  readonly files: readonly InlineFile[];
  /** What the client's own tools answered. */
  readonly results: readonly ToolResultPart[];
  /** Earlier messages; undefined where Troupe keeps the conversation, or there are none. */
  readonly given: readonly GivenDraft[] | undefined;
  /** Hold for this turn alone. */
  readonly instructions: string | undefined;
}

/** What either dialect asks for, in our words. */
export interface Asked extends Conversation {
  readonly agentId: string;
  readonly user: string | undefined;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly client: ClientOptions | undefined;
}

export interface CompletionRequest extends Asked {
  readonly includeUsage: boolean;
}

type GivenCalls = NonNullable<GivenMessage["toolCalls"]>;

export const LONGEST_NAME = 200;
const ROLES = new Set(["system", "developer", "user", "assistant", "tool"]);

export const nameAt = (value: unknown, field: string): string => stringAt(value, field, LONGEST_NAME);

/**
 * Reads the body of `POST /v1/chat/completions`. `isKept`: Troupe keeps the conversation, so only what follows the last
 * assistant message is new, and system messages hold for this turn alone. Throws a `FieldError`. Source:
 * platform.openai.com/docs/api-reference/chat/create.
 */
export function readCompletion(body: unknown, isKept: boolean): CompletionRequest {
  const fields = objectAt(body, "body");
  refuseUnserved(fields, UNSUPPORTED);
  const agentId = nameAt(fields.model, "model");
  const messages = arrayAt(fields.messages, "messages");
  const stream = optional(fields.stream, "stream", booleanAt) ?? false;
  const streamOptions = optional(fields.stream_options, "stream_options", objectAt);
  return {
    agentId,
    user: optional(fields.user, "user", nameAt),
    stream,
    includeUsage: optional(streamOptions?.include_usage, "stream_options.include_usage", booleanAt) ?? false,
    ...conversationOf(
      messages.map((message, index) => itemAt(message, `messages[${index}]`)),
      isKept,
      "messages",
    ),
    maxOutputTokens:
      optional(fields.max_completion_tokens, "max_completion_tokens", countAt) ??
      optional(fields.max_tokens, "max_tokens", countAt),
    temperature: optional(fields.temperature, "temperature", temperatureAt),
    client: clientOptionsOf({
      ...present(
        "tools",
        optional(fields.tools, "tools", (value, at) => toolsAt(value, at, false)),
      ),
      ...present("toolChoice", optional(fields.tool_choice, "tool_choice", toolChoiceAt)),
      ...present("responseFormat", optional(fields.response_format, "response_format", responseFormatAt)),
      ...present("stop", optional(fields.stop, "stop", stopAt)),
    }),
  };
}

/** A field that is left out where there is nothing to say. */
export function present<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };
}

/** One earlier or new message of either dialect. What is known already is never looked into. */
export interface Item {
  readonly role: string;
  /** Of what it says, as the client would write it. */
  readonly field: string;
  readonly content: unknown;
  readonly toolCalls?: () => GivenCalls | undefined;
  readonly callId?: () => string;
}

/** The conversation that items tell, when Troupe keeps what came before, or when it knows nothing of it. */
export function conversationOf(items: readonly Item[], isKept: boolean, list: string): Conversation {
  const roles = items.map(({ role }) => role);
  const lastAssistant = roles.lastIndexOf("assistant");
  if (isKept) {
    const news = newsOf(items.slice(lastAssistant + 1), callNames(items[lastAssistant]), list);
    return { ...news, given: undefined, instructions: joined(systemTexts(items)) };
  }
  const firstResult = roles.indexOf("tool", lastAssistant + 1);
  const newest = firstResult >= 0 ? firstResult : roles.lastIndexOf("user");
  if (newest < 0 || newest < lastAssistant) throw nothingNew(list);
  const rest = items.slice(newest);
  const given = items.slice(0, newest).map(givenOf);
  return {
    ...newsOf(rest, callNames(items[lastAssistant]), list),
    given: given.length === 0 ? undefined : given,
    instructions: joined(systemTexts(rest)),
  };
}

function systemTexts(items: readonly Item[]): readonly string[] {
  return items.filter(isSystem).map(({ content, field }) => textAt(content, field, { mayBeEmpty: false }));
}

const isSystem = ({ role }: Item): boolean => role === "system" || role === "developer";

/** What people said and tools answered. */
function newsOf(
  items: readonly Item[],
  names: ReadonlyMap<string, string>,
  list: string,
): Pick<Conversation, "text" | "files" | "results"> {
  const said: Content[] = [];
  const results: ToolResultPart[] = [];
  for (const { role, content, field, callId } of items) {
    if (role === "user") said.push(contentAt(content, field, { mayBeEmpty: false }));
    else if (role === "tool" && callId !== undefined) {
      const id = callId();
      const text = textAt(content, field, { mayBeEmpty: true });
      results.push({ type: "tool-result", callId: id, name: names.get(id) ?? "tool", text });
    }
  }
  if (said.length === 0 && results.length === 0) throw nothingNew(list);
  const texts = said.map(({ text }) => text).filter((text) => text !== "");
  return { text: texts.join("\n\n"), files: said.flatMap(({ files }) => files), results };
}

/** Names of the calls that the last assistant message made, by their ids: results tell ids alone. */
function callNames(item: Item | undefined): ReadonlyMap<string, string> {
  return new Map((item?.toolCalls?.() ?? []).map(({ callId, name }) => [callId, name]));
}

function givenOf({ role, content, field, toolCalls, callId }: Item): GivenDraft {
  switch (role) {
    case "tool":
      return { role, text: textAt(content, field, { mayBeEmpty: true }), ...present("callId", callId?.()) };
    case "assistant": {
      const said = optional(content, field, (value, at) => textAt(value, at, { mayBeEmpty: true }));
      return { role, text: said ?? "", ...present("toolCalls", toolCalls?.()) };
    }
    case "user": {
      const { text, files } = contentAt(content, field, { mayBeEmpty: false });
      return { role, text, ...(files.length === 0 ? {} : { files }) };
    }
    default:
      return { role: "system", text: textAt(content, field, { mayBeEmpty: false }) };
  }
}

function itemAt(value: unknown, field: string): Item {
  const message = objectAt(value, field);
  return {
    role: roleAt(message.role, `${field}.role`),
    field: `${field}.content`,
    content: message.content,
    toolCalls: () => optional(message.tool_calls, `${field}.tool_calls`, toolCallsAt),
    callId: () => nameAt(message.tool_call_id, `${field}.tool_call_id`),
  };
}

function toolCallsAt(value: unknown, field: string): GivenCalls {
  return arrayAt(value, field).map((item, index) => {
    const call = objectAt(item, `${field}[${index}]`);
    const fn = objectAt(call.function, `${field}[${index}].function`);
    return {
      callId: nameAt(call.id, `${field}[${index}].id`),
      name: nameAt(fn.name, `${field}[${index}].function.name`),
      arguments: argumentsAt(fn.arguments, `${field}[${index}].function.arguments`),
    };
  });
}

export function argumentsAt(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be text.`);
}

export function roleAt(role: unknown, field: string): string {
  if (typeof role === "string" && ROLES.has(role)) return role;
  throw new FieldError(field, `${field} ${is(role)}; it must be system, developer, user, assistant or tool.`);
}

export function joined(instructions: readonly string[]): string | undefined {
  return instructions.length === 0 ? undefined : instructions.join("\n\n");
}

function nothingNew(list: string): FieldError {
  return new FieldError(
    list,
    `${list} holds nothing new: it must end with a message of the user or results of tools.`,
  );
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const UNSUPPORTED: Unserved = [
  ["n", (value) => value === 1, "Troupe answers once."],
  ["functions", isEmptyList, "Name them in tools, which took its place."],
  [
    "function_call",
    (value) => value === "auto" || value === "none",
    "Use tool_choice, which took its place.",
  ],
  ["logprobs", (value) => value === false, "Probabilities of tokens are not kept."],
  ["top_logprobs", (value) => value === 0, "Probabilities of tokens are not kept."],
  ["logit_bias", (value) => Object.keys(objectAt(value, "logit_bias")).length === 0, "It is not passed on."],
  ["modalities", (value) => JSON.stringify(value) === '["text"]', "Replies are text."],
  ["audio", () => false, "Replies are text."],
  ["web_search_options", () => false, "The agent chooses among its own tools."],
];

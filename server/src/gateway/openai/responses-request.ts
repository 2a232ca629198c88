import {
  arrayAt,
  booleanAt,
  countAt,
  type Fields,
  is,
  objectAt,
  optional,
  refuseUnserved,
  temperatureAt,
  type Unserved,
} from "../fields.ts";
import { FieldError } from "../reply.ts";
import {
  type Asked,
  argumentsAt,
  conversationOf,
  type Item,
  joined,
  nameAt,
  present,
  roleAt,
} from "./completion-request.ts";
import { textAt } from "./content.ts";
import { clientOptionsOf, responseFormatAt, toolChoiceAt, toolsAt } from "./tools.ts";

export interface ResponsesRequest extends Asked {
  /** The turn whose conversation goes on. */
  readonly previousTurnId: string | undefined;
  /** Troupe keeps the conversation. */
  readonly store: boolean;
  /** Told back as they came. */
  readonly echo: Readonly<Record<string, unknown>>;
}

export const RESPONSE_PREFIX = "resp_";

/** Before the body is read as a whole: where the conversation goes on, and whether it is kept. */
export function conversationFieldsOf(body: unknown): {
  readonly previousTurnId: string | undefined;
  readonly store: boolean;
} {
  const fields = objectAt(body, "body");
  return {
    previousTurnId: optional(fields.previous_response_id, "previous_response_id", turnIdAt),
    store: optional(fields.store, "store", booleanAt) ?? true,
  };
}

/** The turn that a response's id names. */
export function turnIdAt(value: unknown, field: string): string {
  const id = nameAt(value, field);
  if (id.startsWith(RESPONSE_PREFIX)) return id.slice(RESPONSE_PREFIX.length);
  throw new FieldError(field, `${field} ${is(value)}; ids of responses begin with ${RESPONSE_PREFIX}.`);
}

/**
 * Reads the body of `POST /v1/responses`. `isKept`: Troupe keeps the conversation, so the input holds what is new. Throws
 * a `FieldError`. Source: platform.openai.com/docs/api-reference/responses/create.
 */
export function readResponses(body: unknown, isKept: boolean): ResponsesRequest {
  const fields = objectAt(body, "body");
  refuseUnserved(fields, UNSUPPORTED);
  const format = optional(fields.text, "text", objectAt)?.format;
  const instructions = optional(fields.instructions, "instructions", (value, at) =>
    textAt(value, at, { mayBeEmpty: true }),
  );
  const conversation = conversationOf(itemsOf(fields.input), isKept, "input");
  const all = [instructions, conversation.instructions].filter((one) => one !== undefined && one !== "");
  return {
    ...conversationFieldsOf(body),
    ...conversation,
    agentId: nameAt(fields.model, "model"),
    user: optional(fields.user, "user", nameAt),
    stream: optional(fields.stream, "stream", booleanAt) ?? false,
    instructions: joined(all as string[]),
    maxOutputTokens: optional(fields.max_output_tokens, "max_output_tokens", countAt),
    temperature: optional(fields.temperature, "temperature", temperatureAt),
    client: clientOptionsOf({
      ...present(
        "tools",
        optional(fields.tools, "tools", (value, at) => toolsAt(value, at, true)),
      ),
      ...present("toolChoice", optional(fields.tool_choice, "tool_choice", toolChoiceAt)),
      ...present("responseFormat", optional(format, "text.format", responseFormatAt)),
    }),
    echo: echoOf(fields),
  };
}

/** Text, or a list of messages, calls and their results; calls that follow each other are one message. */
function itemsOf(input: unknown): readonly Item[] {
  if (typeof input === "string") return [{ role: "user", field: "input", content: input }];
  const items: Item[] = [];
  for (const [index, value] of arrayAt(input, "input").entries()) {
    const field = `input[${index}]`;
    const item = objectAt(value, field);
    if (item.type === "reasoning") continue;
    if (item.type === "function_call") addCall(items, item, field);
    else if (item.type === "function_call_output") items.push(outputOf(item, field));
    else if (item.type === undefined || item.type === "message") items.push(messageOf(item, field));
    else throw new FieldError(`${field}.type`, `${field}.type ${is(item.type)}, which is not served.`);
  }
  return items;
}

function messageOf(item: Fields, field: string): Item {
  const role = roleAt(item.role, `${field}.role`);
  return { role, field: `${field}.content`, content: item.content };
}

function outputOf(item: Fields, field: string): Item {
  return {
    role: "tool",
    field: `${field}.output`,
    content: item.output,
    callId: () => nameAt(item.call_id, `${field}.call_id`),
  };
}

function addCall(items: Item[], item: Fields, field: string): void {
  const call = {
    callId: nameAt(item.call_id, `${field}.call_id`),
    name: nameAt(item.name, `${field}.name`),
    arguments: argumentsAt(item.arguments, `${field}.arguments`),
  };
  const last = items.at(-1);
  const before = last?.role === "assistant" ? (last.toolCalls?.() ?? []) : undefined;
  if (last !== undefined && before !== undefined) {
    items[items.length - 1] = { ...last, toolCalls: () => [...before, call] };
  } else items.push({ role: "assistant", field, content: null, toolCalls: () => [call] });
}

/** What a response repeats of its request. */
const ECHOED = ["metadata", "tools", "tool_choice", "text", "temperature", "max_output_tokens"] as const;

function echoOf(fields: Fields): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    ECHOED.flatMap((name) =>
      fields[name] === undefined || fields[name] === null ? [] : [[name, fields[name]]],
    ),
  );
}

const UNSUPPORTED: Unserved = [
  [
    "background",
    (value) => value === false,
    "Send the message with POST /api/agents/{id}/messages?wait=false.",
  ],
  ["conversation", () => false, "Use previous_response_id, or the header x-troupe-session."],
  ["prompt", () => false, "An agent's instructions are in its file."],
  ["top_logprobs", (value) => value === 0, "Probabilities of tokens are not kept."],
];

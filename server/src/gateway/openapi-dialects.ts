/**
 * Schemas of dialects that others define, as far as Troupe reads and writes them. Sources: platform.openai.com/docs/api-reference,
 * a2a-protocol.org/v1.0.0/specification.
 */

type Schema = Readonly<Record<string, unknown>>;

export type DialectSchemaName =
  | "OpenAiError"
  | "ChatCompletionRequest"
  | "ChatCompletion"
  | "ResponsesRequest"
  | "Response"
  | "EmbeddingsRequest"
  | "EmbeddingList"
  | "AgentCard"
  | "JsonRpcRequest"
  | "JsonRpcResponse"
  | "ModelList"
  | "Model";

const text: Schema = { type: "string" };
const maybeText: Schema = { type: ["string", "null"] };
const flag: Schema = { type: "boolean" };
const whole: Schema = { type: "integer" };
const temperature: Schema = { type: "number", minimum: 0, maximum: 2 };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

const list = (items: Schema): Schema => ({ type: "array", items });

const functionShape = object({ name: text, description: text, parameters: object({}) }, ["name"]);
const tool = object({ type: { const: "function" }, function: functionShape }, ["type", "function"]);
const flatTool: Schema = {
  allOf: [object({ type: { const: "function" } }, ["type"]), functionShape],
};
const call = object(
  { id: text, type: { const: "function" }, function: object({ name: text, arguments: text }) },
  ["id", "type", "function"],
);
const toolChoice: Schema = {
  description: "auto, none, required, or one function by its name",
  oneOf: [{ type: "string", enum: ["auto", "none", "required"] }, object({ type: { const: "function" } })],
};
const model = object({ id: text, object: text, created: whole, owned_by: text }, ["id", "object"]);

const PARTS =
  "Text, or a list of parts: text, image_url with a data URL (data:image/png;base64,…), file with file_data";

export const DIALECT_SCHEMAS: Readonly<Record<DialectSchemaName, Schema>> = {
  OpenAiError: object(
    {
      error: object({ message: text, type: text, code: text, param: maybeText, turn_id: text }, [
        "message",
        "type",
        "code",
      ]),
    },
    ["error"],
  ),
  ChatCompletionRequest: {
    ...object(
      {
        model: { ...text, description: "Id of an agent" },
        messages: list(
          object(
            {
              role: { type: "string", enum: ["system", "developer", "user", "assistant", "tool"] },
              content: { description: PARTS },
              tool_calls: list(call),
              tool_call_id: text,
            },
            ["role"],
          ),
        ),
        user: { ...text, description: "Who is talking; the key's id by default" },
        stream: flag,
        stream_options: object({ include_usage: flag }),
        tools: {
          ...list(tool),
          description: "Tools that the client runs: a call of one ends the completion",
        },
        tool_choice: toolChoice,
        response_format: object({ type: { type: "string", enum: ["text", "json_schema"] } }, ["type"]),
        stop: { oneOf: [text, { type: "array", items: text, maxItems: 4 }] },
        max_tokens: whole,
        max_completion_tokens: whole,
        temperature,
      },
      ["model", "messages"],
    ),
    description:
      "As OpenAI's. n above 1, json_object, logprobs, logit_bias, audio and web_search_options are refused by name; other fields are ignored.",
  },
  ChatCompletion: object(
    {
      id: text,
      object: { const: "chat.completion" },
      created: whole,
      model: text,
      choices: list(
        object({
          index: whole,
          message: object({ role: text, content: maybeText, tool_calls: list(call) }),
          finish_reason: { type: "string", enum: ["stop", "length", "content_filter", "tool_calls"] },
        }),
      ),
      usage: object({ prompt_tokens: whole, completion_tokens: whole, total_tokens: whole }),
    },
    ["id", "choices"],
  ),
  ResponsesRequest: {
    ...object(
      {
        model: { ...text, description: "Id of an agent" },
        input: { oneOf: [text, list(object({}))], description: "Text, or messages, calls and their outputs" },
        instructions: maybeText,
        previous_response_id: {
          ...maybeText,
          description: "Goes on with its conversation; behind an earlier response, with a branch of it",
        },
        store: { ...flag, default: true, description: "false: the call stands alone" },
        stream: flag,
        tools: list(flatTool),
        tool_choice: toolChoice,
        text: object({ format: object({ type: { type: "string", enum: ["text", "json_schema"] } }) }),
        max_output_tokens: whole,
        temperature,
        user: text,
        metadata: object({}),
      },
      ["model", "input"],
    ),
    description:
      "As OpenAI's. background, conversation, prompt and tools other than functions are refused by name; other fields are ignored.",
  },
  Response: object(
    {
      id: text,
      object: { const: "response" },
      created_at: whole,
      status: { type: "string", enum: ["in_progress", "completed", "incomplete", "failed"] },
      model: text,
      output: list(object({ type: text, id: text }, ["type"])),
      error: { type: ["object", "null"] },
      incomplete_details: { type: ["object", "null"] },
      previous_response_id: maybeText,
      usage: { type: ["object", "null"] },
    },
    ["id", "object", "status", "output"],
  ),
  EmbeddingsRequest: object(
    {
      model: { ...text, description: "A list of the configured models, such as embedding" },
      input: { oneOf: [text, { type: "array", items: text, minItems: 1, maxItems: 2048 }] },
      encoding_format: { type: "string", enum: ["float", "base64"], default: "float" },
      dimensions: whole,
      user: text,
    },
    ["model", "input"],
  ),
  EmbeddingList: object(
    {
      object: { const: "list" },
      data: list(
        object({
          object: { const: "embedding" },
          index: whole,
          embedding: { oneOf: [list({ type: "number" }), text] },
        }),
      ),
      model: text,
      usage: object({ prompt_tokens: whole, total_tokens: whole }),
    },
    ["object", "data", "model", "usage"],
  ),
  AgentCard: {
    ...object(
      { name: text, description: text, supportedInterfaces: list(object({})), skills: list(object({})) },
      ["name", "description", "supportedInterfaces"],
    ),
    description: "As A2A 1.0 has it, with the fields of 0.3 beside them",
  },
  JsonRpcRequest: object(
    {
      jsonrpc: { const: "2.0" },
      id: { type: ["string", "integer", "null"] },
      method: text,
      params: object({}),
    },
    ["jsonrpc", "method"],
  ),
  JsonRpcResponse: {
    ...object(
      {
        jsonrpc: { const: "2.0" },
        id: { type: ["string", "integer", "null"] },
        result: {},
        error: object({ code: whole, message: text }, ["code", "message"]),
      },
      ["jsonrpc"],
    ),
    description: "For streaming methods an event stream of these",
  },
  ModelList: object({ object: { const: "list" }, data: list(model) }, ["data"]),
  Model: model,
};

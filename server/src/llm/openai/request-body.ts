import {
  type ModelAbilities,
  type ModelMessage,
  type ModelReasoning,
  type ModelRequest,
  type ResponseFormat,
  type ToolChoice,
  type ToolSpec,
  TroupeError,
} from "@troupe/contracts";
import { contentOf } from "../content.ts";
import { wellFormedJson } from "../wire/well-formed.ts";
import { createKeptMessages, type KeptMessages } from "./kept-messages.ts";

/** Serialised tool lists by identity: they are immutable, and few. */
const toolTexts = new WeakMap<readonly ToolSpec[], string>();
/** Serialised messages by conversation; they go when nobody holds the conversation any more. */
const conversations = new WeakMap<WeakKey, { readonly model: string; readonly kept: KeptMessages }>();

const END = Buffer.from("]}");

/** What of a model a request's body depends on. */
export interface AskedModel {
  readonly modelId: string;
  /** `provider/model`: whose reasoning is given back. */
  readonly name: string;
  readonly maxTokensField: string;
  readonly abilities: ModelAbilities;
  /** Further fields as JSON, each with a comma before it. */
  readonly extraFields: string;
}

/**
 * The body of `POST /chat/completions`. Whatever varies least comes first; messages come last and grow at their end. A long
 * conversation is copied and not serialised anew, and the prefix of its prompts stays the same to the byte.
 */
export function requestBody(request: ModelRequest, model: AskedModel): Buffer {
  const { modelId, maxTokensField } = model;
  if (request.messages.length === 0) {
    throw new TroupeError("A model was asked without a single message.", { code: "internal" });
  }
  let head = `{"model":${JSON.stringify(modelId)},"stream":true,"stream_options":{"include_usage":true}`;
  if (request.maxOutputTokens !== undefined) head += `,"${maxTokensField}":${request.maxOutputTokens}`;
  if (request.temperature !== undefined) head += `,"temperature":${request.temperature}`;
  if (request.tools.length > 0) head += `,"tools":${toolsText(request.tools)}`;
  if (request.responseFormat !== undefined)
    head += `,"response_format":${formatText(request.responseFormat)}`;
  if (request.toolChoice !== undefined) head += `,"tool_choice":${choiceText(request.toolChoice)}`;
  if (request.stop !== undefined) head += `,"stop":${JSON.stringify(request.stop)}`;
  head += `${model.extraFields},"messages":[`;
  const { conversation, messages } = request;
  // Bytes of files are not kept: whether a file is shown changes, and they would be in memory as long as the conversation.
  if (messages.some((message) => message.role === "user" && message.files !== undefined)) {
    const texts = messages.map((message) => messageText(message, model, request));
    return Buffer.from(`${head}${texts.join(",")}]}`);
  }
  if (conversation === undefined)
    return Buffer.from(`${head}${messages.map((one) => messageText(one, model)).join(",")}]}`);
  return Buffer.concat([Buffer.from(head), keptFor(conversation, model).serialise(messages), END]);
}

function keptFor(conversation: WeakKey, model: AskedModel): KeptMessages {
  const known = conversations.get(conversation);
  if (known?.model === model.name) return known.kept;
  const kept = createKeptMessages((message) => messageText(message, model));
  conversations.set(conversation, { model: model.name, kept });
  return kept;
}

function toolsText(tools: readonly ToolSpec[]): string {
  const known = toolTexts.get(tools);
  if (known !== undefined) return known;
  const text = JSON.stringify(
    tools.map(({ name, description, inputSchema }) => ({
      type: "function",
      function: { name, description, parameters: inputSchema },
    })),
  );
  toolTexts.set(tools, text);
  return text;
}

function choiceText(choice: ToolChoice): string {
  return JSON.stringify(
    typeof choice === "string" ? choice : { type: "function", function: { name: choice.name } },
  );
}

function formatText({ name, schema }: ResponseFormat): string {
  return JSON.stringify({ type: "json_schema", json_schema: { name, schema, strict: true } });
}

function messageText(message: ModelMessage, model: AskedModel, request?: ModelRequest): string {
  return wellFormedJson(JSON.stringify(wireMessage(message, model, request)));
}

function userContent(
  message: Extract<ModelMessage, { role: "user" }>,
  request: ModelRequest,
  abilities: ModelAbilities,
): unknown {
  const pieces = contentOf(message, request.files, abilities);
  // Servers of small models know text alone, and not as a list.
  if (pieces.every((piece) => piece.type === "text")) return pieces.map(({ text }) => text).join("\n\n");
  return pieces.map((piece) => {
    if (piece.type === "text") return piece;
    const url = `data:${piece.mediaType};base64,${Buffer.from(piece.bytes).toString("base64")}`;
    return piece.type === "image"
      ? { type: "image_url", image_url: { url } }
      : { type: "file", file: { filename: piece.name, file_data: url } };
  });
}

function wireMessage(message: ModelMessage, model: AskedModel, request?: ModelRequest): unknown {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text };
    case "user":
      return {
        role: "user",
        content:
          request === undefined || message.files === undefined
            ? message.text
            : userContent(message, request, model.abilities),
      };
    case "assistant":
      return message.calls.length === 0
        ? { role: "assistant", content: message.text }
        : {
            role: "assistant",
            content: message.text === "" ? null : message.text,
            ...thoughtOf(message.reasoning, model),
            tool_calls: message.calls.map((call) => ({
              id: call.callId,
              type: "function",
              function: { name: call.name, arguments: call.arguments },
            })),
          };
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.text };
  }
}

/**
 * The fields that `chat-reply.ts` took from an answer of the same model. Whatever else stands there, as after the provider
 * was asked by another of its wires, is left out.
 */
function thoughtOf(reasoning: ModelReasoning | undefined, { name }: AskedModel): object {
  if (reasoning?.model !== name) return {};
  try {
    const fields: unknown = JSON.parse(reasoning.data);
    return typeof fields === "object" && fields !== null && !Array.isArray(fields) ? fields : {};
  } catch {
    return {};
  }
}

import { type ModelMessage, type ModelRequest, type ToolSpec, TroupeError } from "@troupe/contracts";

/**
 * Serialised pieces by identity. Messages and tool lists are immutable and live as long as their session does, so each
 * is serialised once, and the prefix of a prompt stays the same to the byte from turn to turn.
 */
const messageTexts = new WeakMap<ModelMessage, string>();
const toolTexts = new WeakMap<readonly ToolSpec[], string>();

/** The body of `POST /chat/completions`. Whatever varies least comes first; messages come last and grow at their end. */
export function requestBody(request: ModelRequest, modelId: string, maxTokensField: string): string {
  if (request.messages.length === 0) {
    throw new TroupeError("A model was asked without a single message.", { code: "internal" });
  }
  let body = `{"model":${JSON.stringify(modelId)},"stream":true,"stream_options":{"include_usage":true}`;
  if (request.maxOutputTokens !== undefined) body += `,"${maxTokensField}":${request.maxOutputTokens}`;
  if (request.temperature !== undefined) body += `,"temperature":${request.temperature}`;
  if (request.tools.length > 0) body += `,"tools":${toolsText(request.tools)}`;
  body += ',"messages":[';
  let separator = "";
  for (const message of request.messages) {
    body += separator + messageText(message);
    separator = ",";
  }
  return `${body}]}`;
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

function messageText(message: ModelMessage): string {
  const known = messageTexts.get(message);
  if (known !== undefined) return known;
  const text = JSON.stringify(wireMessage(message));
  messageTexts.set(message, text);
  return text;
}

function wireMessage(message: ModelMessage): unknown {
  switch (message.role) {
    case "system":
    case "user":
      return { role: message.role, content: message.text };
    case "assistant":
      return message.calls.length === 0
        ? { role: "assistant", content: message.text }
        : {
            role: "assistant",
            content: message.text === "" ? null : message.text,
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

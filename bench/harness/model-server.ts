// A model server without a model, in a process of its own: OpenAI's chat dialect, replies by script, and a log of when
// each request came and went, so that the model's own time can be taken off a turn. Commands come over IPC.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ModelCommand, ModelRequestRecord, ModelSettings } from "./model.ts";
import { commonPrefixBytes } from "./prefix.ts";
import { monotonicMs, sleep } from "./statistics.ts";

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

let settings: ModelSettings;
let words: readonly string[] = [];
let records: ModelRequestRecord[] = [];
let inFlight = 0;
let maxInFlight = 0;
let served = 0;
let previousBody: Buffer | undefined;
let lastToolResult = "";

function configure(next: ModelSettings): void {
  settings = next;
  words = Array.from({ length: next.tokens }, (_, index) => (index === 0 ? "w0" : ` w${index}`));
  previousBody = undefined;
}

const textOf = (content: unknown): string =>
  typeof content === "string" ? content : JSON.stringify(content);

/** The name of the tool to call: when the newest message of the user asks for one and none has answered yet. */
function wantedTool(request: ChatRequest): string | undefined {
  const newest = request.messages.findLastIndex((message) => message.role === "user");
  if (newest < 0 || !textOf(request.messages[newest]?.content).includes("use the tool")) return undefined;
  const result = request.messages.findLast((message, index) => index > newest && message.role === "tool");
  if (result !== undefined) {
    lastToolResult = textOf(result.content);
    return undefined;
  }
  const names = request.tools?.map((tool) => tool.function.name) ?? [];
  return names.includes(settings.toolName) ? settings.toolName : names[0];
}

async function reply(
  request: ChatRequest,
  response: ServerResponse,
  record: ModelRequestRecord,
): Promise<void> {
  const number = ++served;
  const toolName = wantedTool(request);
  const frame = `"id":"chatcmpl-${number}","object":"chat.completion.chunk","created":1700000000,"model":${JSON.stringify(request.model)}`;
  const event = (delta: string, finish = "null"): string =>
    `data: {${frame},"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`;
  const end = (finish: string): string =>
    `${event("{}", finish)}data: {${frame},"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":${settings.tokens},"total_tokens":${100 + settings.tokens}}}\n\ndata: [DONE]\n\n`;

  if (settings.firstTokenMs > 0) await sleep(settings.firstTokenMs);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  record.firstByteMs = monotonicMs();
  if (toolName !== undefined) {
    const call = {
      index: 0,
      id: `call_${number}`,
      type: "function",
      function: { name: toolName, arguments: settings.toolArguments.replaceAll("{n}", String(number)) },
    };
    response.write(event(JSON.stringify({ role: "assistant", content: null, tool_calls: [call] })));
    response.end(end('"tool_calls"'));
    return;
  }
  response.write(event(`{"role":"assistant","content":${JSON.stringify(words[0])}}`));
  let rest = "";
  for (const word of words.slice(1)) {
    if (settings.interTokenMs > 0) {
      await sleep(settings.interTokenMs);
      response.write(event(`{"content":"${word}"}`));
    } else rest += event(`{"content":"${word}"}`);
  }
  response.end(rest + end('"stop"'));
}

function compareWithPrevious(body: Buffer, record: ModelRequestRecord): void {
  if (!settings.comparesPrefixes || !record.isTurn) return;
  if (previousBody !== undefined) {
    record.previousBytes = previousBody.length;
    record.prefixBytes = commonPrefixBytes(previousBody, body);
  }
  previousBody = body;
}

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const arrivedMs = monotonicMs();
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  if (!incoming.url?.endsWith("/chat/completions")) {
    response.setHeader("content-type", "application/json");
    response.end('{"object":"list","data":[{"id":"bench","object":"model","created":1,"owned_by":"bench"}]}');
    return;
  }
  const request = JSON.parse(body.toString()) as ChatRequest;
  const record: ModelRequestRecord = {
    arrivedMs,
    firstByteMs: 0,
    lastByteMs: 0,
    bytes: body.length,
    messages: request.messages.length,
    isTurn: (request.tools?.length ?? 0) > 0,
    prefixBytes: 0,
    previousBytes: 0,
  };
  records.push(record);
  compareWithPrevious(body, record);
  maxInFlight = Math.max(maxInFlight, ++inFlight);
  await reply(request, response, record);
  record.lastByteMs = monotonicMs();
  inFlight--;
}

function run(command: ModelCommand): unknown {
  switch (command.kind) {
    case "configure":
      configure(command.settings);
      return undefined;
    case "reset":
      records = [];
      maxInFlight = inFlight;
      previousBody = undefined;
      lastToolResult = "";
      return undefined;
    case "log":
      return { records, maxInFlight, lastToolResult };
  }
}

const server = createServer((incoming, response) => {
  answer(incoming, response).catch((error: unknown) => {
    console.error("model server:", error);
    response.destroy();
  });
});
server.keepAliveTimeout = 120_000;
process.on("message", (message: { readonly id: number; readonly command: ModelCommand }) => {
  process.send?.({ id: message.id, value: run(message.command) });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  process.send?.({ id: 0, value: (server.address() as AddressInfo).port });
});

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ScriptedAnswer, writeAnswer } from "./scripted-model-wire.ts";

/** A message of a request as it came over the wire. */
export interface WireMessage {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly tool_call_id?: string;
}

export interface WireRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly WireMessage[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body to the byte. */
  readonly text: string;
  readonly body: WireRequest;
  /** The client went away before the answer was complete. */
  readonly isAborted: boolean;
}

/** A server that speaks OpenAI's chat dialect and says what it is told to, on a free port of 127.0.0.1. */
export interface ScriptedModelServer extends AsyncDisposable {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  /** Chat requests in order of arrival. */
  readonly requests: readonly ReceivedRequest[];
  /** How many connections were ever opened. */
  readonly connections: number;
  /** The next requests are answered by these, in order; after them by the rule. */
  enqueue(...answers: readonly ScriptedAnswer[]): void;
  /**
   * Replaces the rule. The first one: a user message that says `use tool NAME {json}` gets that call, several of them
   * parallel calls; tool results get `Results: …`; anything else `You said: …`.
   */
  setRule(rule: (request: WireRequest) => ScriptedAnswer): void;
  /** Rejects with what a rule threw: to the client that is a broken line, and a test may not notice. */
  close(): Promise<void>;
}

export async function startScriptedModelServer(
  options: { readonly models?: readonly string[] } = {},
): Promise<ScriptedModelServer> {
  const queue: ScriptedAnswer[] = [];
  const requests: ReceivedRequest[] = [];
  let rule = defaultRule;
  const faults: unknown[] = [];
  let connections = 0;

  const chat = async (
    path: string,
    text: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const body = JSON.parse(text) as WireRequest;
    requests.push({
      path,
      headers: request.headers,
      text,
      body,
      get isAborted() {
        return response.destroyed && !response.writableFinished;
      },
    });
    const answer = queue.shift() ?? rule(body);
    await writeAnswer(answer, { model: body.model, wantsStream: body.stream === true }, response);
  };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (bytes: Buffer) => pieces.push(bytes));
    request.on("end", () => {
      const path = request.url ?? "";
      if (path.split("?")[0]?.endsWith("/chat/completions") === true) {
        chat(path, Buffer.concat(pieces).toString("utf8"), request, response).catch((error: unknown) => {
          faults.push(error);
          response.destroy();
        });
      } else if (path.endsWith("/models")) {
        const data = (options.models ?? ["scripted"]).map((id) => ({ id, object: "model" }));
        response.setHeader("content-type", "application/json").end(JSON.stringify({ object: "list", data }));
      } else response.writeHead(404).end(JSON.stringify({ error: { message: `No path ${path}` } }));
    });
  });
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.close(() => (faults.length === 0 ? resolve() : reject(faults[0])));
      server.closeAllConnections();
    });

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    get connections() {
      return connections;
    },
    enqueue: (...answers) => void queue.push(...answers),
    setRule: (next) => {
      rule = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Content with files is a list of pieces. */
function textIn(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content.map((piece: { readonly text?: string }) => piece.text ?? "").join("");
}

function defaultRule({ messages, tools }: WireRequest): ScriptedAnswer {
  const userAt = messages.findLastIndex((message) => message.role === "user");
  const results = messages.slice(userAt + 1).filter((message) => message.role === "tool");
  if (results.length > 0) return { text: `Results: ${results.map((result) => result.content).join("; ")}` };
  const said = textIn(messages[userAt]?.content);
  const offered = new Set(tools?.map((tool) => tool.function.name));
  const toolCalls = Array.from(said.matchAll(/use tool (\w+)(?: (\{.*?\}))?/g), (match, at) => ({
    callId: `call_${messages.length}_${at}`,
    name: match[1] ?? "",
    arguments: match[2] ?? "{}",
  })).filter((call) => offered.has(call.name));
  return toolCalls.length > 0 ? { toolCalls } : { text: `You said: ${said}` };
}

import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";

/** How the scripted model server answers one request. Everything left out is as a well-behaved server does it. */
export interface ScriptedAnswer {
  readonly text?: string;
  /** Pieces of the text, each a chunk of its own. Default: the words of `text`. */
  readonly tokens?: readonly string[];
  readonly reasoning?: string;
  readonly toolCalls?: readonly {
    readonly callId: string;
    readonly name: string;
    readonly arguments: string;
  }[];
  /** Sends the pieces of parallel calls in turns instead of one call after the other. */
  readonly interleaved?: boolean;
  /** `null` never says why it ended. */
  readonly finish?: string | null;
  /** `null` reports none. */
  readonly usage?: Readonly<Record<string, unknown>> | null;
  /** Leaves out `[DONE]`. */
  readonly withoutDone?: boolean;
  /** Answers one JSON body although a stream was asked for. */
  readonly asJson?: boolean;
  /** An error instead of an answer; `body` is sent as it is. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent as the whole answer, byte for byte, each piece in a network write of its own. */
  readonly raw?: readonly (string | Uint8Array)[];
  /** Writes the answer in pieces of this many bytes, through the middle of characters and lines. */
  readonly splitBytes?: number;
  /** Milliseconds between two chunks. */
  readonly gapMs?: number;
  /** Nothing is sent before this resolves. */
  readonly after?: Promise<void>;
  /** Each chunk waits for this before it is sent; chunk 0 is the head without text, what ends the answer follows the last token. */
  readonly pace?: (chunk: number) => Promise<void>;
  /** Falls silent there and never goes on. */
  readonly hang?: "headers" | "first-token" | "middle" | "finish";
  /** Ends there: the body as if it were complete, or the connection. */
  readonly cut?: "body" | "connection";
}

const CHUNK = { id: "chatcmpl-scripted", object: "chat.completion.chunk", created: 1_760_000_000 };
const USAGE = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 };

/** Writes `answer` to one response. */
export async function writeAnswer(
  answer: ScriptedAnswer,
  request: { readonly model: string; readonly wantsStream: boolean },
  response: ServerResponse,
): Promise<void> {
  await answer.after;
  if (answer.hang === "headers") return;
  if (answer.status !== undefined) {
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(answer.body ?? "");
    return;
  }
  if (answer.raw === undefined && (answer.asJson === true || !request.wantsStream)) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(wholeAnswer(answer, request.model)));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", ...answer.headers });
  response.flushHeaders();
  await writePieces(answer, answer.raw ?? streamOf(answer, request.model), response);
}

async function writePieces(
  answer: ScriptedAnswer,
  pieces: readonly (string | Uint8Array)[],
  response: ServerResponse,
): Promise<void> {
  if (answer.hang === "first-token") return;
  const stopAt =
    answer.hang === "middle" || answer.cut !== undefined ? Math.ceil(pieces.length / 2) : pieces.length;
  const written = pieces.slice(0, stopAt);
  if (answer.splitBytes !== undefined) {
    await writeSplit(written, answer.splitBytes, response);
  } else if (answer.pace !== undefined) {
    for (const [chunk, piece] of written.entries()) {
      await answer.pace(chunk);
      response.write(piece);
    }
  } else if (answer.raw !== undefined || answer.gapMs !== undefined) {
    for (const piece of written) {
      response.write(piece);
      await wait(answer.gapMs ?? 2);
    }
  } else response.write(written.join(""));
  if (answer.cut === "connection") {
    // Let what was written arrive first: a reset may overtake it.
    await wait(5);
    response.destroy();
  } else if (answer.hang === undefined) response.end();
}

async function writeSplit(
  pieces: readonly (string | Uint8Array)[],
  bytes: number,
  response: ServerResponse,
): Promise<void> {
  const all = Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
  for (let at = 0; at < all.length; at += bytes) {
    response.write(all.subarray(at, at + bytes));
    // A turn of the event loop between writes keeps the pieces apart on the wire.
    await nextTurn();
  }
}

/** The events of a streamed answer, each with its empty line. */
function streamOf(answer: ScriptedAnswer, model: string): readonly string[] {
  const event = (choice: unknown): string =>
    `data: ${JSON.stringify({ ...CHUNK, model, choices: [choice] })}\n\n`;
  const delta = (fields: unknown): string => event({ index: 0, delta: fields, finish_reason: null });
  const tokens = answer.tokens ?? answer.text?.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
  const events = [
    delta({ role: "assistant", content: "" }),
    ...(answer.reasoning === undefined ? [] : [delta({ reasoning_content: answer.reasoning })]),
    ...tokens.map((content) => delta({ content })),
    ...callPieces(answer).map((piece) => delta({ tool_calls: [piece] })),
  ];
  if (answer.finish !== null) events.push(event({ index: 0, delta: {}, finish_reason: finishOf(answer) }));
  if (answer.hang === "finish") return events;
  if (answer.usage !== null) {
    events.push(
      `data: ${JSON.stringify({ ...CHUNK, model, choices: [], usage: answer.usage ?? USAGE })}\n\n`,
    );
  }
  if (answer.withoutDone !== true) events.push("data: [DONE]\n\n");
  return events;
}

function finishOf(answer: ScriptedAnswer): string {
  return answer.finish ?? ((answer.toolCalls?.length ?? 0) > 0 ? "tool_calls" : "stop");
}

/** Each call in three pieces: its head, and the halves of its arguments. */
function callPieces(answer: ScriptedAnswer): readonly unknown[] {
  const rows = (answer.toolCalls ?? []).map((call, index) => {
    const half = Math.ceil(call.arguments.length / 2);
    return [
      { index, id: call.callId, type: "function", function: { name: call.name, arguments: "" } },
      { index, function: { arguments: call.arguments.slice(0, half) } },
      { index, function: { arguments: call.arguments.slice(half) } },
    ];
  });
  if (answer.interleaved !== true) return rows.flat();
  return [0, 1, 2].flatMap((column) => rows.flatMap((row) => row[column] ?? []));
}

function wholeAnswer(answer: ScriptedAnswer, model: string): unknown {
  const calls = answer.toolCalls?.map((call) => ({
    id: call.callId,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
  const message = {
    role: "assistant",
    content: answer.text ?? answer.tokens?.join("") ?? null,
    ...(calls === undefined ? {} : { tool_calls: calls }),
  };
  return {
    ...CHUNK,
    object: "chat.completion",
    model,
    choices: [{ index: 0, message, finish_reason: finishOf(answer) }],
    ...(answer.usage === null ? {} : { usage: answer.usage ?? USAGE }),
  };
}

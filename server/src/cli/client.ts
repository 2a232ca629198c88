import { type IncomingMessage, request } from "node:http";
import { type ErrorCode, TroupeError } from "@troupe/contracts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The admin routes of a home, over its socket: the running Troupe's, or this process's own. */
export interface AdminClient extends AsyncDisposable {
  /** Another process answers; else this one does, and holds the home until disposed. */
  readonly isRunning: boolean;
  call<Result>(method: Method, path: string, body?: unknown): Promise<Result>;
  /** The answer's text as it comes, unparsed. Rejects as `call` does. */
  download(path: string): AsyncGenerator<string>;
  /**
   * Posts and hands over each event of the answer's stream as its JSON value. Resolves at the end of the stream; rejects
   * with `not_ready` when nobody answers or the line breaks, and with the signal's reason when it aborts.
   */
  stream(
    path: string,
    body: unknown,
    onEvent: (event: unknown, name: string) => void,
    options?: { readonly signal?: AbortSignal; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<void>;
}

/** How long a call waits for a Troupe that is starting. */
const READY_WITHIN_MS = 15_000;
const NOT_READY_PAUSE_MS = 150;
/** A process that is alive answers in milliseconds, on a busy machine in some hundred. */
const ANSWER_WITHIN_MS = 10_000;
/** Some calls work for long, such as asking every model. One of a process that died meanwhile breaks at once. */
const SILENT_FOR_MS = 600_000;

export function createClient(
  socketPath: string,
  isRunning: boolean,
  close: () => Promise<void>,
): AdminClient {
  return {
    isRunning,
    async call<Result>(method: Method, path: string, body?: unknown) {
      const giveUpAt = Date.now() + READY_WITHIN_MS;
      for (;;) {
        const response = await open(socketPath, method, path, body, { silentForMs: SILENT_FOR_MS });
        const text = await readAll(response);
        if (isGood(response)) return (text === "" ? undefined : JSON.parse(text)) as Result;
        const error = errorOf(response, text);
        if (error.code !== "not_ready" || Date.now() > giveUpAt) throw error;
        await new Promise((resolve) => setTimeout(resolve, NOT_READY_PAUSE_MS));
      }
    },
    async *download(path) {
      const response = await open(socketPath, "GET", path, undefined, { silentForMs: SILENT_FOR_MS });
      if (!isGood(response)) throw errorOf(response, await readAll(response));
      yield* piecesOf(response);
    },
    async stream(path, body, onEvent, options = {}) {
      const headers = { accept: "text/event-stream", ...options.headers };
      const response = await open(socketPath, "POST", path, body, { ...options, headers });
      if (!isGood(response)) throw errorOf(response, await readAll(response));
      await readEvents(response, onEvent, options.signal);
    },
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Whether a Troupe answers on the socket. Rejects with `not_ready` where one takes the call and says nothing: a process that
 * was stopped or hangs still has its socket, and its home.
 */
export function isAnswering(socketPath: string, withinMs: number = ANSWER_WITHIN_MS): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost" };
    const call = request({ socketPath, path: "/health", agent: false, headers }, (response) => {
      response.resume();
      resolve(true);
    });
    call.setTimeout(withinMs, () => {
      const waited = `within ${withinMs / 1000} s`;
      const message = `A Troupe has this home and does not answer (nothing ${waited}). It is stopped or hangs; ./troupe doctor names its process. Ending it loses nothing.`;
      reject(new TroupeError(message, { code: "not_ready" }));
      call.destroy();
    });
    call.once("error", () => resolve(false));
    call.end();
  });
}

function open(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  options: {
    readonly signal?: AbortSignal;
    readonly headers?: Readonly<Record<string, string>>;
    /** Longest silence; a stream of events may be silent as long as its turn takes. */
    readonly silentForMs?: number;
  },
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        // A connection kept from an earlier call may be closed just when the next one is written.
        agent: false,
        method,
        path,
        headers: {
          host: "localhost",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...options.headers,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.silentForMs === undefined ? {} : { timeout: options.silentForMs }),
      },
      resolve,
    );
    call.once("timeout", () => call.destroy(new Error("Nothing came for too long.")));
    call.once("error", (error) => reject(lineError(error, options.signal)));
    call.end(text);
  });
}

/** What a broken or refused line is told as; an abort is told by its own reason. */
function lineError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof Error && "code" in error && error.code === "EACCES") {
    const message = "Troupe runs as another user; only that user may talk to it here.";
    return new TroupeError(message, { code: "auth.forbidden", cause: error });
  }
  const message = "Troupe stopped answering. ./troupe status tells whether it runs.";
  return new TroupeError(message, { code: "not_ready", cause: error });
}

function isGood(response: IncomingMessage): boolean {
  const { statusCode = 500 } = response;
  return statusCode >= 200 && statusCode < 300;
}

function errorOf(response: IncomingMessage, text: string): TroupeError {
  try {
    const problem = JSON.parse(text) as { code?: ErrorCode; detail?: string; turnId?: string };
    if (problem.code !== undefined && problem.detail !== undefined) {
      return new TroupeError(problem.detail, { code: problem.code });
    }
  } catch {
    // Not ours: told below by its status.
  }
  return new TroupeError(`Troupe answered ${response.statusCode} without saying why.`, { code: "internal" });
}

/** The body as text, piece by piece. Its errors are the line's; those of whoever reads it stay their own. */
async function* piecesOf(response: IncomingMessage, signal?: AbortSignal): AsyncGenerator<string> {
  response.setEncoding("utf8");
  try {
    for await (const piece of response) yield piece;
  } catch (error) {
    throw lineError(error, signal);
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of piecesOf(response)) text += piece;
  return text;
}

/** Reads server-sent events. Source: html.spec.whatwg.org/multipage/server-sent-events.html. */
async function readEvents(
  response: IncomingMessage,
  onEvent: (event: unknown, name: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let rest = "";
  for await (const piece of piecesOf(response, signal)) {
    const blocks = (rest + piece).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      let name = "message";
      const data: string[] = [];
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      const text = data.join("\n");
      if (text !== "" && text !== "[DONE]") onEvent(JSON.parse(text), name);
    }
  }
}

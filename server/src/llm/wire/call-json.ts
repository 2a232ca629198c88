import { type CallOptions, type Clock, TroupeError } from "@troupe/contracts";
import type { Dispatcher } from "undici";
import { linkSignal } from "../../kit/index.ts";
import {
  type FailureContext,
  inSeconds,
  modelError,
  statusError,
  transportError,
} from "../openai/failures.ts";
import { fetchOver } from "./fetch-over.ts";

/** One exchange of JSON that is not a stream: a list of models, embeddings. */
export interface JsonCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted; absent: a GET. */
  readonly body?: unknown;
  readonly failure: FailureContext;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** How sentences about it end. */
  readonly says: {
    /** `did not list its models`, followed by how long. */
    readonly late: string;
    readonly long: string;
    readonly unreadable: string;
  };
}

/** Rejects with a `model.*` error, or the signal's reason. */
export async function callJson(
  dispatcher: () => Dispatcher,
  call: JsonCall,
  { signal }: CallOptions,
): Promise<unknown> {
  signal.throwIfAborted();
  const { failure, clock, timeoutMs, says } = call;
  const late = () =>
    modelError(failure, "model.timeout", `${says.late} within ${inSeconds(timeoutMs)}`, { retryable: true });
  using scope = linkSignal(signal, { clock, afterMs: timeoutMs, reason: late });
  let hasAnswered = false;
  try {
    const response = await fetchOver(dispatcher)(call.url, {
      method: call.body === undefined ? "GET" : "POST",
      headers: call.headers,
      signal: scope.signal,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    hasAnswered = true;
    const text = await textWithin(response, call);
    if (response.status !== 200)
      throw statusError(failure, response.status, Object.fromEntries(response.headers), text);
    return parsed(text, call);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (TroupeError.is(error)) throw error;
    throw transportError(failure, error instanceof Error ? error : new Error(String(error)), hasAnswered);
  }
}

async function textWithin(response: Response, { maxBytes, failure, says }: JsonCall): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > maxBytes) throw modelError(failure, "model.bad_response", says.long);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function parsed(text: string, { failure, says }: JsonCall): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw modelError(failure, "model.bad_response", says.unreadable, { cause });
  }
}

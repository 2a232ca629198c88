import { APICallError } from "@ai-sdk/provider";
import { TroupeError } from "@troupe/contracts";
import {
  type FailureContext,
  modelError,
  statusError,
  streamedError,
  transportError,
} from "../openai/failures.ts";
import type { WireError } from "../openai/wire.ts";
import { BodyTooLong } from "../wire/fetch-over.ts";

/** What a provider's package threw, or put into its stream, as an error of ours. */
export function sdkError(failure: FailureContext, error: unknown, hasAnswered: boolean): TroupeError {
  if (TroupeError.is(error)) return error;
  if (APICallError.isInstance(error) && error.statusCode !== undefined && error.statusCode !== 200) {
    return statusError(failure, error.statusCode, error.responseHeaders ?? {}, error.responseBody ?? "");
  }
  const connection = connectionError(error);
  if (connection instanceof BodyTooLong) {
    return modelError(failure, "model.bad_response", "sent more than any answer holds", { retryable: true });
  }
  if (connection !== undefined) {
    return TroupeError.is(connection) ? connection : transportError(failure, connection, hasAnswered);
  }
  const streamed = wireErrorOf(error);
  if (streamed !== undefined) return streamedError(failure, streamed);
  return modelError(failure, "model.bad_response", "sent something that cannot be read", {
    retryable: true,
    cause: error,
  });
}

/** The innermost error that a connection made: it has a code. */
function connectionError(error: unknown): Error | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth++) {
    if (TroupeError.is(one) || one instanceof BodyTooLong) return one;
    if (
      "code" in one &&
      typeof one.code === "string" &&
      /^(?:E[A-Z]+|UND_ERR|TROUPE_|HPE_|ERR_)|CERT|UNABLE_TO_/.test(one.code)
    )
      return one;
  }
  return undefined;
}

/** An error told inside an answer: an object with a message, or the status of one. */
function wireErrorOf(error: unknown): WireError | undefined {
  if (typeof error === "string") return { message: error };
  if (typeof error !== "object" || error === null || error instanceof Error) return undefined;
  const inner =
    "error" in error && typeof error.error === "object" && error.error !== null ? error.error : error;
  const { message, type, code, statusCode } = inner as WireError & { readonly statusCode?: unknown };
  if (message === undefined && type === undefined && code === undefined) return undefined;
  return { message, type, code: statusCode ?? code };
}

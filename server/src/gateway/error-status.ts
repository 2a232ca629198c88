import type { ErrorCode } from "@troupe/contracts";

/** What a failure means to somebody who speaks HTTP. Total, so that a new code does not compile without a row. */
export const ERROR_STATUS: Readonly<Record<ErrorCode, number>> = {
  "config.invalid": 500,
  "config.missing": 500,
  "home.locked": 503,
  "port.taken": 500,
  not_ready: 503,
  "auth.required": 401,
  "auth.invalid": 401,
  "auth.forbidden": 403,
  "link.unknown": 403,
  "link.used": 403,
  "link.late": 403,
  "request.invalid": 400,
  "request.too_large": 413,
  "request.timeout": 408,
  "request.not_found": 404,
  "request.conflict": 409,
  "rate.limited": 429,
  "admission.full": 429,
  "budget.exceeded": 429,
  "store.conflict": 409,
  "store.duplicate": 409,
  "store.busy": 503,
  "store.full": 507,
  "store.readonly": 503,
  "store.corrupt": 500,
  "store.version": 500,
  "store.closed": 503,
  "store.failed": 500,
  "secret.locked": 503,
  "secret.damaged": 500,
  "backup.invalid": 400,
  "turn.cancelled": 409,
  "turn.deadline": 504,
  "turn.attempts_exhausted": 500,
  "turn.failed": 500,
  "model.unknown": 500,
  "model.auth": 502,
  "model.billing": 502,
  "model.rate_limited": 503,
  "model.not_found": 502,
  "model.context_exceeded": 400,
  "model.rejected": 502,
  "model.timeout": 504,
  "model.unavailable": 503,
  "model.bad_response": 502,
  "tool.unknown": 400,
  "tool.invalid_input": 400,
  "tool.failed": 502,
  "tool.timeout": 504,
  "channel.rate_limited": 503,
  "channel.rejected": 502,
  "channel.unavailable": 503,
  "bus.no_responder": 503,
  "bus.closed": 503,
  internal: 500,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "The request cannot be read",
  401: "A key is needed",
  403: "Not allowed",
  404: "Not found",
  408: "The request came too slowly",
  409: "In conflict with what is there",
  413: "The request is too large",
  426: "A WebSocket is needed",
  429: "Too many requests",
  431: "The headers are too large",
  500: "Something went wrong inside",
  502: "Something behind Troupe failed",
  503: "Not available just now",
  504: "It took too long",
  507: "There is no room left",
};

/** A few words for people, by status. */
export function titleOf(status: number): string {
  return TITLES[status] ?? "Failed";
}

/** The error types that clients of the OpenAI dialect tell apart. Source: platform.openai.com/docs/guides/error-codes. */
export function openAiType(code: ErrorCode): string {
  if (code === "budget.exceeded") return "insufficient_quota";
  const status = ERROR_STATUS[code];
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

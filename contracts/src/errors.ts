/**
 * Every failure that Troupe knows by name. Closed, so that the tables code → HTTP, code → exit code and code → docs fail
 * to compile when a code is added and a row is not.
 */
export type ErrorCode =
  // configuration and start
  | "config.invalid"
  | "config.missing"
  | "home.locked"
  | "port.taken"
  | "not_ready"
  // who may and what was asked
  | "auth.required"
  | "auth.invalid"
  | "auth.forbidden"
  | "link.unknown"
  | "link.used"
  | "link.late"
  | "request.invalid"
  | "request.too_large"
  | "request.timeout"
  | "request.not_found"
  | "request.conflict"
  // gates
  | "rate.limited"
  | "admission.full"
  | "budget.exceeded"
  // store
  | "store.conflict"
  | "store.duplicate"
  | "store.busy"
  | "store.full"
  | "store.readonly"
  | "store.corrupt"
  | "store.version"
  | "store.closed"
  | "store.failed"
  // secrets and backups
  | "secret.locked"
  | "secret.damaged"
  | "backup.invalid"
  // turns
  | "turn.cancelled"
  | "turn.deadline"
  | "turn.attempts_exhausted"
  | "turn.failed"
  // models
  | "model.unknown"
  | "model.auth"
  | "model.billing"
  | "model.rate_limited"
  | "model.not_found"
  | "model.context_exceeded"
  | "model.rejected"
  | "model.timeout"
  | "model.unavailable"
  | "model.bad_response"
  // tools
  | "tool.unknown"
  | "tool.invalid_input"
  | "tool.failed"
  | "tool.timeout"
  // channels and bus
  | "channel.rate_limited"
  | "channel.rejected"
  | "channel.unavailable"
  | "bus.no_responder"
  | "bus.closed"
  // a defect of ours
  | "internal";

export interface TroupeErrorOptions {
  readonly code: ErrorCode;
  readonly cause?: unknown;
  /** The same call may succeed later without anybody changing anything. Default false. */
  readonly retryable?: boolean;
  /** Earliest sensible retry, milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** The one error class. Its message is for people: what, where, what to do. Programs look at `code`. */
export class TroupeError extends Error {
  override readonly name = "TroupeError";
  /** `instanceof` breaks with two installed copies of this package; this mark does not. */
  readonly isTroupeError = true;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: TroupeErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }

  static is(value: unknown, code?: ErrorCode): value is TroupeError {
    return (
      typeof value === "object" &&
      value !== null &&
      "isTroupeError" in value &&
      (code === undefined || (value as TroupeError).code === code)
    );
  }
}

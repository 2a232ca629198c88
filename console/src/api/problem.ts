/** What a call was refused with, or that nobody answered. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  /** A code of Troupe's errors, or `offline` when no answer came. */
  readonly code: string;
  readonly status: number;
  readonly turnId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    facts: {
      readonly code: string;
      readonly status: number;
      readonly turnId?: string | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status;
    this.turnId = facts.turnId;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Worth asking again as it is: nobody was there, or not ready yet. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiProblem && (error.code === "offline" || error.code === "not_ready");
}

/** Nobody answered. */
export function awayProblem(cause?: unknown): ApiProblem {
  return new ApiProblem("Troupe does not answer.", { code: "offline", status: 0, cause });
}

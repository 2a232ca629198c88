import { type ErrorCode, TroupeError } from "@troupe/contracts";

/** A failure in a form that crosses threads. */
export interface StoreFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The whole group is lost, not just the transaction that met it. */
  readonly isFatal: boolean;
}

export function troupeErrorOf(
  failure: { readonly code: TroupeError["code"]; readonly message: string },
  cause?: unknown,
): TroupeError {
  const isPassing = failure.code === "store.busy" || failure.code === "store.full";
  return new TroupeError(failure.message, {
    code: failure.code,
    cause,
    retryable: isPassing,
    ...(isPassing ? { retryAfterMs: failure.code === "store.full" ? 5000 : 250 } : {}),
  });
}

/** What a statement that changed nothing, and should have, means. */
export function guardFailureOf({
  guard,
  name,
}: {
  readonly guard: ErrorCode | undefined;
  readonly name: string;
}): StoreFailure {
  return {
    code: guard as ErrorCode,
    message: GUARD_MESSAGES[guard as string] ?? `Refused by ${name}.`,
    isFatal: false,
  };
}

const GUARD_MESSAGES: Readonly<Record<string, string>> = {
  "store.conflict": "Somebody else changed this meanwhile; nothing of this was kept.",
  "store.duplicate": "This message is known already; nothing of it was kept again.",
  "budget.exceeded":
    "Today's budget is used up. Raise it in the configuration, or wait until tomorrow (UTC).",
};

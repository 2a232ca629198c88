import { type Clock, type Effect, type EffectRetry, TroupeError } from "@troupe/contracts";

/** After a refusal that only a person can mend nobody is asked again for so long. */
const PAUSE_MS = 15 * 60_000;
/** An answer that breaks off so often is not asked for again. */
const MOST_BAD_ANSWERS = 10;
/** Of effects that ask a model. Some weeks: nothing is lost because an account was empty. */
export const ASK_RETRY: EffectRetry = { maxAttempts: 500, baseMs: 30_000, capMs: 60 * 60_000 };

/** Asks, unless a provider refused a moment ago. Rejects with what the question rejects with, or `model.auth` (retryable). */
export type AskGate = <Value>(ask: () => Promise<Value>) => Promise<Value>;

/** A provider that refuses the key or has no money left is not asked again for a while, whatever waits. */
export function createAskGate(clock: Clock): AskGate {
  let pausedUntil = 0;
  return async (ask) => {
    if (clock.now() < pausedUntil) throw stopped(pausedUntil - clock.now());
    try {
      return await ask();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      pausedUntil = clock.now() + PAUSE_MS;
      throw stopped(PAUSE_MS, error);
    }
  };
}

function isRefusal(error: unknown): boolean {
  return TroupeError.is(error, "model.auth") || TroupeError.is(error, "model.billing");
}

function stopped(waitMs: number, cause?: unknown): TroupeError {
  return new TroupeError(
    "No model may be asked what is worth remembering: the provider refuses the key, or the account is empty. Mend it; nothing is lost until then.",
    { code: "model.auth", retryable: true, retryAfterMs: waitMs, cause },
  );
}

/** Asked again, it would be paid again and come to the same. */
export function isHopeless(error: unknown, { attempt }: Pick<Effect, "attempt">): boolean {
  if (TroupeError.is(error, "model.rejected") || TroupeError.is(error, "model.context_exceeded")) return true;
  return TroupeError.is(error, "model.bad_response") && attempt >= MOST_BAD_ANSWERS;
}

import {
  type Clock,
  type Effect,
  type EffectOutcome,
  type EffectRetry,
  TroupeError,
} from "@troupe/contracts";
import { delayOfAttempt, isStoreAway, redactText } from "../kit/index.ts";

export const DEFAULT_RETRY: EffectRetry = { maxAttempts: 10, baseMs: 2_000, capMs: 30 * 60_000 };

const MAX_REASON_CHARACTERS = 500;
/** Of an effect's life; what the store refuses for longer than that is more likely the effect's own fault. */
const UNCOUNTED_FOR_MS = 24 * 3_600_000;

export function afterFailure(
  effect: Effect,
  error: unknown,
  retry: EffectRetry,
  {
    clock,
    random,
    isStopping,
  }: {
    readonly clock: Clock;
    readonly random: () => number;
    /** Troupe stops, which broke it off: it made no attempt of its own, and is taken up as soon as somebody is there. */
    readonly isStopping: boolean;
  },
): EffectOutcome {
  const text = error instanceof Error ? error.message : String(error);
  const reason = redactText(text).slice(0, MAX_REASON_CHARACTERS);
  if (isFinal(error)) return { kind: "dead", error: reason };
  if (isStopping) return { kind: "retry", dueAt: clock.now(), error: reason, isUncounted: true };
  const isUncounted = isStoreAway(error) && clock.now() - effect.createdAt < UNCOUNTED_FOR_MS;
  if (effect.attempt >= retry.maxAttempts && !isUncounted)
    return { kind: "dead", error: `Given up after ${effect.attempt} attempts: ${reason}` };
  const wishMs = TroupeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
  const delayMs = Math.max(wishMs, delayOfAttempt(effect.attempt, retry, random));
  const dueAt = clock.now() + delayMs;
  return { kind: "retry", dueAt, error: reason, ...(isUncounted ? { isUncounted } : {}) };
}

/** The outcome of one that took down its process as often as it may, so that it does so no more. */
export function ifDeadly(effect: Effect, retry: EffectRetry): EffectOutcome | undefined {
  if (effect.attempt <= retry.maxAttempts) return undefined;
  return {
    kind: "dead",
    error: `Given up after ${effect.attempt - 1} attempts: the last one never ended, since its process died or slept.`,
  };
}

/** A payload that cannot be read, and a defect of ours, are the same on every attempt. */
function isFinal(error: unknown): boolean {
  if (TroupeError.is(error)) return error.code === "request.invalid" || error.code === "internal";
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

import { type Clock, type Logger, TroupeError } from "@troupe/contracts";
import { type Counter, sleep } from "../kit/index.ts";
import type { Guard, Guards } from "./guards.ts";

/** Tries of one model after the first. Source: features NG-025 and NR-017. */
export const MAX_RETRIES = 2;
export const RETRY_LIMITS = { baseMs: 100, capMs: 5_000 };
/** Somebody waits for the answer: past this the next model is asked instead. */
export const MAX_WAIT_MS = 10_000;

/** What asking any kind of model needs. */
export interface AskingDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly attempts: Counter;
  readonly guards: Guards;
}

/**
 * Waits for our own limit of the provider, a little: undefined when the model may be asked, else why not. `isLastHope`: no
 * other model is left. Rejects with the signal's reason.
 */
export async function admit(
  model: { readonly name: string; readonly guard: Guard; readonly isLastHope: boolean },
  mayWait: (ms: number) => boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<TroupeError | undefined> {
  let waitedMs = 0;
  for (;;) {
    const held = model.guard.enter(model.name, model.isLastHope);
    const waitMs = held?.retryAfterMs ?? 0;
    const isLimit =
      held !== undefined && TroupeError.is(held, "model.rate_limited") && held.cause === undefined;
    if (!isLimit || !mayWait(waitedMs + waitMs)) return held;
    waitedMs += waitMs;
    await sleep(clock, waitMs, signal);
  }
}

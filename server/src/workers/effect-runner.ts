import type {
  Clock,
  Effect,
  EffectHandler,
  EffectOutcome,
  EffectStore,
  Logger,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  delayOfAttempt,
  linkSignal,
  type Metrics,
  redactText,
  SECONDS_BUCKETS,
  untilAborted,
} from "../kit/index.ts";

const BACKOFF = { baseMs: 2_000, capMs: 30 * 60_000 };
const MAX_ATTEMPTS = 10;
/** Of its lease a handler may use this share; the rest is for the commit. */
const HANDLER_SHARE = 0.8;

export interface RunnerDeps {
  readonly unit: UnitOfWork;
  readonly effects: Pick<EffectStore, "settle">;
  readonly handlers: readonly EffectHandler[];
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Runner {
  /** Runs one effect to a kept outcome. Resolves with when it is due again, where it is; never rejects. */
  run(effect: Effect, heldUntilMs: number): Promise<number | undefined>;
}

export function createEffectRunner(
  { unit, effects, handlers, clock, random, logger, metrics }: RunnerDeps,
  life: AbortSignal,
): Runner {
  const byKind = new Map(handlers.map((handler) => [handler.kind, handler]));
  const total = metrics.counter("effects_total", "Effects by kind and outcome");
  const seconds = metrics.histogram("effect_seconds", "Time that handlers of effects took", SECONDS_BUCKETS);

  const commit = async (
    effect: Effect,
    writes: readonly Write<unknown>[],
    outcome: EffectOutcome,
  ): Promise<void> => {
    // What was done is kept although the process is stopping.
    const { signal } = new AbortController();
    await unit.commit([...writes, effects.settle(effect, outcome, clock.now())], { signal });
    // The kinds that no handler knows come from elsewhere and are no label.
    total.add(1, { kind: byKind.has(effect.kind) ? effect.kind : "unknown", outcome: outcome.kind });
  };
  const work = async (handler: EffectHandler, effect: Effect, heldUntilMs: number): Promise<void> => {
    const startedMs = clock.monotonicMs();
    const afterMs = Math.max(0, (heldUntilMs - startedMs) * HANDLER_SHARE);
    const late = (): TroupeError =>
      new TroupeError(`The effect took longer than ${Math.round(afterMs)} ms.`, {
        code: "request.timeout",
        retryable: true,
      });
    using linked = linkSignal(life, { clock, afterMs, reason: late });
    linked.signal.throwIfAborted();
    const writes = await untilAborted(handler.handle(effect, { signal: linked.signal }), linked.signal);
    await commit(effect, writes, { kind: "done" });
    seconds.observe((clock.monotonicMs() - startedMs) / 1_000, { kind: effect.kind });
  };
  const settleFailure = async (effect: Effect, error: unknown): Promise<number | undefined> => {
    const outcome = afterFailure(effect, error, clock, random);
    const fields = { effectId: effect.id, kind: effect.kind, turnId: effect.turnId, attempt: effect.attempt };
    try {
      await commit(effect, [], outcome);
      logger[outcome.kind === "retry" ? "warn" : "error"](`effect.${outcome.kind}`, { ...fields, error });
      return outcome.kind === "retry" ? outcome.dueAt : undefined;
    } catch (failure) {
      // Ours no longer, or the store is away: whoever claims it next goes on from what is kept.
      const isLost = TroupeError.is(failure, "store.conflict");
      logger[isLost ? "info" : "error"](isLost ? "effect.lost" : "effect.unsettled", {
        ...fields,
        error: failure,
      });
      return undefined;
    }
  };

  return {
    async run(effect, heldUntilMs) {
      try {
        const handler = byKind.get(effect.kind);
        if (handler?.versions.includes(effect.v)) await work(handler, effect, heldUntilMs);
        else {
          await commit(effect, [], {
            kind: "parked",
            error: `No handler knows ${effect.kind} version ${effect.v}.`,
          });
          logger.warn("effect.parked", { effectId: effect.id, kind: effect.kind, v: effect.v });
        }
        return undefined;
      } catch (error) {
        return await settleFailure(effect, error);
      }
    },
  };
}

function afterFailure(effect: Effect, error: unknown, clock: Clock, random: () => number): EffectOutcome {
  const reason = redactText(error instanceof Error ? error.message : String(error)).slice(0, 500);
  if (isFinal(error)) return { kind: "dead", error: reason };
  if (effect.attempt >= MAX_ATTEMPTS)
    return { kind: "dead", error: `Given up after ${effect.attempt} attempts: ${reason}` };
  const wishMs = TroupeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
  const delayMs = Math.max(wishMs, delayOfAttempt(effect.attempt, BACKOFF, random));
  return { kind: "retry", dueAt: clock.now() + delayMs, error: reason };
}

/** A payload that cannot be read, and a defect of ours, are the same on every attempt. */
function isFinal(error: unknown): boolean {
  if (TroupeError.is(error)) return error.code === "request.invalid" || error.code === "internal";
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

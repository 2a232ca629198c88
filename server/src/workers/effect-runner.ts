import type {
  Clock,
  Effect,
  EffectHandler,
  EffectOutcome,
  EffectRetry,
  EffectStore,
  Logger,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { isStoreAway, linkSignal, type Metrics, SECONDS_BUCKETS, sleep, untilAborted } from "../kit/index.ts";
import type { ClaimKeeper, HeldClaim } from "./claim-keeper.ts";
import { afterFailure, DEFAULT_RETRY, ifDeadly } from "./effect-retry.ts";

/** Between tries to keep how an effect ended; far below a lease in sum. */
const PAUSES_MS: readonly number[] = [100, 300, 1_000];

export interface RunnerDeps {
  readonly unit: UnitOfWork;
  readonly effects: Pick<EffectStore, "settle" | "settleDone">;
  readonly handlers: readonly EffectHandler[];
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told of what handlers wrote, once that is kept. */
  readonly onKept?: (writes: readonly Write<unknown>[]) => void;
  /** Told of each that ended dead or parked, once that is kept. */
  readonly onDead?: (effect: Effect, outcome: Extract<EffectOutcome, { kind: "dead" | "parked" }>) => void;
}

/** Under what the effects of a lane are held. */
export interface Hold {
  /** On the monotonic clock. */
  readonly heldUntilMs: number;
  readonly leaseMs: number;
  /** Of handlers that name no time of their own. */
  readonly timeoutMs: number;
}

export interface Runner {
  /** Which of the handlers takes it; undefined for a kind or version that none knows. */
  handlerOf(effect: Pick<Effect, "kind" | "v">): EffectHandler | undefined;
  /**
   * Runs effects of one kind and version to kept outcomes: together where their handler does so and there are several,
   * else, or when that failed, one after the other. Resolves with when the first is due again, if one is; never rejects.
   */
  run(effects: readonly Effect[], hold: Hold): Promise<number | undefined>;
}

type EffectOptions = Parameters<EffectHandler["handle"]>[1];
type Call = (options: EffectOptions) => Promise<readonly Write<unknown>[]>;

/** An effect and how it ends. */
interface End {
  readonly effect: Effect;
  readonly outcome: EffectOutcome;
  /** Why it is not done. */
  readonly error?: unknown;
}

/** Kept ends of effects. */
interface Ends {
  /** All in one commit, and the line of each that is not done. */
  commit(some: readonly End[], writes: readonly Write<unknown>[]): Promise<void>;
  /** Resolves with when it is due again, if it is; never rejects. */
  end(effect: Effect, outcome: EffectOutcome, error: unknown): Promise<number | undefined>;
}

function createEnds(
  { unit, effects, handlers, clock, logger, metrics, onDead, onKept }: RunnerDeps,
  life: AbortSignal,
): Ends {
  const known = new Set(handlers.map(({ kind }) => kind));
  const total = metrics.counter("effects_total", "Effects by kind and outcome");

  const commit: Ends["commit"] = async (some, writes) => {
    // What was done is kept although the process is stopping.
    const { signal } = new AbortController();
    const at = clock.now();
    const done = some.filter(({ outcome }) => outcome.kind === "done").map(({ effect }) => effect);
    const isOneMark = done.length > 1;
    const settled = some.flatMap(({ effect, outcome }) =>
      isOneMark && outcome.kind === "done" ? [] : [effects.settle(effect, outcome, at)],
    );
    const marks = isOneMark ? [effects.settleDone(done, at)] : [];
    await unit.commit([...writes, ...marks, ...settled], { signal });
    onKept?.(writes);
    for (const { effect, outcome, error } of some) {
      const { id: effectId, kind, v, turnId, attempt } = effect;
      // The kinds that no handler knows come from elsewhere and are no label.
      total.add(1, { kind: known.has(kind) ? kind : "unknown", outcome: outcome.kind });
      if (outcome.kind === "dead" || outcome.kind === "parked") onDead?.(effect, outcome);
      if (outcome.kind === "done") continue;
      const level = outcome.kind === "dead" ? "error" : "warn";
      logger[level](`effect.${outcome.kind}`, { effectId, kind, v, turnId, attempt, error });
    }
  };
  const end = async (effect: Effect, outcome: EffectOutcome, error: unknown): Promise<number | undefined> => {
    const { id: effectId, kind, v, turnId, attempt } = effect;
    const fields = { effectId, kind, v, turnId, attempt };
    try {
      await trySoon(() => commit([{ effect, outcome, error }], []), clock, life);
      return outcome.kind === "retry" ? outcome.dueAt : undefined;
    } catch (failure) {
      // Ours no longer, or the store is away: whoever claims it next goes on from what is kept.
      const isLost = TroupeError.is(failure, "store.conflict");
      const event = isLost ? "effect.lost" : "effect.unsettled";
      logger[isLost ? "info" : "error"](event, { ...fields, error: failure });
      return undefined;
    }
  };

  return { commit, end };
}

/** A failure that is not kept costs an attempt that nobody made, so it is worth a few tries. */
async function trySoon(commit: () => Promise<void>, clock: Clock, life: AbortSignal): Promise<void> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await commit();
    } catch (failure) {
      if (!isStoreAway(failure)) throw failure;
      await sleep(clock, pauseMs, life);
    }
  }
  return commit();
}

interface Running {
  /** Runs one with its retries as its handler wishes; resolves with when it is due again, if it is. */
  one(handler: EffectHandler, effect: Effect, held: HeldClaim, afterMs: number): Promise<number | undefined>;
  /**
   * Runs several at once; resolves with when the first of those that failed is due again, if one is. Rejects where nothing
   * of it is kept.
   */
  together(
    handler: EffectHandler,
    call: Call,
    some: readonly Effect[],
    held: readonly HeldClaim[],
    afterMs: number,
  ): Promise<number | undefined>;
}

function createRunning(deps: RunnerDeps, { commit, end }: Ends, life: AbortSignal): Running {
  const { clock, metrics } = deps;
  const seconds = metrics.histogram("effect_seconds", "Time that handlers of effects took", SECONDS_BUCKETS);

  const together: Running["together"] = async (handler, call, some, held, afterMs) => {
    const startedMs = clock.monotonicMs();
    const late = (): TroupeError =>
      new TroupeError(`The effect took longer than ${Math.round(afterMs)} ms.`, {
        code: "request.timeout",
        retryable: true,
      });
    using linked = linkSignal(life, { clock, afterMs, reason: late });
    for (const claim of held) {
      if (claim.lost !== undefined) throw claim.lost;
      claim.onLost = (reason) => linked.abort(reason);
    }
    linked.signal.throwIfAborted();
    const { signal } = linked;
    const failed = new Map<string, unknown>();
    const fail: EffectOptions["fail"] = (effectId, error) => failed.set(effectId, error);
    const writes = await untilAborted(call({ signal, fail }), signal);
    const all = some.map((effect): End => {
      const error = failed.get(effect.id);
      if (!failed.has(effect.id)) return { effect, outcome: { kind: "done" } };
      return {
        effect,
        error,
        outcome: afterFailure(effect, error, retryOf(handler), { ...deps, isStopping: false }),
      };
    });
    await commit(all, writes);
    seconds.observe((clock.monotonicMs() - startedMs) / 1_000, { kind: handler.kind });
    return soonest(all.map(({ outcome }) => (outcome.kind === "retry" ? outcome.dueAt : undefined)));
  };
  const one: Running["one"] = async (
    handler: EffectHandler,
    effect: Effect,
    held: HeldClaim,
    afterMs: number,
  ): Promise<number | undefined> => {
    const retry = retryOf(handler);
    const deadly = ifDeadly(effect, retry);
    if (deadly !== undefined) return end(effect, deadly, undefined);
    try {
      const call: Call = (options) => handler.handle(effect, options);
      return await together(handler, call, [effect], [held], afterMs);
    } catch (error) {
      const isStopping = life.aborted && error === life.reason;
      return end(effect, afterFailure(effect, error, retry, { ...deps, isStopping }), error);
    }
  };

  return { one, together };
}

function retryOf({ retry }: EffectHandler): EffectRetry {
  return { ...DEFAULT_RETRY, ...retry };
}

function soonest(dues: readonly (number | undefined)[]): number | undefined {
  return dues.reduce((a, b) => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)), undefined);
}

export function createEffectRunner(deps: RunnerDeps, keeper: ClaimKeeper, life: AbortSignal): Runner {
  const byKind = new Map(deps.handlers.map((handler) => [handler.kind, handler]));
  const ends = createEnds(deps, life);
  const running = createRunning(deps, ends, life);
  const runAll = async (
    handler: EffectHandler,
    some: readonly Effect[],
    held: readonly HeldClaim[],
    afterMs: number,
  ): Promise<number | undefined> => {
    const { batch } = handler;
    if (batch !== undefined && some.length > 1) {
      try {
        const call: Call = (options) => batch.handle(some, options);
        return await running.together(handler, call, some, held, afterMs);
      } catch (error) {
        deps.logger.warn("effect.batch_failed", { kind: handler.kind, effects: some.length, error });
      }
    }
    const dues: (number | undefined)[] = [];
    for (const [n, effect] of some.entries()) {
      dues.push(await running.one(handler, effect, held[n] as HeldClaim, afterMs));
      // It is kept how it ended; those behind it may wait long.
      keeper.release(held[n] as HeldClaim);
    }
    return soonest(dues);
  };
  const handlerOf: Runner["handlerOf"] = ({ kind, v }) => {
    const handler = byKind.get(kind);
    return handler?.versions.includes(v) === true ? handler : undefined;
  };

  return {
    handlerOf,
    async run(some, { heldUntilMs, leaseMs, timeoutMs }) {
      const [first] = some;
      if (first === undefined) return undefined;
      const handler = handlerOf(first);
      if (handler === undefined) {
        const error = `No handler knows ${first.kind} version ${first.v}.`;
        for (const effect of some) await ends.end(effect, { kind: "parked", error }, undefined);
        return undefined;
      }
      const held = some.map((effect) => keeper.hold(effect, heldUntilMs, leaseMs));
      try {
        return await runAll(handler, some, held, handler.timeoutMs ?? timeoutMs);
      } finally {
        for (const claim of held) keeper.release(claim);
      }
    },
  };
}

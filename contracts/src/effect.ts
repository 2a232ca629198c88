/** Work after the reply. */
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { Lane } from "./turn.ts";

/** A piece of post-turn work. */
export interface Effect {
  readonly id: string;
  readonly spaceId: string;
  readonly kind: string;
  readonly v: number;
  readonly lane: Lane;
  readonly turnId: string;
  readonly sessionId: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly attempt: number;
  readonly epoch: number;
  readonly createdAt: number;
}

/** An effect as it is put. */
export interface NewEffect extends Omit<Effect, "attempt" | "epoch"> {
  /** 0 (first) to 9 (last) among the due ones of its lane. Default `EFFECT_PRIORITY`. */
  readonly priority?: number;
  /** Not before this time, UTC milliseconds. Default: at once. */
  readonly dueAt?: number;
  /**
   * Of one key of a space one runs at a time, in the order in which they were put; one that waits for its next attempt
   * holds up those behind it, one that has ended in whatever way does not.
   */
  readonly key?: string;
}

export const EFFECT_PRIORITY = 5;

/**
 * `pending` waits for its time, `running` is claimed; the rest are ends. `parked`: for a newer version that knows it.
 * `shed`: left out under load, which only kinds are that say they may be.
 */
export type EffectState = "pending" | "running" | "done" | "parked" | "dead" | "shed";

/** What went wrong with one attempt. */
export interface EffectTrouble {
  readonly attempt: number;
  /** UTC milliseconds. */
  readonly at: number;
  readonly error: string;
}

/** An effect as kept. */
export interface EffectRecord extends Effect {
  readonly state: EffectState;
  readonly priority: number;
  readonly dueAt: number;
  readonly key?: string;
  /** The last attempts that failed, oldest first, ten at most. */
  readonly errors: readonly EffectTrouble[];
  /** What went wrong last. */
  readonly error?: string;
  readonly endedAt?: number;
}

export type EffectOutcome =
  | { readonly kind: "done" }
  | {
      readonly kind: "retry";
      readonly dueAt: number;
      readonly error: string;
      /** The attempt is none of those it has: not the effect failed, but the store that keeps it was away. */
      readonly isUncounted?: true;
    }
  /** `parked`: no handler knows its kind or version; kept for a newer one. */
  | { readonly kind: "parked"; readonly error: string }
  | { readonly kind: "dead"; readonly error: string };

/** An effect as its claim holds it. */
export type ClaimedEffect = Pick<Effect, "id" | "epoch">;

/** What a lane has to do. Times are UTC milliseconds by the store's clock. */
export interface LaneBacklog {
  readonly lane: Lane;
  readonly running: number;
  /** Due and not begun. */
  readonly due: number;
  /** Put for a later time, or waiting for their next attempt. */
  readonly later: number;
  /** Since when the first of the due ones could have begun: the lane's lag. */
  readonly dueSince: number | undefined;
  /** When the oldest of all of these was put. */
  readonly oldestAt: number | undefined;
}

/** A kind of effects and a version of its payload. */
export interface EffectVersion {
  readonly kind: string;
  readonly v: number;
}

export interface EffectStore {
  /** The same id twice is one effect. */
  put(effect: NewEffect): Write;
  /**
   * Due ones, by priority, then by how long they are due; of a key only its oldest open one, and none while one runs. An
   * attempt counts from here on: one whose owner died or slept past its lease is given again as the next attempt, with
   * a line of that among its errors.
   */
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly lane: Lane;
    /** Only of this kind and version. */
    readonly only?: EffectVersion;
  }): Write<readonly Effect[]>;
  /** Prolongs claims from now on; gives those that are still held, with the epoch that holds them. */
  renew(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly ids: readonly string[];
  }): Write<readonly { readonly id: string; readonly epoch: number }[]>;
  /** Guard `store.conflict`. Committed together with the writes of the handler. */
  settle(effect: ClaimedEffect, outcome: EffectOutcome, at: number): Write;
  /** The same of several that are done. Guard `store.conflict`: all of them, or none where one is held no longer. */
  settleDone(effects: readonly ClaimedEffect[], at: number): Write;
  ofTurn(turnId: string, options: CallOptions): Promise<readonly EffectRecord[]>;
  /** `turnSeq` of the session's first turn up to `toTurnSeq` that has an effect of these kinds still to be done. */
  firstOpenTurn(
    query: { readonly sessionId: string; readonly kinds: readonly string[]; readonly toTurnSeq: number },
    options: CallOptions,
  ): Promise<number | undefined>;
  /** Ends due ones of these kinds as `shed`: the least urgent, and of those the ones that came last. At most `limit`. */
  shed(query: {
    readonly lane: Lane;
    readonly kinds: readonly string[];
    readonly limit: number;
    readonly reason: string;
    /** UTC milliseconds. */
    readonly at: number;
  }): Write<readonly Pick<Effect, "id" | "kind" | "turnId">[]>;
  /** Makes parked ones of these kinds and versions pending again, from their first attempt on. */
  unpark(versions: readonly EffectVersion[], at: number): Write<readonly Pick<Effect, "id" | "kind">[]>;
  /** What kinds and versions are parked, in whatever space. */
  parked(options: CallOptions): Promise<readonly EffectVersion[]>;
  /** How many of a lane are due and not begun. Counts up to `atMost`. */
  backlog(lane: Lane, atMost: number, options: CallOptions): Promise<number>;
  /** Newest first. */
  list(
    query: PageQuery & { readonly spaceId: string; readonly states: readonly EffectState[] },
    options: CallOptions,
  ): Promise<Page<EffectRecord>>;
  /** What each lane has to do, those with nothing included, however much there is. */
  lanes(spaceId: string, options: CallOptions): Promise<readonly LaneBacklog[]>;
  /** When a claim of the lane would give the next one; 0 for one whose owner's lease has ended. */
  nextDue(lane: Lane, options: CallOptions): Promise<number | undefined>;
}

/** When a failed effect is tried again, and when it is given up. */
export interface EffectRetry {
  /** From 1. One that fails so often, or whose process dies so often while it runs, is dead. */
  readonly maxAttempts: number;
  /** Pause after the first failure; it doubles with each, up to `capMs`, and each is scattered. Milliseconds. */
  readonly baseMs: number;
  readonly capMs: number;
}

/** What a handler is given beside its effects. */
export interface EffectOptions extends CallOptions {
  /**
   * Says that one of the effects failed, though what is returned is to be kept: it ends as if the handler had thrown this for
   * it alone, in the commit that keeps the writes and how the others ended. Absent: throw.
   */
  readonly fail?: (effectId: string, error: unknown) => void;
}

/** Handles one kind of effect. Idempotent by `effect.id`: it returns writes, which are committed with the done-mark. */
export interface EffectHandler {
  readonly kind: string;
  /** Versions of the payload that it reads. */
  readonly versions: readonly number[];
  /** Default: ten attempts, from two seconds to half an hour. */
  readonly retry?: Partial<EffectRetry>;
  /** The longest that one attempt may take. Default: that of the lane. Its claim is prolonged meanwhile. Milliseconds. */
  readonly timeoutMs?: number;
  /** When its lane has more to do than its bound, effects of this kind are left out, counted and seen as `shed`. */
  readonly mayShed?: boolean;
  handle(effect: Effect, options: EffectOptions): Promise<readonly Write<unknown>[]>;
  /**
   * Up to `max` at once, of one version and never two of one key. Its writes are committed with the done-marks of all but
   * those it says failed; where it throws or that commit fails, each is handled by itself.
   */
  readonly batch?: {
    readonly max: number;
    handle(effects: readonly Effect[], options: EffectOptions): Promise<readonly Write<unknown>[]>;
  };
}

/** Work after the reply. */
import type { CallOptions, Page, PageQuery, WaitingCount } from "./runtime.ts";
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

/** `pending` waits for its time, `running` is claimed; the rest are ends. `parked`: for a newer version that knows it. */
export type EffectState = "pending" | "running" | "done" | "parked" | "dead";

/** An effect as kept. */
export interface EffectRecord extends Effect {
  readonly state: EffectState;
  /** What went wrong last. */
  readonly error?: string;
  readonly endedAt?: number;
}

export type EffectOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "retry"; readonly dueAt: number; readonly error: string }
  /** `parked`: no handler knows its kind or version; kept for a newer one. */
  | { readonly kind: "parked"; readonly error: string }
  | { readonly kind: "dead"; readonly error: string };

export interface EffectStore {
  /** The same id twice is one effect. */
  put(effect: Omit<Effect, "attempt" | "epoch">): Write;
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly lane: Lane;
  }): Write<readonly Effect[]>;
  /** Guard `store.conflict`. Committed together with the writes of the handler. */
  settle(effect: { readonly id: string; readonly epoch: number }, outcome: EffectOutcome, at: number): Write;
  ofTurn(turnId: string, options: CallOptions): Promise<readonly EffectRecord[]>;
  /** Newest first. */
  list(
    query: PageQuery & { readonly spaceId: string; readonly states: readonly EffectState[] },
    options: CallOptions,
  ): Promise<Page<EffectRecord>>;
  /** All that waits, however many there are. */
  waiting(
    spaceId: string,
    options: CallOptions,
  ): Promise<Readonly<Record<"pending" | "running", WaitingCount>>>;
  /** When a claim of the lane would give the next one; 0 for one whose owner's lease has ended. */
  nextDue(lane: Lane, options: CallOptions): Promise<number | undefined>;
}

/** Handles one kind of effect. Idempotent by `effect.id`: it returns writes, which are committed with the done-mark. */
export interface EffectHandler {
  readonly kind: string;
  /** Versions of the payload that it reads. */
  readonly versions: readonly number[];
  handle(effect: Effect, options: CallOptions): Promise<readonly Write<unknown>[]>;
}

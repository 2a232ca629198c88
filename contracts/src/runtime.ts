/** What every port needs around it: cancellation, time, ids, logs. */

/**
 * Options of every call that does I/O. `signal` is required, so that forgetting it is a compile error; its reason says
 * why the work is no longer wanted.
 */
export interface CallOptions {
  readonly signal: AbortSignal;
}

/** Time, injected everywhere so that tests and the simulator own it. */
export interface Clock {
  /** UTC milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a scale that never jumps; only differences mean something. Leases and latencies use it. */
  monotonicMs(): number;
  /** Runs `run` once after `delayMs` milliseconds. Disposing before that cancels it; disposing later does nothing. */
  schedule(delayMs: number, run: () => void): Disposable;
}

/** Makes application ids: 26 characters, sortable by the time of making, unique across processes. */
export interface IdGenerator {
  next(): string;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: an event name (`turn.closed`) and fields, never prose with values inside. Secrets are redacted by the sink. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** One page of a list; `next` is the cursor of the following page, absent on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** `cursor` comes from an earlier page's `next`; `limit` is bounded by the store (at most 200). */
export interface PageQuery {
  readonly cursor?: string;
  readonly limit?: number;
}

/** Rows that wait in one state. */
export interface WaitingCount {
  readonly count: number;
  /** When the oldest of them was made, UTC milliseconds; undefined when there is none. */
  readonly oldestAt: number | undefined;
}

/** Who asks. Every call that reads or changes something carries one; there is no ambient authority. */
export interface Principal {
  readonly spaceId: string;
  /** `operator` may do everything in its space, `key` what its owner may, `channel` speaks for a platform, `system` is Troupe itself. */
  readonly kind: "operator" | "key" | "channel" | "system";
  readonly id: string;
}

/** The space that exists without being asked for. Source: design §2 rule 11. */
export const DEFAULT_SPACE_ID = "default";

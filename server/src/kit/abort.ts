import type { Clock } from "@troupe/contracts";

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/**
 * A child signal that aborts with `parent`, or after `afterMs` milliseconds of `clock` with `reason()`, and can be let go.
 * `AbortSignal.any` on a long-lived parent keeps every child alive. Source: nodejs/node#55351.
 */
export function linkSignal(
  parent: AbortSignal,
  timeout?: { readonly clock: Clock; readonly afterMs: number; readonly reason: () => unknown },
): LinkedSignal {
  return new Link(parent, timeout);
}

/** A class, because an object literal with a computed name is made by V8's slow path each time. */
class Link implements LinkedSignal {
  readonly #child = new AbortController();
  readonly #parent: AbortSignal;
  readonly #timer: Disposable | undefined;

  constructor(parent: AbortSignal, timeout: Parameters<typeof linkSignal>[1]) {
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener("abort", this.#follow, { once: true });
    this.#timer = timeout?.clock.schedule(timeout.afterMs, () => this.abort(timeout.reason()));
  }

  readonly #follow = (): void => this.abort(this.#parent.reason);

  get signal(): AbortSignal {
    return this.#child.signal;
  }

  abort(reason: unknown): void {
    this.#child.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#follow);
    this.#timer?.[Symbol.dispose]();
  }
}

/** Resolves after `ms` milliseconds of `clock`; rejects at once with the signal's reason when it aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal.reason);
    };
    const timer = clock.schedule(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The promise's outcome, or a rejection with the signal's reason as soon as it aborts. The promise itself runs on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

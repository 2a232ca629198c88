import { type Clock, type ProviderHealth, TroupeError } from "@troupe/contracts";
import { type Breaker, createBreaker, createRateLimit, type Metrics, type RateLimit } from "../kit/index.ts";

/** Failures in a row after which a provider is left alone, and for how long. Source: features NG-025 and NR-016. */
const THRESHOLD = 5;
const OPEN_MS = 10_000;
const MAX_OPEN_MS = 120_000;
/** A refused key, or an account without credit, does not mend itself in seconds. */
const REFUSED_MS = 60_000;
/** What a provider may ask for at most when it says when to come again. */
const LONGEST_PAUSE_MS = 10 * 60_000;

/** Stands before the calls of one provider, that is of one key: its breaker and its rate. */
export interface Guard {
  /**
   * Undefined: ask, and tell how it went. Else why not, with how long to wait. `isLastHope`: no other model is left to ask. A
   * refused key or account answers at once and costs nothing, and may have been mended by now, so then it is asked all the same.
   */
  enter(model: string, isLastHope: boolean): TroupeError | undefined;
  succeeded(): void;
  failed(error: TroupeError): void;
  /** Further calls are held back for now: waiting for another try is of no use. */
  readonly isOpen: boolean;
  /** The call ended without telling anything of the provider. */
  leave(): void;
}

export interface Guards {
  of(provider: string): Guard;
  health(): readonly ProviderHealth[];
  close(): void;
}

export function createGuards(deps: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Undefined: no limit. */
  readonly requestsPerMinute: (provider: string) => number | undefined;
}): Guards {
  const { clock, metrics } = deps;
  const guards = new Map<string, ProviderGuard>();
  const open = metrics.gauge(
    "troupe_model_breaker_open",
    "1 while a provider is left alone after failures, else 0.",
  );
  const limited = metrics.counter(
    "troupe_model_rate_limited_total",
    "Calls that our own limit of a provider held back.",
  );
  return {
    of(provider) {
      const known = guards.get(provider);
      if (known !== undefined) return known;
      const perMinute = deps.requestsPerMinute(provider);
      const guard = new ProviderGuard(provider, {
        clock,
        rate: perMinute === undefined ? undefined : createRateLimit({ clock, perMinute: () => perMinute }),
        perMinute,
        onState: (isOpen) => open.set(isOpen ? 1 : 0, { provider }),
        onLimited: () => limited.add(1, { provider }),
      });
      guards.set(provider, guard);
      open.set(0, { provider });
      return guard;
    },
    health: () => Array.from(guards.values(), (guard) => guard.health()),
    // A later router may tell of a provider under the same name by now.
    close() {
      for (const [provider, guard] of guards) if (guard.isOpen) open.set(0, { provider });
    },
  };
}

interface GuardDeps {
  readonly clock: Clock;
  readonly rate: RateLimit | undefined;
  readonly perMinute: number | undefined;
  readonly onState: (isOpen: boolean) => void;
  readonly onLimited: () => void;
}

class ProviderGuard implements Guard {
  readonly #provider: string;
  readonly #deps: GuardDeps;
  readonly #breaker: Breaker;
  #last: TroupeError | undefined;

  constructor(provider: string, deps: GuardDeps) {
    this.#provider = provider;
    this.#deps = deps;
    this.#breaker = createBreaker({
      clock: deps.clock,
      threshold: THRESHOLD,
      openMs: OPEN_MS,
      maxOpenMs: MAX_OPEN_MS,
    });
  }

  enter(model: string, isLastHope: boolean): TroupeError | undefined {
    const wasRefused = this.#last?.code === "model.auth" || this.#last?.code === "model.billing";
    const pausedMs = this.#breaker.enter(isLastHope && wasRefused);
    if (pausedMs > 0) return this.#leftAlone(model, pausedMs);
    const waitMs = this.#deps.rate?.take(this.#provider) ?? 0;
    if (waitMs === 0) return undefined;
    this.#breaker.leave();
    this.#deps.onLimited();
    const message = `The model "${model}" is not asked more than ${this.#deps.perMinute} times a minute (providers.${this.#provider}.requestsPerMinute).`;
    return new TroupeError(message, { code: "model.rate_limited", retryable: true, retryAfterMs: waitMs });
  }

  get isOpen(): boolean {
    return this.#breaker.state === "open";
  }

  succeeded(): void {
    if (this.#last === undefined) return;
    this.#last = undefined;
    this.#breaker.succeeded();
    this.#deps.onState(false);
  }

  failed(error: TroupeError): void {
    switch (error.code) {
      case "model.auth":
      case "model.billing":
        this.#fail(error, REFUSED_MS);
        break;
      case "model.rate_limited":
        // Without a time the next call finds out by itself.
        if (error.retryAfterMs === undefined) this.leave();
        else this.#fail(error, Math.min(error.retryAfterMs, LONGEST_PAUSE_MS));
        break;
      case "model.unavailable":
      case "model.timeout":
      case "model.bad_response":
        this.#fail(error, undefined);
        break;
      default:
        this.leave();
    }
  }

  leave(): void {
    this.#breaker.leave();
  }

  health(): ProviderHealth {
    const { state, failures, openForMs } = this.#breaker;
    return {
      provider: this.#provider,
      state,
      failures,
      ...(openForMs === 0 ? {} : { openUntil: this.#deps.clock.now() + openForMs }),
      ...(this.#last === undefined ? {} : { lastError: this.#last.message }),
    };
  }

  #fail(error: TroupeError, openMs: number | undefined): void {
    this.#last = error;
    this.#breaker.failed(openMs);
    this.#deps.onState(this.#breaker.state === "open");
  }

  /** The reason stays that of the last failure, so that what follows from it is the same. */
  #leftAlone(model: string, ms: number): TroupeError {
    const { failures } = this.#breaker;
    const after = failures > 1 ? ` after ${failures} failures in a row` : "";
    const last = this.#last?.message.replace(/\.$/, "") ?? "it failed";
    const message = `The model "${model}" is left alone for ${Math.ceil(ms / 1000)} s${after} (last: ${last}).`;
    return new TroupeError(message, {
      code: this.#last?.code ?? "model.unavailable",
      retryable: true,
      retryAfterMs: ms,
      cause: this.#last,
    });
  }
}

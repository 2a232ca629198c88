import type { Clock, Leases, Logger, UnitOfWork } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createWakeLoop, linkSignal, untilAborted } from "../kit/index.ts";

export interface ProcessLeaseDeps {
  readonly unit: UnitOfWork;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly processId: string;
  readonly pid: number;
  readonly role: string;
  readonly leaseMs: number;
  /** Called once when the lease has ended without our wish: others may have taken over whatever this process holds. */
  readonly onLost: () => void;
}

export interface ProcessLease {
  /** Registers the process; rejects when the store does not take it. Then renews until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Takes note of the lease as it is held now. What comes back tells until when, on the monotonic clock, that very
   * holding surely lasts: the past once it has ended, also when a later renewal began a new one. Whoever claims
   * something under the lease asks before the claim.
   */
  hold(): () => number;
  /** Ends the lease, so that others take over at once: the last thing a process does. Takes at most `withinMs` milliseconds. */
  stop(withinMs: number): Promise<void>;
}

/** One lease and one timer for the process, however much it holds. */
export function createProcessLease(deps: ProcessLeaseDeps): ProcessLease {
  const { unit, leases, clock, logger, processId, pid, role, leaseMs, onLost } = deps;
  const renewMs = leaseMs / 3;
  let heldUntilMs = Number.NEGATIVE_INFINITY;
  /** Rises whenever the lease ends; others may have taken over what was claimed before. */
  let term = 0;

  const lose = (reason: string): void => {
    term += 1;
    heldUntilMs = Number.NEGATIVE_INFINITY;
    logger.error("lease.lost", { processId, reason });
    onLost();
  };
  /** Resolves with the time to the next renewal, or undefined when the lease is lost. */
  const renew = async (signal: AbortSignal): Promise<number | undefined> => {
    const beforeMs = clock.monotonicMs();
    if (beforeMs > heldUntilMs) {
      term += 1;
      logger.warn("lease.lapsed", { processId, lateMs: Math.round(beforeMs - heldUntilMs) });
    }
    const afterMs = Math.max(renewMs, heldUntilMs - beforeMs);
    const late = (): TroupeError =>
      new TroupeError("The store did not renew the lease in time.", { code: "store.busy" });
    using linked = linkSignal(signal, { clock, afterMs, reason: late });
    try {
      await untilAborted(
        unit.commit([leases.renew(processId, leaseMs)], { signal: linked.signal }),
        linked.signal,
      );
      heldUntilMs = beforeMs + leaseMs;
      return renewMs;
    } catch (error) {
      signal.throwIfAborted();
      if (TroupeError.is(error, "store.conflict")) {
        lose("another process ended it");
        return undefined;
      }
      logger.warn("lease.not_renewed", { processId, error });
      if (clock.monotonicMs() < heldUntilMs) return Math.min(renewMs / 4, heldUntilMs - clock.monotonicMs());
      lose("the store could not be reached");
      return undefined;
    }
  };
  const loop = createWakeLoop({ name: "lease", clock, logger, retryMs: renewMs / 4, round: renew });

  return {
    async start(signal) {
      const beforeMs = clock.monotonicMs();
      await unit.commit([leases.register({ id: processId, pid, role, leaseMs })], { signal });
      heldUntilMs = beforeMs + leaseMs;
      loop.start(signal);
    },
    hold() {
      const held = term;
      return () => (held === term ? heldUntilMs : Number.NEGATIVE_INFINITY);
    },
    async stop(withinMs) {
      await loop.stop(withinMs);
      heldUntilMs = Number.NEGATIVE_INFINITY;
      using linked = linkSignal(new AbortController().signal, {
        clock,
        afterMs: withinMs,
        reason: () => new Error("too late"),
      });
      try {
        await untilAborted(unit.commit([leases.end(processId)], { signal: linked.signal }), linked.signal);
      } catch (error) {
        // It ends by itself, a little later.
        logger.warn("lease.not_ended", { processId, error });
      }
    },
  };
}

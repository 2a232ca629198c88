import type { CallOptions, Committed, ErrorCode, UnitOfWork, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Faults } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";

/** Riders wait so long for company, as the port says. */
const RIDE_MS = 25;

export interface UnitOptions {
  readonly process: SimulatedProcess;
  readonly faults: Faults;
  /** Commits to the one truth that all processes share, at once. Throws as `UnitOfWork.commit` rejects. */
  readonly apply: (writes: readonly Write<unknown>[]) => Committed;
  /** Commits of one process take effect in the order in which it made them. */
  readonly keepsOrder: boolean;
}

/** A process's way to the shared store: commits travel, may be refused, and may be kept without anybody being told. */
export function createSimulatedUnit({ process, faults, apply, keepsOrder }: UnitOptions): UnitOfWork {
  const never = new AbortController().signal;
  const queued = keepsOrder ? { queue: "commit" } : {};
  const underWay = new Set<Promise<unknown>>();
  let riders: (readonly Write<unknown>[])[] = [];
  let timer: Disposable | undefined;

  const takeRiders = (): readonly (readonly Write<unknown>[])[] => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    const taken = riders;
    riders = [];
    return taken;
  };
  const take = (
    riding: readonly (readonly Write<unknown>[])[],
    writes: readonly Write<unknown>[],
    signal: AbortSignal,
  ): Committed | undefined => {
    const refusal = faults.storeRefusal();
    if (refusal !== undefined) throw refused(refusal);
    for (const one of riding) {
      try {
        apply(one);
      } catch (error) {
        // Nobody waits for a rider, so nobody is told of a refusal; a defect is another matter.
        if (!TroupeError.is(error)) throw error;
      }
    }
    signal.throwIfAborted();
    return writes.length === 0 ? undefined : apply(writes);
  };
  const send = (writes: readonly Write<unknown>[], signal: AbortSignal): Promise<Committed | undefined> => {
    const riding = takeRiders();
    const sent = process.perform("commit", () => take(riding, writes, signal), { signal, ...queued });
    const watched = sent.then(noop, noop).then(() => void underWay.delete(watched));
    underWay.add(watched);
    return sent;
  };

  return {
    commit: (writes, { signal }) =>
      signal.aborted ? Promise.reject(signal.reason) : (send(writes, signal) as Promise<Committed>),
    ride(writes) {
      riders.push(writes);
      timer ??= process.clock.schedule(RIDE_MS, () => void send([], never).catch(noop));
    },
    async flush({ signal }) {
      signal.throwIfAborted();
      if (riders.length > 0) await send([], never).catch(noop);
      await Promise.all(underWay);
    },
  };
}

function noop(): void {}

function refused(code: ErrorCode): TroupeError {
  return new TroupeError("The simulated store refuses.", { code, retryable: true, retryAfterMs: 250 });
}

type Read = (...args: never[]) => Promise<unknown>;

/** A port whose named reads travel to the store and back, and fail now and then; the builders of writes stay as they are. */
export function withRemoteReads<Port extends object>(
  { process, faults }: { readonly process: SimulatedProcess; readonly faults: Faults },
  name: string,
  port: Port,
  reads: readonly (keyof Port & string)[],
): Port {
  const remote = { ...port } as Record<string, unknown>;
  for (const read of reads) {
    const run = port[read] as Read;
    const label = `${name}.${read}`;
    remote[read] = (...args: never[]) => {
      const { signal } = args.at(-1) as unknown as CallOptions;
      return process.perform(
        label,
        () => {
          if (faults.happens(faults.plan.refuseShare)) throw refused("store.failed");
          return run(...args);
        },
        { signal, isAbandonedOnAbort: true },
      );
    };
  }
  return remote as Port;
}

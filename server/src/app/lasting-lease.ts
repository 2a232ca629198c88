import type { Clock, Logger } from "@troupe/contracts";
import { within } from "../kit/index.ts";
import type { ProcessLease } from "../workers/index.ts";

const RETRY_MS = 1000;

/**
 * A lease that begins anew after it was lost: a disk that was full for a minute must not leave a process that delivers
 * nothing. What was held under the lost one stays lost; epochs guard it.
 */
export function createLastingLease(
  deps: { readonly clock: Clock; readonly logger: Logger },
  make: (onLost: () => void) => ProcessLease,
): ProcessLease {
  let life: AbortSignal | undefined;
  let retry: Disposable | undefined;
  let beginning: Promise<void> | undefined;
  let isStopped = false;

  const begin = async (): Promise<void> => {
    if (life === undefined || isStopped) return;
    const next = make(onLost);
    try {
      await next.start(life);
      current = next;
      deps.logger.info("lease.regained");
    } catch {
      // The store says itself why it takes nothing.
      onLost();
    }
  };
  const onLost = (): void => {
    if (isStopped || life?.aborted === true) return;
    retry = deps.clock.schedule(RETRY_MS, () => {
      beginning = begin();
    });
  };
  let current = make(onLost);

  return {
    start(signal) {
      life = signal;
      return current.start(signal);
    },
    hold: () => current.hold(),
    async stop(withinMs) {
      isStopped = true;
      retry?.[Symbol.dispose]();
      // What is just registered would outlive the process, and others would wait for it to end.
      if (beginning !== undefined) await within(deps.clock, beginning, withinMs);
      await current.stop(withinMs);
    },
  };
}

import type { CallOptions } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { untilAborted } from "../kit/index.ts";
import type { DelegationDeps } from "./deps.ts";
import { type Progress, progressOf } from "./progress.ts";

/** Looks without being told to, for a doorbell that was lost. */
const LOOK_MS = 2_000;

/**
 * Waits until enough of those asked have answered or none can any more, at most `waitMs` milliseconds; resolves with what
 * there is then. Rejects with the signal's reason.
 */
export async function waitForAnswers(
  deps: DelegationDeps,
  gatherId: string,
  waitMs: number,
  options: CallOptions,
): Promise<Progress> {
  const { bus, clock } = deps;
  const endsMs = clock.monotonicMs() + waitMs;
  let rung = Promise.withResolvers<void>();
  using _told = bus.subscribe(SUBJECTS.agentAnswered, ({ payload }) => {
    if (payload.gatherId === gatherId) rung.resolve();
  });
  for (;;) {
    const progress = await progressOf(deps, gatherId, options);
    if (progress === undefined)
      throw new TroupeError("What was asked is gone.", { code: "request.not_found" });
    const leftMs = endsMs - clock.monotonicMs();
    if (progress.isComplete || progress.gather.state === "stopped" || leftMs <= 0) return progress;
    using _look = clock.schedule(Math.min(LOOK_MS, leftMs), () => rung.resolve());
    await untilAborted(rung.promise, options.signal);
    rung = Promise.withResolvers();
  }
}

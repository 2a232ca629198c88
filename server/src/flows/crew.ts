import type { FlowRun, FlowStore } from "@troupe/contracts";
import { within } from "../kit/index.ts";
import type { WorkDeps } from "./changes.ts";
import { createFlowClaims, type FlowClaims, type FlowClaimsDeps } from "./claims.ts";
import { giveBack, work } from "./work.ts";

/** For the last marks of steps that a stop broke off. */
const LAST_MARKS_MS = 2_000;

export interface CrewDeps extends WorkDeps, Pick<FlowClaimsDeps, "processId" | "leaseMs"> {
  readonly flows: WorkDeps["flows"] & Pick<FlowStore, "claim" | "renew">;
}

/** Those that work on claimed flows. */
export interface Crew extends Pick<FlowClaims, "cancel" | "start"> {
  readonly size: number;
  /** Claims and begins at most so many; resolves with how many began. */
  claim(limit: number, signal: AbortSignal): Promise<number>;
  /** Waits for what is under way, at most `withinMs` milliseconds; what runs then is broken off and given back. */
  stop(withinMs: number): Promise<void>;
}

export function createCrew(deps: CrewDeps, onFree: () => void): Crew {
  const { flows, unit, clock, logger, processId, definitions, leaseMs } = deps;
  const life = new AbortController();
  const marks = new AbortController();
  const running = new Set<Promise<void>>();
  const claims = createFlowClaims(deps);

  const handle = async (flow: FlowRun, heldUntilMs: number): Promise<void> => {
    using held = claims.hold(flow, heldUntilMs, life.signal);
    try {
      await work(deps, flow, held, life);
    } catch (error) {
      if (life.signal.aborted) await giveBack(deps, flow, marks);
      // The claim ends with its lease; whoever comes then goes on from what is kept.
      else logger.error("flow.unsettled", { flowId: flow.id, step: flow.step, error });
    }
  };
  const handled = (flow: FlowRun, error: unknown): void =>
    logger.warn("flow.not-given-back", { flowId: flow.id, step: flow.step, error });

  return {
    get size() {
      return running.size;
    },
    async claim(limit, signal) {
      const { programs } = definitions;
      const beforeMs = clock.monotonicMs();
      const write = flows.claim({ owner: processId, leaseMs, limit, programs });
      const claimed = (await unit.commit([write], { signal })).read(write);
      for (const flow of claimed) {
        const done: Promise<void> = handle(flow, beforeMs + leaseMs)
          .catch((error: unknown) => handled(flow, error))
          .finally(() => {
            running.delete(done);
            onFree();
          });
        running.add(done);
      }
      return claimed.length;
    },
    cancel: claims.cancel,
    start: claims.start,
    async stop(withinMs) {
      if (!(await within(clock, Promise.all(running), withinMs))) {
        life.abort(new Error("Troupe is stopping."));
        await within(clock, Promise.all(running), LAST_MARKS_MS);
        marks.abort(new Error("Troupe is stopping."));
      }
      await claims.stop(0);
    },
  };
}

import type { CallOptions, FlowRun } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { atStep } from "./at-step.ts";
import { atWait } from "./at-wait.ts";
import { endFlow, release, type WorkDeps } from "./changes.ts";

/**
 * Works on one claimed flow to its next commit. `step` aborts the code of its step alone, `options` all. Rejects only with
 * what the store rejects with.
 */
export async function work(
  deps: WorkDeps,
  flow: FlowRun,
  step: CallOptions,
  options: CallOptions,
): Promise<void> {
  try {
    if (flow.cancelRequested !== undefined) await cancelled(deps, flow, flow.cancelRequested, options);
    else if (flow.wait !== undefined) await atWait(deps, flow, flow.wait, options);
    else await atStep(deps, flow, step, options);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    await afterConflict(deps, flow, options);
  }
}

/**
 * Troupe stops: the step is given back for another process to begin it anew, and counts as no try. Where it was changed, or
 * is another's by now, nothing is done.
 */
export async function giveBack(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  try {
    await release(deps, flow, { dueAt: deps.clock.now(), attempt: Math.max(0, flow.attempt - 1) }, options);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
  }
}

/** Somebody else changed it. Where that was a wish to cancel, and the claim is ours still, the wish is done at once. */
async function afterConflict(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  const now = await deps.flows.get(flow.id, options);
  if (now === undefined || now.endedAt !== undefined || now.epoch !== flow.epoch) return;
  if (now.cancelRequested === undefined) return;
  try {
    await cancelled(deps, now, now.cancelRequested, options);
  } catch (error) {
    // The lease brings it to the next claim.
    if (!TroupeError.is(error, "store.conflict")) throw error;
  }
}

async function cancelled(deps: WorkDeps, flow: FlowRun, reason: string, options: CallOptions): Promise<void> {
  await endFlow(deps, flow, "cancelled", reason, options);
  const { wait } = flow;
  if (wait?.kind !== "turn" || wait.turnId === undefined) return;
  try {
    await deps.control().cancel(wait.turnId, { reason: `Its flow was cancelled: ${reason}` }, options);
  } catch (error) {
    deps.logger.warn("flow.turn-not-cancelled", { flowId: flow.id, turnId: wait.turnId, error });
  }
}

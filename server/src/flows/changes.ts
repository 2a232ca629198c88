import type { CallOptions, FlowMove, FlowRun, FlowStore, Logger, TurnControl } from "@troupe/contracts";
import { moveFrom, resumed } from "./moves.ts";
import type { StepDeps } from "./run-step.ts";
import { pairSignals, type SignalDeps } from "./signals.ts";
import type { FlowTurnDeps } from "./turns.ts";

/** What working on a claimed flow takes. */
export interface WorkDeps extends StepDeps, SignalDeps, FlowTurnDeps {
  readonly flows: StepDeps["flows"] &
    SignalDeps["flows"] &
    FlowTurnDeps["flows"] &
    Pick<FlowStore, "release" | "hasOpenChildren">;
  readonly random: () => number;
  readonly logger: Logger;
  readonly control: () => Pick<TurnControl, "cancel">;
  readonly onMove: (flow: FlowRun, move: FlowMove) => void;
}

/** Keeps a change that was made under the flow's claim. */
export async function commitMove(
  deps: WorkDeps,
  flow: FlowRun,
  move: FlowMove,
  [what, detail]: readonly [what: string, detail: string],
  options: CallOptions,
): Promise<void> {
  const write = deps.flows.move({ ...move, epoch: flow.epoch }, deps.says(what, detail));
  await deps.unit.commit([write], options);
  await moved(deps, flow, move, options);
}

/** Ends a flow that does not come to its goal. */
export function endFlow(
  deps: WorkDeps,
  flow: FlowRun,
  end: "failed" | "cancelled",
  reason: string,
  options: CallOptions,
): Promise<void> {
  return commitMove(deps, flow, { ...moveFrom(flow), end, error: reason }, [end, reason], options);
}

/** The wait is over. */
export function goOn(
  deps: WorkDeps,
  flow: FlowRun,
  by: Parameters<typeof resumed>[1],
  detail: string,
  options: CallOptions,
): Promise<void> {
  return commitMove(deps, flow, resumed(flow, by), ["resumed", detail], options);
}

export async function release(
  deps: WorkDeps,
  flow: FlowRun,
  to: Parameters<FlowStore["release"]>[1],
  options: CallOptions,
): Promise<void> {
  await deps.unit.commit([deps.flows.release(flow, to)], options);
}

/** After a commit: an event may have come before the wait that it ends. */
export async function moved(
  deps: WorkDeps,
  flow: FlowRun,
  move: FlowMove,
  options: CallOptions,
): Promise<void> {
  deps.onMove(flow, move);
  if (move.wait?.kind !== "event") return;
  const { topic, correlationId } = move.wait;
  await pairSignals(deps, { spaceId: flow.spaceId, topic, correlationId }, options);
}

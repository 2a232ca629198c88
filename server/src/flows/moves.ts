import type { FlowChange, FlowMove, FlowReason, FlowRun, FlowState } from "@troupe/contracts";

/** The move that leaves a flow as it is, to be changed in part. */
export function moveFrom(flow: FlowRun): FlowMove {
  const { id, revision, definition, version, step, reason, state } = flow;
  return { id, revision, definition, version, step, reason, state };
}

/** The end of a wait: its step runs. */
export function resumed(
  flow: FlowRun,
  by: { readonly reason: FlowReason; readonly state?: FlowState; readonly step?: string },
): FlowMove {
  const step = by.step ?? flow.wait?.to ?? flow.step;
  return { ...moveFrom(flow), step, reason: by.reason, state: { ...flow.state, ...by.state } };
}

export type Says = (what: string, detail?: string) => FlowChange;

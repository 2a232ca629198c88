// Flows of one schedule: each a row of things to do and to wait for.
import type { Random } from "../../../testing/src/simulator/index.ts";

export type FlowOp =
  | { readonly kind: "step" }
  | { readonly kind: "timer"; readonly ms: number }
  | { readonly kind: "event"; readonly correlationId: string }
  | { readonly kind: "manual" }
  | { readonly kind: "turn"; readonly token: string }
  | { readonly kind: "children"; readonly of: readonly (readonly FlowOp[])[] };

export interface PlannedFlow {
  readonly id: string;
  readonly atMs: number;
  readonly ops: readonly FlowOp[];
  readonly cancelAtMs: number | undefined;
}

export interface PlannedEvent {
  readonly eventId: string;
  readonly correlationId: string;
  readonly atMs: number;
  /** Told again, so many times. */
  readonly repeats: number;
}

export interface FlowPlan {
  readonly flows: readonly PlannedFlow[];
  readonly events: readonly PlannedEvent[];
}

const CORRELATIONS = ["c0", "c1"];

export function planFlows(random: Random): FlowPlan {
  let tokens = 0;
  const op = (depth: number): FlowOp => {
    const kinds = ["step", "step", "timer", "event", "manual", "turn", ...(depth < 1 ? ["children"] : [])];
    switch (random.pick(kinds)) {
      case "timer":
        return { kind: "timer", ms: random.int(20, 3_000) };
      case "event":
        return { kind: "event", correlationId: random.pick(CORRELATIONS) };
      case "manual":
        return depth === 0 ? { kind: "manual" } : { kind: "step" };
      case "turn":
        return { kind: "turn", token: `t${++tokens}` };
      case "children":
        return {
          kind: "children",
          of: Array.from({ length: random.int(1, 3) }, () => ops(depth + 1, random.int(1, 2))),
        };
      default:
        return { kind: "step" };
    }
  };
  const ops = (depth: number, count: number): readonly FlowOp[] =>
    Array.from({ length: count }, () => op(depth));
  const flows = Array.from({ length: random.int(1, 3) }, (_, at): PlannedFlow => {
    const atMs = random.int(0, 5_000);
    return {
      ...{ id: `flow${at}`, atMs, ops: ops(0, random.int(1, 5)) },
      cancelAtMs: random.chance(0.2) ? atMs + random.int(0, 5_000) : undefined,
    };
  });
  const waits = flows.flatMap((flow) => correlationsOf(flow.ops));
  // Mostly one for each wait, sometimes one too few or too many.
  const wanted = waits.filter(() => !random.chance(0.08));
  if (random.chance(0.15)) wanted.push(random.pick(CORRELATIONS));
  return {
    flows,
    events: wanted.map((correlationId, at) => ({
      ...{ eventId: `event${at}`, correlationId, atMs: random.int(0, 9_000) },
      repeats: random.chance(0.25) ? 1 : 0,
    })),
  };
}

function correlationsOf(ops: readonly FlowOp[]): readonly string[] {
  return ops.flatMap((op) =>
    op.kind === "event" ? [op.correlationId] : op.kind === "children" ? op.of.flatMap(correlationsOf) : [],
  );
}

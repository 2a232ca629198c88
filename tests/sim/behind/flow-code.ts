// The code of the simulated flows: one definition, whose steps do what the flow's own row of things says.
import type { FlowContext, FlowDefinition, FlowNext, FlowResult, Stores, Write } from "@troupe/contracts";
import type { Random, SimulatedProcess, World } from "../../../testing/src/simulator/index.ts";
import { AGENT_IDS } from "./plan-agents.ts";
import type { FlowOp } from "./plan-flows.ts";
import type { Seen } from "./seen.ts";

export const WALK = "walk";
export const TOPIC = "bell";
/** Past all that may go wrong, so that an event which was there is never missed for it. */
export const EVENT_DEADLINE_MS = 45_000;
const MAX_ATTEMPTS = 40;

export interface WalkDeps {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly random: Random;
  readonly seen: Seen;
  readonly flows: Stores["flows"];
  /** A row of its own each time, so that keeping it twice would show. */
  readonly noted: (text: string) => Write;
  readonly failShare: () => number;
}

/** The versions that a process knows: an old one the first alone, a new one the second, which takes over flows of the first. */
export function walksOf(deps: WalkDeps, isOld: boolean): readonly FlowDefinition[] {
  const common = {
    name: WALK,
    first: "s0",
    steps: {},
    anyStep: { run: stepOf(deps), maxAttempts: MAX_ATTEMPTS },
  };
  if (isOld) return [{ ...common, version: 1 }];
  return [
    {
      ...common,
      version: 2,
      migrate: { from: { 1: (state, step) => ({ state: { ...state, moved: true }, step }) } },
    },
  ];
}

/** What a step leaves behind when it is kept. */
export function noteOf(flowId: string, n: number): string {
  return `flow ${flowId} s${n} `;
}

/** Stands in the note of a step that went on too early, before the flows that were open. */
export const WHILE_OPEN = "while open: ";

function stepOf(deps: WalkDeps) {
  const { process, world, seen, random } = deps;
  return async (context: FlowContext, { signal }: { readonly signal: AbortSignal }): Promise<FlowResult> => {
    const { flow, state, reason } = context;
    const n = Number(flow.step.slice(1));
    await process.pause(random.next() * 30, "step", signal);
    if (random.chance(deps.failShare())) throw new Error("The step failed.");
    const open = reason === "children" ? await openChildren(deps, flow.id, signal) : [];
    seen.steps.push({ flowId: flow.id, n, reason, atMs: world.nowMs });
    const event = reason === "event" ? (state.event as { readonly id?: string } | undefined)?.id : undefined;
    const about = open.length > 0 ? `${WHILE_OPEN}${open}` : (event ?? "");
    return {
      ...leadsTo(context, state.ops as readonly FlowOp[], n),
      writes: [deps.noted(`${noteOf(flow.id, n)}${reason} ${about}`.trim())],
    };
  };
}

/**
 * What a step saw is part of what it leaves, so it is judged only where the step is kept. A process that slept past its
 * claim sees what the flow began since, and that says nothing: all of its step is refused.
 */
async function openChildren({ flows }: WalkDeps, flowId: string, signal: AbortSignal) {
  const children = await flows.children(flowId, { signal });
  return children.filter(({ endedAt }) => endedAt === undefined).map(({ id }) => id);
}

function leadsTo({ now }: FlowContext, ops: readonly FlowOp[], n: number): Omit<FlowResult, "writes"> {
  const op = ops[n];
  const to = `s${n + 1}`;
  const next = (one: FlowNext): Omit<FlowResult, "writes"> => ({ next: one });
  switch (op?.kind) {
    case undefined:
      return next({ done: true });
    case "timer":
      return next({ wait: { kind: "timer", at: now + op.ms, to } });
    case "event": {
      const deadline = { at: now + EVENT_DEADLINE_MS, to };
      return next({ wait: { kind: "event", topic: TOPIC, correlationId: op.correlationId, to, deadline } });
    }
    case "manual":
      return next({ wait: { kind: "manual", to } });
    case "turn":
      return next({ turn: { text: op.token, agentId: AGENT_IDS[0] }, to });
    case "children":
      return {
        ...next({ wait: { kind: "children", to } }),
        children: op.of.map((of, at) => ({ key: String(at), definition: WALK, state: { ops: of } })),
      };
    default:
      return next({ step: to });
  }
}

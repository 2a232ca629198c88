import type { FlowRun, FlowStore, FlowWait, Tool, ToolContext, ToolOutput } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { AGENT_FLOW } from "./agent-flow.ts";
import type { FlowEngine } from "./engine.ts";
import { checkWait } from "./waits.ts";

export interface FlowToolDeps {
  readonly flows: Pick<FlowStore, "start" | "drive" | "requestCancel" | "get" | "ofSession">;
  readonly engine: Pick<FlowEngine, "says" | "touched">;
}

type Part = Readonly<Record<string, unknown>>;

export const text = (description: string, maxLength: number = 500): Part => ({
  type: "string",
  minLength: 1,
  maxLength,
  description,
});
export const FLOW: Part = { flow: text("Id of the flow.", 64) };
export const DATA: Part = {
  data: {
    type: "object",
    additionalProperties: { type: ["string", "number", "boolean"] },
    maxProperties: 50,
    description: "Notes to keep with the flow, by name.",
  },
};

export type Input = Readonly<Record<string, unknown>>;
/** The flow, and whether it is begun by this very turn, so that nothing can be read of it yet. */
export type Own = { readonly id: string; readonly kept: FlowRun | undefined };

export type Changing = readonly [
  name: string,
  description: string,
  input: Tool["spec"]["inputSchema"],
  change: (deps: FlowToolDeps, own: Own, input: Input, context: ToolContext) => ToolOutput,
];

const advance: Changing = [
  "flow_advance",
  "Moves a flow of this conversation to another step, and keeps notes with it.",
  schema({ ...FLOW, step: text("Name of the step that comes next.", 80), ...DATA }, ["flow", "step"]),
  (deps, own, input, context) => {
    const step = String(input.step);
    return drive(deps, own, context, { step, patch: notes(input), wait: { kind: "manual", to: step } }, [
      "step",
      `Flow ${own.id} is at step "${step}".`,
    ]);
  },
];

const wait: Changing = [
  "flow_wait",
  "Lets a flow wait: until a time, or for an event with a topic and a correlation id; then you are asked to go on. A deadline asks you earlier.",
  schema(
    {
      ...FLOW,
      until: text("Time to wait for, ISO 8601 with zone, such as 2026-12-01T09:00:00Z.", 40),
      topic: text("Topic of the event to wait for.", 200),
      correlationId: text("Which one of that topic: an order's number, say.", 200),
      deadline: text("When to go on if the event does not come, ISO 8601 with zone.", 40),
      step: text("Step that comes after the wait. Default: the present one.", 80),
      ...DATA,
    },
    ["flow"],
  ),
  (deps, own, input, context) => {
    const to = typeof input.step === "string" ? input.step : (own.kept?.step ?? "start");
    const deadline = input.deadline === undefined ? {} : { deadline: { at: timeOf(input.deadline), to } };
    const on = waitOf(input, to);
    const whole: FlowWait = { ...on, ...deadline };
    checkWait(whole, context.now);
    return drive(deps, own, context, { step: to, patch: notes(input), wait: whole }, [
      "waits",
      `Flow ${own.id} waits.`,
    ]);
  },
];

const finish: Changing = [
  "flow_finish",
  "Ends a flow of this conversation that has reached its goal.",
  schema({ ...FLOW, ...DATA }, ["flow"]),
  (deps, own, input, context) =>
    drive(deps, own, context, { patch: notes(input), end: "finished" }, [
      "finished",
      `Flow ${own.id} is finished.`,
    ]),
];

const fail: Changing = [
  "flow_fail",
  "Ends a flow of this conversation that cannot reach its goal.",
  schema({ ...FLOW, reason: text("Why, one sentence.") }, ["flow", "reason"]),
  (deps, own, input, context) =>
    drive(deps, own, context, { patch: {}, end: "failed", error: String(input.reason) }, [
      "failed",
      `Flow ${own.id} is given up: ${String(input.reason)}`,
    ]),
];

const cancel: Changing = [
  "flow_cancel",
  "Cancels a flow of this conversation that is no longer wanted. Final.",
  schema({ ...FLOW, reason: text("Why, one sentence.") }, ["flow", "reason"]),
  ({ flows, engine }, own, input, context) => ({
    text: `Flow ${own.id} is being cancelled.`,
    writes: [
      flows.requestCancel(
        { id: own.id, spaceId: context.spaceId },
        engine.says("cancel-requested", String(input.reason), context.agentId),
      ),
    ],
  }),
];

function drive(
  { flows, engine }: FlowToolDeps,
  { id }: Own,
  { spaceId, sessionId, agentId, idempotencyKey: key }: ToolContext,
  change: Pick<Parameters<FlowStore["drive"]>[0], "step" | "patch" | "wait" | "end" | "error">,
  [what, told]: readonly [string, string],
): ToolOutput {
  const write = flows.drive(
    { id, spaceId, sessionId, definition: AGENT_FLOW, key, ...change },
    engine.says(what, told, agentId),
  );
  return { text: told, writes: [write] };
}

function waitOf(input: Input, to: string): FlowWait {
  if (input.until !== undefined) return { kind: "timer", at: timeOf(input.until), to };
  if (input.topic === undefined && input.correlationId === undefined) return { kind: "manual", to };
  return {
    kind: "event",
    topic: String(input.topic ?? ""),
    correlationId: String(input.correlationId ?? ""),
    to,
  };
}

function timeOf(value: unknown): number {
  const at = Date.parse(String(value));
  if (Number.isFinite(at)) return at;
  throw new TroupeError(`"${String(value)}" is no time. Write it like 2026-12-01T09:00:00Z.`, {
    code: "request.invalid",
  });
}

function notes({ data }: Input): Readonly<Record<string, string | number | boolean>> {
  return (data ?? {}) as Readonly<Record<string, string | number | boolean>>;
}

export function schema(
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[],
): Tool["spec"]["inputSchema"] {
  return { type: "object", properties, required, additionalProperties: false };
}

/** The tools that change a flow, by what they do to it. */
export const CHANGING: readonly Changing[] = [advance, wait, finish, fail, cancel];

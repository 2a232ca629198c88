import type {
  CallOptions,
  FlowRun,
  FlowStore,
  FlowWait,
  Tool,
  ToolContext,
  ToolOutput,
  ToolSource,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { AGENT_FLOW } from "./agent-flow.ts";
import type { FlowEngine } from "./engine.ts";
import { checkWait, parkedOn } from "./waits.ts";

/** Id of the source; agents whose blueprint names its tools have them. */
export const FLOW_TOOLS = "flows";
const LISTED = 20;
/** Flows begun in turns that are not kept yet. */
const MAX_BEGUN = 1_000;

export interface FlowToolDeps {
  readonly flows: Pick<FlowStore, "start" | "drive" | "requestCancel" | "get" | "ofSession">;
  readonly engine: Pick<FlowEngine, "says" | "touched">;
}

const text = (description: string, maxLength = 500) => ({
  type: "string",
  minLength: 1,
  maxLength,
  description,
});
const FLOW = { flow: text("Id of the flow.", 64) };
const DATA = {
  data: {
    type: "object",
    additionalProperties: { type: ["string", "number", "boolean"] },
    maxProperties: 50,
    description: "Notes to keep with the flow, by name.",
  },
};

type Input = Readonly<Record<string, unknown>>;
/** The flow, and whether it is begun by this very turn, so that nothing can be read of it yet. */
type Own = { readonly id: string; readonly kept: FlowRun | undefined };

/**
 * Flows in the hands of an agent. What a call changes joins the commit of its turn; a flow of another conversation is
 * refused, and its revision is nobody's business but the store's. Source: feature NR-064.
 */
export function createFlowTools(deps: FlowToolDeps): ToolSource {
  const begun = new Map<string, string>();
  const tools = [startTool(deps, begun), ...changingTools(deps, begun), statusTool(deps), listTool(deps)];
  return { id: FLOW_TOOLS, list: async () => tools };
}

function startTool({ flows, engine }: FlowToolDeps, begun: Map<string, string>): Tool {
  return {
    spec: {
      name: "flow_start",
      description:
        "Begins a flow: work of several steps that may take days. It is kept, and waits until you move it. Answers its id.",
      kind: "transactional",
      inputSchema: schema(
        {
          goal: text("What the flow is to reach, one line."),
          step: text("Name of the first step.", 80),
          ...DATA,
        },
        ["goal", "step"],
      ),
    },
    async run(input, context) {
      const { goal, step, data = {} } = input as { goal: string; step: string; data?: FlowRun["state"] };
      const id = derivedId("agent-flow", context.spaceId, context.idempotencyKey);
      begun.set(id, context.sessionId);
      for (const oldest of begun.keys()) {
        if (begun.size <= MAX_BEGUN) break;
        begun.delete(oldest);
      }
      const flow = {
        ...{ id, spaceId: context.spaceId, definition: AGENT_FLOW, version: 1, parentId: undefined },
        ...{
          sessionId: context.sessionId,
          agentId: context.agentId,
          goal,
          step,
          state: data,
          isMirrored: false,
        },
        wait: { kind: "manual", to: step } as const,
      };
      return {
        text: `Flow ${id} began at step "${step}". It is yours to move.`,
        writes: [flows.start(flow, engine.says("started", "", context.agentId))],
      };
    },
  };
}

function changingTools(deps: FlowToolDeps, begun: ReadonlyMap<string, string>): readonly Tool[] {
  const changing = (
    name: string,
    description: string,
    inputSchema: Tool["spec"]["inputSchema"],
    change: (own: Own, input: Input, context: ToolContext) => ToolOutput,
  ): Tool => ({
    spec: { name, description, kind: "transactional", inputSchema },
    async run(input, context, options) {
      const own = await ownFlow(deps, begun, (input as { flow: string }).flow, context, options);
      if (typeof own === "string") return { text: own, isError: true };
      try {
        const output = change(own, input as Input, context);
        deps.engine.touched(context.sessionId);
        return output;
      } catch (error) {
        if (TroupeError.is(error, "request.invalid")) return { text: error.message, isError: true };
        throw error;
      }
    },
  });
  return [advance, wait, finish, fail, cancel].map(([name, description, input, change]) =>
    changing(name, description, input, (own, given, context) => change(deps, own, given, context)),
  );
}

type Changing = readonly [
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

function statusTool({ flows }: FlowToolDeps): Tool {
  return {
    spec: {
      name: "flow_status",
      description: "Tells where a flow of this conversation stands.",
      kind: "pure",
      inputSchema: schema(FLOW, ["flow"]),
    },
    async run(input, context, options) {
      const flow = await flows.get((input as { flow: string }).flow, options);
      if (flow === undefined || !isOwn(flow, context)) return { text: NOT_YOURS, isError: true };
      return { text: `${lineOf(flow)}\nNotes: ${JSON.stringify(flow.state)}` };
    },
  };
}

function listTool({ flows }: FlowToolDeps): Tool {
  return {
    spec: {
      name: "flow_list",
      description: "Lists the flows of this conversation, newest first.",
      kind: "pure",
      inputSchema: schema({}, []),
    },
    async run(_input, { spaceId, sessionId }, options) {
      const found = await flows.ofSession({ spaceId, sessionId, limit: LISTED }, options);
      return {
        text: found.length === 0 ? "There are no flows in this conversation." : found.map(lineOf).join("\n"),
      };
    },
  };
}

const NOT_YOURS = "There is no such flow in this conversation.";

async function ownFlow(
  { flows }: FlowToolDeps,
  begun: ReadonlyMap<string, string>,
  id: string,
  context: ToolContext,
  options: CallOptions,
): Promise<Own | string> {
  const kept = await flows.get(id, options);
  if (kept === undefined) return begun.get(id) === context.sessionId ? { id, kept } : NOT_YOURS;
  if (!isOwn(kept, context)) return NOT_YOURS;
  if (kept.definition !== AGENT_FLOW) return `Flow ${id} is run by code; you can look at it and no more.`;
  if (kept.endedAt !== undefined) return `Flow ${id} has ended: ${kept.status}.`;
  if (kept.cancelRequested !== undefined) return `Flow ${id} is being cancelled.`;
  return { id, kept };
}

function isOwn(flow: FlowRun, { spaceId, sessionId }: ToolContext): boolean {
  return flow.spaceId === spaceId && flow.sessionId === sessionId;
}

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

function lineOf(flow: FlowRun): string {
  const parked = parkedOn(flow, true);
  const rest = parked === undefined ? (flow.error ?? "") : `waits ${parked}`;
  return `${flow.id}: "${flow.goal}", ${flow.status} at step "${flow.step}"${rest === "" ? "" : `, ${rest}`}`;
}

function schema(
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[],
): Tool["spec"]["inputSchema"] {
  return { type: "object", properties, required, additionalProperties: false };
}

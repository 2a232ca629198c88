import type { CallOptions, FlowRun, Tool, ToolContext, ToolOutput, ToolSource } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { AGENT_FLOW } from "./agent-flow.ts";
import {
  CHANGING,
  DATA,
  FLOW,
  type FlowToolDeps,
  type Input,
  type Own,
  schema,
  text,
} from "./changing-tools.ts";
import { parkedOn } from "./waits.ts";

/** Id of the source; agents whose blueprint names its tools have them. */
export const FLOW_TOOLS = "flows";
const LISTED = 20;
/** Flows begun in turns that are not kept yet. */
const MAX_BEGUN = 1_000;

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
  return CHANGING.map(([name, description, input, change]) =>
    changing(name, description, input, (own, given, context) => change(deps, own, given, context)),
  );
}

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

function lineOf(flow: FlowRun): string {
  const parked = parkedOn(flow, true);
  const rest = parked === undefined ? (flow.error ?? "") : `waits ${parked}`;
  return `${flow.id}: "${flow.goal}", ${flow.status} at step "${flow.step}"${rest === "" ? "" : `, ${rest}`}`;
}

import type { FlowContext, FlowDefinition, FlowResult, FlowTurn } from "@troupe/contracts";

/** Name of the flows that agents drive with their tools. */
export const AGENT_FLOW = "agent";

/**
 * Flows that an agent drives: their steps are names that the agent chose, and what is known is data. When a wait ends, the
 * agent is given a turn in the flow's session; then the flow waits by hand until the agent moves it.
 */
export const agentFlow: FlowDefinition = {
  name: AGENT_FLOW,
  version: 1,
  first: "start",
  steps: {},
  anyStep: {
    run: async (context) => (isTold(context) ? atHand(context) : told(context)),
  },
};

function isTold({ reason }: FlowContext): boolean {
  return reason === "turn" || reason === "start" || reason === "step";
}

function atHand({ flow }: FlowContext): FlowResult {
  return { next: { wait: { kind: "manual", to: flow.step } } };
}

function told(context: FlowContext): FlowResult {
  const { flow } = context;
  const turn: FlowTurn = { text: textOf(context) };
  return { next: { turn, to: flow.step } };
}

function textOf({ flow, state, reason }: FlowContext): string {
  const why =
    reason === "timer"
      ? "the time that it waited for has come"
      : reason === "event"
        ? `the event that it waited for has come: ${JSON.stringify(state.event ?? {})}`
        : reason === "deadline"
          ? "its deadline has passed and what it waited for did not come"
          : "a person resumed it";
  const { event: _event, turn: _turn, ...notes } = state;
  return [
    `Flow ${flow.id} ("${flow.goal}") goes on at step "${flow.step}": ${why}.`,
    ...(Object.keys(notes).length === 0 ? [] : [`Noted so far: ${JSON.stringify(notes)}`]),
    "Do what this step needs, then move the flow with flow_advance, flow_wait, flow_finish or flow_fail.",
  ].join("\n");
}

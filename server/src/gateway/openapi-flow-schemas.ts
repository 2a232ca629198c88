/** Shapes of flows that the API description names. */

export type FlowSchemaName =
  | "Flow"
  | "FlowPage"
  | "FlowDetails"
  | "FlowStart"
  | "FlowResumption"
  | "FlowCancellation"
  | "FlowEventRequest"
  | "FlowEventResult"
  | "FlowDefinitionList";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const whole: Schema = { type: "integer" };
const time: Schema = { type: "integer", description: "UTC milliseconds" };
const data: Schema = { type: "object", additionalProperties: true };
const flow: Schema = { $ref: "#/components/schemas/Flow" };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

const deadline = object({ at: time, to: { ...text, description: "Absent: the flow fails" } }, ["at"]);
const wait = object(
  {
    kind: { type: "string", enum: ["timer", "event", "manual", "children", "turn"] },
    to: { ...text, description: "The step that follows" },
    ...{ at: time, topic: text, correlationId: text, turnId: text, turn: data, deadline },
  },
  ["kind", "to"],
);

export const FLOW_SCHEMAS: Readonly<Record<FlowSchemaName, Schema>> = {
  Flow: object(
    {
      ...{ id: text, spaceId: text, definition: text, version: whole, parentId: text, sessionId: text },
      ...{ agentId: text, goal: text, step: text },
      reason: { ...text, description: "Why its step runs: start, step, timer, event, manual and so on" },
      state: { ...data, description: "What it knows" },
      status: { type: "string", enum: ["running", "waiting", "finished", "failed", "cancelled"] },
      wait,
      parkedOn: { ...text, description: "Why it does not go on, a few words" },
      waitingSince: time,
      dueAt: { ...time, description: "When it is looked at next" },
      cancelRequested: { ...text, description: "Why it is to be cancelled" },
      isMirrored: { type: "boolean", description: "Watches work outside: moved by events alone" },
      revision: { ...whole, description: "Rises with each change" },
      attempt: { ...whole, description: "How often its step was tried" },
      ...{ epoch: whole, owner: text, error: text, createdAt: time, updatedAt: time, endedAt: time },
    },
    ["id", "definition", "version", "goal", "step", "status", "state", "revision", "createdAt", "updatedAt"],
  ),
  FlowPage: object(
    { items: list(flow), next: { ...text, description: "Cursor of the next page; absent on the last" } },
    ["items"],
  ),
  FlowDetails: object(
    {
      flow,
      history: {
        ...list(object({ n: whole, at: time, what: text, step: text, by: text, detail: text })),
        description: "One line a revision, oldest first: the newest 200",
      },
      hasMore: { type: "boolean", description: "There are older lines: before is the revision of the first" },
      parent: flow,
      children: list(flow),
    },
    ["flow", "history", "hasMore", "children"],
  ),
  FlowStart: object(
    {
      definition: text,
      id: { ...text, maxLength: 64, description: "The same one twice is one flow; by default a new one" },
      ...{ goal: { ...text, maxLength: 500 }, state: data, sessionId: text, agentId: text },
      mirrors: {
        ...object({ topic: text, correlationId: text }, ["topic", "correlationId"]),
        description: "Watches work outside by these events; needs no definition",
      },
    },
    ["definition"],
  ),
  FlowResumption: object({
    step: { ...text, description: "Goes on here instead of at the step that the wait names" },
    state: { ...data, description: "Joined to what it knows" },
  }),
  FlowCancellation: object({ reason: { ...text, maxLength: 500 } }),
  FlowEventRequest: object(
    {
      ...{ topic: text, correlationId: text },
      eventId: { ...text, description: "Yours: the same one counts once" },
      payload: { ...data, description: "The flow finds it as state.event" },
      flowId: { ...text, description: "For this flow alone" },
    },
    ["topic", "correlationId", "eventId"],
  ),
  FlowEventResult: object(
    {
      kind: {
        ...{ type: "string", enum: ["resumed", "kept", "duplicate"] },
        description: "kept: for a week, for a flow that begins to wait for it",
      },
      flowId: text,
    },
    ["kind"],
  ),
  FlowDefinitionList: object(
    {
      items: list(
        object(
          {
            ...{ name: text, version: whole, first: text, steps: list(text) },
            from: { ...list(whole), description: "Older versions that go on under this one" },
          },
          ["name", "version", "first", "steps", "from"],
        ),
      ),
    },
    ["items"],
  ),
};

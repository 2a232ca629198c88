import type { FlowPort, FlowState, FlowStatus, ParkedCount } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type Call, pageOf, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { countAt, type Fields, objectAt, oneOf, onlyKnown, optional, stringAt } from "../fields.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { KeyedRoute, Route } from "../route.ts";

const OPEN: readonly FlowStatus[] = ["running", "waiting"];
const ENDED: readonly FlowStatus[] = ["finished", "failed", "cancelled"];
const ALL: readonly FlowStatus[] = [...OPEN, ...ENDED];
const WAITS: readonly ParkedCount["on"][] = [
  ...(["timer", "event", "manual"] as const),
  ...(["children", "turn", "version"] as const),
];
const MOST_NAME = 200;
const MOST_GOAL = 500;

const FIELDS: Readonly<Record<"start" | "resume" | "cancel" | "event", ReadonlySet<string>>> = {
  start: new Set(["definition", "id", "goal", "state", "sessionId", "agentId", "mirrors"]),
  resume: new Set(["step", "state"]),
  cancel: new Set(["reason"]),
  event: new Set(["topic", "correlationId", "eventId", "payload", "flowId"]),
};

type Run = (face: Face, flows: FlowPort, call: Call) => Promise<Reply> | Reply;

/** Durable state machines: the operator's alone, since whoever moves one moves what it does outside. */
export function flowRoutes(face: Face): readonly Route[] {
  const route = (method: "GET" | "POST", path: string, run: Run): KeyedRoute => ({
    ...{ method, path, access: "operator" },
    handle: (call) => run(face, portOf(face), call),
  });
  // What is no id comes first: the table is asked in order.
  return [
    route("GET", "/api/flows", list),
    route("POST", "/api/flows", start),
    route("GET", "/api/flows/definitions", (_, flows, { principal }) =>
      jsonReply({ items: flows.programs(principal) }),
    ),
    route("POST", "/api/flows/events", tell),
    route("GET", "/api/flows/:id", show),
    route("POST", "/api/flows/:id/resume", resume),
    route("POST", "/api/flows/:id/cancel", cancel),
  ];
}

function portOf({ deps }: Face): FlowPort {
  if (deps.flows !== undefined) return deps.flows;
  throw new TroupeError("Flows are not served here.", { code: "request.not_found" });
}

async function list(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const query = (name: string): string | undefined => call.context.req.query(name) || undefined;
  const definition = query("definition");
  const on = optional(query("on"), "on", oneOf(WAITS));
  const page = await flows.list(
    {
      ...pageOf(call),
      statuses: statusesOf(query("status")),
      ...(definition === undefined ? {} : { definition }),
      ...(on === undefined ? {} : { on }),
    },
    call.principal,
    face.lifetime,
  );
  return jsonReply(page);
}

/** `open`, the default, `ended`, `all`, or names joined by commas. */
function statusesOf(text = "open"): readonly FlowStatus[] {
  if (text === "open") return OPEN;
  if (text === "ended") return ENDED;
  if (text === "all") return ALL;
  return text.split(",").map((name) => {
    const known = ALL.find((one) => one === name);
    if (known !== undefined) return known;
    throw new FieldError(
      "status",
      `status is "${name.slice(0, 40)}"; known are open, ended, all, ${ALL.join(", ")}.`,
    );
  });
}

async function show(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const id = idOf(call);
  const text = call.context.req.query("before");
  const before = text === undefined || text === "" ? undefined : countAt(Number(text), "before");
  const options = { signal: face.lifetime.signal, ...(before === undefined ? {} : { before }) };
  const found = await flows.get(id, call.principal, options);
  if (found !== undefined) return jsonReply(found);
  throw new TroupeError(`There is no flow ${id.slice(0, 64)}.`, { code: "request.not_found" });
}

async function start(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const body = await bodyOf(face, call, "start");
  const text = (name: string, most: number): Fields => {
    const value = optional(body[name], name, (given, field) => stringAt(given, field, most));
    return value === undefined ? {} : { [name]: value };
  };
  const mirrors = optional(body.mirrors, "mirrors", mirrorsAt);
  const { id } = await flows.start(
    {
      definition: stringAt(body.definition, "definition", MOST_NAME),
      ...{ ...text("id", 64), ...text("goal", MOST_GOAL), ...text("sessionId", 64), ...text("agentId", 64) },
      ...stateOf(body, "state"),
      ...(mirrors === undefined ? {} : { mirrors }),
    },
    call.principal,
    face.lifetime,
  );
  const found = await flows.get(id, call.principal, face.lifetime);
  return jsonReply(found?.flow ?? { id }, { status: 201 });
}

function mirrorsAt(value: unknown, field: string) {
  const fields = objectAt(value, field);
  return {
    topic: stringAt(fields.topic, `${field}.topic`, MOST_NAME),
    correlationId: stringAt(fields.correlationId, `${field}.correlationId`, MOST_NAME),
  };
}

async function tell(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const body = await bodyOf(face, call, "event");
  const flowId = optional(body.flowId, "flowId", (given, field) => stringAt(given, field, 64));
  const { state: payload } = stateOf(body, "payload");
  const told = await flows.signal(
    {
      topic: stringAt(body.topic, "topic", MOST_NAME),
      correlationId: stringAt(body.correlationId, "correlationId", MOST_NAME),
      eventId: stringAt(body.eventId, "eventId", MOST_NAME),
      ...(payload === undefined ? {} : { payload }),
      ...(flowId === undefined ? {} : { flowId }),
    },
    call.principal,
    face.lifetime,
  );
  return jsonReply(told);
}

async function resume(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const body = await bodyOf(face, call, "resume");
  const step = optional(body.step, "step", (given, field) => stringAt(given, field, MOST_NAME));
  const how = { ...stateOf(body, "state"), ...(step === undefined ? {} : { step }) };
  return jsonReply(await flows.resume(idOf(call), how, call.principal, face.lifetime));
}

async function cancel(face: Face, flows: FlowPort, call: Call): Promise<Reply> {
  const body = await bodyOf(face, call, "cancel");
  const reason = optional(body.reason, "reason", (given, field) => stringAt(given, field, MOST_GOAL)) ?? "";
  return jsonReply(await flows.cancel(idOf(call), reason, call.principal, face.lifetime));
}

async function bodyOf(face: Face, call: Call, kind: keyof typeof FIELDS): Promise<Fields> {
  const text = await readBody(call, face.limits.bodyBytes);
  const fields = objectAt(text === "" ? {} : parseJson(text), "body");
  onlyKnown(fields, FIELDS[kind]);
  return fields;
}

function stateOf(body: Fields, name: string): { readonly state?: FlowState } {
  const state = optional(body[name], name, objectAt);
  return state === undefined ? {} : { state };
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}

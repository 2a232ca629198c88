import type { Job, JobAction, JobAsker, Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../../kit/index.ts";
import { type Call, nameHeader, pageOf, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { type JobRequest, readJob } from "../job-request.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator } from "../turn-record.ts";
import { ownSession } from "./messages.ts";

const ACTIONS: readonly JobAction[] = ["pause", "resume", "cancel", "run"];

/** Jobs and reminders. A key sees and changes its own, an operator all of its space. */
export function jobRoutes(face: Face): readonly Route[] {
  const route = (
    method: "GET" | "POST" | "PATCH",
    path: string,
    run: (face: Face, call: Call) => Promise<Reply>,
  ) => ({ method, path, access: "key", handle: (call: Call) => run(face, call) }) as const;
  return [
    route("GET", "/api/jobs", list),
    route("POST", "/api/jobs", create),
    route("GET", "/api/jobs/:id", async (_, call) => jsonReply(await visibleJob(face, call))),
    route("PATCH", "/api/jobs/:id", change),
    route("GET", "/api/jobs/:id/runs", runs),
    ...ACTIONS.map((action) =>
      route("POST", `/api/jobs/:id/${action}`, async (_, call) =>
        jsonReply(await face.deps.jobs.act(await visibleJob(face, call), action, face.lifetime)),
      ),
    ),
  ];
}

async function list({ deps, lifetime }: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const agentId = context.req.query("agent");
  const seesAll = isOperator(principal) && context.req.query("mine") !== "true";
  const query = {
    ...{ ...pageOf(call), spaceId: principal.spaceId, isOpen: context.req.query("all") !== "true" },
    ...(agentId === undefined ? {} : { agentId }),
    ...(seesAll ? {} : { ownerId: principal.id }),
  };
  return jsonReply(await deps.stores.jobs.list(query, lifetime));
}

async function runs(face: Face, call: Call): Promise<Reply> {
  const { id } = await visibleJob(face, call);
  return jsonReply(await face.deps.stores.jobs.runs({ ...pageOf(call), jobId: id }, face.lifetime));
}

async function create(face: Face, call: Call): Promise<Reply> {
  const { principal } = call;
  const { ids, jobs, stores } = face.deps;
  const request = readJob(parseJson(await readBody(call, face.limits.bodyBytes)));
  refuseElsewhere(request, principal);
  const asker = await askerOf(face, call, request);
  const key = nameHeader(call, "idempotency-key");
  const id = key === undefined ? ids.next() : derivedId("job", principal.spaceId, principal.id, key);
  const known =
    key === undefined ? undefined : await stores.jobs.get({ spaceId: principal.spaceId, id }, face.lifetime);
  const { input } = request;
  // Where nothing is said of a conversation there is none to answer in.
  const deliverTo = input.deliverTo ?? (request.sessionId === undefined ? "inbox" : "session");
  const job = known ?? (await jobs.create(id, { ...input, deliverTo }, asker, face.lifetime));
  const status = known === undefined ? 201 : 200;
  return jsonReply(job, { status, headers: { location: `/api/jobs/${encodeURIComponent(id)}` } });
}

async function askerOf(
  face: Face,
  call: Call,
  { agentId, sessionId }: Pick<JobRequest, "agentId" | "sessionId">,
): Promise<JobAsker> {
  const { spaceId, id: ownerId } = call.principal;
  const session = sessionId === undefined ? undefined : await ownSession(face, call, sessionId);
  const named = agentId ?? session?.agentId;
  if (named === undefined)
    throw new FieldError("agentId", "agentId is missing; say which agent is to do it.");
  if (face.deps.agents.get(spaceId, named) === undefined)
    throw new TroupeError(`There is no agent "${named.slice(0, 64)}".`, { code: "request.not_found" });
  if (session !== undefined && session.agentId !== named)
    throw new FieldError("agentId", `The conversation is with ${session.agentId}; leave agentId out.`);
  const peerId = session?.peerId ?? ownerId;
  return {
    spaceId,
    agentId: named,
    ownerId,
    peerId,
    origin: session === undefined ? {} : { sessionId: session.id },
  };
}

async function change(face: Face, call: Call): Promise<Reply> {
  const { agentId, sessionId, input } = readJob(parseJson(await readBody(call, face.limits.bodyBytes)));
  for (const [field, value] of Object.entries({ agentId, sessionId }))
    if (value !== undefined) throw new FieldError(field, `${field} cannot be changed; make another job.`);
  refuseElsewhere({ input }, call.principal);
  const job = await visibleJob(face, call);
  return jsonReply(await face.deps.jobs.update(job, input, face.lifetime));
}

/** A key may have answers where it reads them anyway; whoever may write into any chat is an operator. */
function refuseElsewhere({ input: { deliverTo } }: Pick<JobRequest, "input">, principal: Principal): void {
  if (typeof deliverTo !== "object" || isOperator(principal)) return;
  const message = "Only an operator's key may send answers to a channel's address; write session or inbox.";
  throw new TroupeError(message, { code: "auth.forbidden" });
}

/** The job, when the principal may see it. Throws `request.not_found` else: nobody learns what others have. */
async function visibleJob({ deps, lifetime }: Face, { context, principal }: Call): Promise<Job> {
  const id = context.req.param("id") ?? "";
  const job = await deps.stores.jobs.get({ spaceId: principal.spaceId, id }, lifetime);
  if (job !== undefined && (isOperator(principal) || job.ownerId === principal.id)) return job;
  throw new TroupeError(`There is no job "${id.slice(0, 64)}".`, { code: "request.not_found" });
}

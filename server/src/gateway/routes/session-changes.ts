import { TroupeError } from "@troupe/contracts";
import { derivedId, safeText, sessionIdFrom } from "../../kit/index.ts";
import { type Call, nameHeader, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { booleanAt, objectAt, onlyKnown, optional, stringAt } from "../fields.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { shownSession, visibleSession } from "../turn-record.ts";

const LONGEST_TITLE = 200;

/** What is done to whole conversations. A key changes its own, an operator all of its space. */
export function sessionChangeRoutes(face: Face): readonly Route[] {
  return [
    { method: "PATCH", path: "/api/sessions/:id", access: "key", handle: (call) => rename(face, call) },
    { method: "DELETE", path: "/api/sessions/:id", access: "key", handle: (call) => remove(face, call) },
    {
      method: "POST",
      path: "/api/sessions/:id/branches",
      access: "key",
      handle: (call) => branch(face, call),
    },
  ];
}

async function bodyOf(face: Face, call: Call, known: readonly string[]) {
  const fields = objectAt(parseJson(await readBody(call, face.limits.bodyBytes)), "body");
  onlyKnown(fields, new Set(known));
  return fields;
}

/** One line that shows as it was typed. */
function titleAt(value: unknown, field: string): string {
  const title = safeText(stringAt(value, field, LONGEST_TITLE))
    .replace(/\s+/g, " ")
    .trim();
  if (title === "") throw new FieldError(field, `${field} is empty; write a title, or null to give it up.`);
  return title;
}

async function rename(face: Face, call: Call): Promise<Reply> {
  const fields = await bodyOf(face, call, ["title"]);
  if (fields.title === undefined) throw new FieldError("title", "title is missing; it must be text or null.");
  const name = optional(fields.title, "title", titleAt);
  const { stores, lifetime } = { stores: face.deps.stores, lifetime: face.lifetime };
  const session = await visibleSession(stores, idOf(call), call.principal, lifetime);
  await stores.unit.commit([stores.sessions.rename({ id: session.id, name })], lifetime);
  return jsonReply(await shownSession(stores, session.id, call.principal, lifetime));
}

async function remove(face: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const session = await visibleSession(face.deps.stores, idOf(call), principal, face.lifetime);
  const cancel = context.req.query("cancel") === "true";
  const reason = `its conversation is deleted by ${principal.kind} ${principal.id}`;
  const removed = await face.deps.sessionControl.remove(session.id, { cancel, reason }, face.lifetime);
  return jsonReply({ id: session.id, deleted: true, ...removed });
}

/**
 * A branch has a name of its own and goes on where messages are sent to it by that name. The same idempotency key gives
 * the same branch.
 */
async function branch(face: Face, call: Call): Promise<Reply> {
  const { stores, clock, ids } = face.deps;
  const { principal } = call;
  const fields = await bodyOf(face, call, ["messageId", "before", "title"]);
  const messageId = stringAt(fields.messageId, "messageId", 64);
  const isBefore = optional(fields.before, "before", booleanAt) ?? false;
  const name = optional(fields.title, "title", titleAt);
  const parent = await visibleSession(stores, idOf(call), principal, face.lifetime);
  const repeatKey = nameHeader(call, "idempotency-key");
  const key = `branch-${repeatKey === undefined ? ids.next() : derivedId("branch", principal.id, parent.id, repeatKey)}`;
  const id = sessionIdFrom({ ...parent, key });
  const write = stores.sessions.branch({
    ...{ id, key, parentId: parent.id, messageId, isIncluded: !isBefore, name },
    storylineId: derivedId("storyline", id),
    at: clock.now(),
  });
  let status = 201;
  try {
    await stores.unit.commit([write], face.lifetime);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    const known = await stores.sessions.get(id, face.lifetime);
    if (known === undefined) throw noMessage(messageId);
    if (known.parent?.messageId !== messageId) throw reused();
    status = 200;
  }
  const session = await shownSession(stores, id, principal, face.lifetime);
  return jsonReply(session, { status, headers: { location: `/api/sessions/${id}` } });
}

function noMessage(messageId: string): TroupeError {
  return new TroupeError(`There is no message "${messageId}" in this conversation.`, {
    code: "request.not_found",
  });
}

function reused(): TroupeError {
  return new TroupeError("This idempotency key was used for another branch. Use a new key.", {
    code: "request.conflict",
  });
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}

import { type InboxOwners, OPERATOR_ID, type Principal, SUBJECTS, TroupeError } from "@troupe/contracts";
import { type Call, pageOf } from "../call.ts";
import type { Face } from "../face.ts";
import { jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator } from "../turn-record.ts";

/** What waits for whoever asks to read: their own items alone, and for operators those that all operators share. */
export function inboxRoutes(face: Face): readonly Route[] {
  const { clock } = face.deps;
  const route = (
    method: "GET" | "POST" | "DELETE",
    path: string,
    run: (face: Face, call: Call) => Promise<Reply>,
  ) => ({ method, path, access: "key", handle: (call: Call) => run(face, call) }) as const;
  return [
    route("GET", "/api/inbox", list),
    route("POST", "/api/inbox/read", readAll),
    route("GET", "/api/inbox/:id", show),
    route("POST", "/api/inbox/:id/read", (_, call) => mark(face, call, clock.now())),
    route("POST", "/api/inbox/:id/unread", (_, call) => mark(face, call, undefined)),
    route("DELETE", "/api/inbox/:id", remove),
  ];
}

/** Whose items somebody reads: their own, and as operator those for all operators. */
export function inboxOwnersOf(principal: Principal): InboxOwners {
  const { spaceId, id } = principal;
  const ownerIds = isOperator(principal) && id !== OPERATOR_ID ? [id, OPERATOR_ID] : [id];
  return { spaceId, ownerIds };
}

export function countUnread({ deps, lifetime }: Face, principal: Principal): Promise<number> {
  return deps.stores.inboxItems.countUnread(inboxOwnersOf(principal), lifetime);
}

async function list(face: Face, call: Call): Promise<Reply> {
  const { inboxItems } = face.deps.stores;
  const unreadOnly = call.context.req.query("unread") === "true";
  const query = { ...pageOf(call), ...inboxOwnersOf(call.principal), unreadOnly };
  const [page, unread] = await Promise.all([
    inboxItems.list(query, face.lifetime),
    countUnread(face, call.principal),
  ]);
  return jsonReply({ ...page, unread });
}

async function show(face: Face, call: Call): Promise<Reply> {
  const id = idOf(call);
  const query = { ...inboxOwnersOf(call.principal), id };
  const item = await face.deps.stores.inboxItems.get(query, face.lifetime);
  if (item === undefined) throw gone(id);
  return jsonReply(item);
}

async function mark(face: Face, call: Call, readAt: number | undefined): Promise<Reply> {
  const { unit, inboxItems } = face.deps.stores;
  const write = inboxItems.mark({ ...inboxOwnersOf(call.principal), id: idOf(call), readAt });
  const committed = await unit.commit([write], face.lifetime);
  if (committed.read(write).count > 0) ring(face, call.principal);
  // One that is marked so already is no error; one that is not there is.
  return show(face, call);
}

async function readAll(face: Face, call: Call): Promise<Reply> {
  const { unit, inboxItems } = face.deps.stores;
  const readAt = face.deps.clock.now();
  const write = inboxItems.mark({ ...inboxOwnersOf(call.principal), id: undefined, readAt });
  const { count } = (await unit.commit([write], face.lifetime)).read(write);
  if (count > 0) ring(face, call.principal);
  return jsonReply({ read: count });
}

async function remove(face: Face, call: Call): Promise<Reply> {
  const { unit, inboxItems } = face.deps.stores;
  const id = idOf(call);
  const at = face.deps.clock.now();
  const write = inboxItems.remove({ ...inboxOwnersOf(call.principal), id, at });
  const { count } = (await unit.commit([write], face.lifetime)).read(write);
  if (count === 0) throw gone(id);
  ring(face, call.principal);
  return jsonReply({ id, deleted: true });
}

/** Other pages of the same person, and of other operators where they share it. */
function ring({ deps }: Face, principal: Principal): void {
  const { bus, ids, clock } = deps;
  const kind = SUBJECTS.inboxChanged;
  for (const ownerId of inboxOwnersOf(principal).ownerIds) {
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: { ownerId } });
  }
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}

function gone(id: string): TroupeError {
  return new TroupeError(`There is no item "${id.slice(0, 64)}" in your inbox.`, {
    code: "request.not_found",
  });
}

import type { KeyRecord, SignInRecord } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { makeApiKey } from "../../kit/index.ts";
import { type Call, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { objectAt, oneOf, onlyKnown, optional, stringAt } from "../fields.ts";
import { emptyReply, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";

const LONGEST_NAME = 100;
const KNOWN = new Set(["name", "kind"]);
const kindAt = oneOf<KeyRecord["kind"]>(["key", "operator"]);

/** Making and revoking keys. A key is shown once, when it is made; the store has its hash alone. */
export function keyRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/keys",
      access: "operator",
      handle: async (call) => {
        const keys = await face.deps.stores.keys.list(call.principal.spaceId, face.lifetime);
        const browsers = await face.deps.stores.signIns.list(call.principal.spaceId, face.lifetime);
        return jsonReply({ items: keys.map(withoutHash), browsers: browsers.map(shownBrowser) });
      },
    },
    { method: "POST", path: "/api/keys", access: "operator", handle: (call) => create(face, call) },
    { method: "DELETE", path: "/api/keys/:id", access: "operator", handle: (call) => revoke(face, call) },
  ];
}

async function create(face: Face, call: Call): Promise<Reply> {
  const fields = objectAt(parseJson(await readBody(call, face.limits.bodyBytes)), "body");
  onlyKnown(fields, KNOWN);
  const name = stringAt(fields.name, "name", LONGEST_NAME);
  const kind = optional(fields.kind, "kind", kindAt) ?? "key";
  const { key, record } = makeApiKey(face.deps, { spaceId: call.principal.spaceId, name, kind });
  await face.deps.stores.unit.commit([face.deps.stores.keys.put(record)], face.lifetime);
  face.deps.keyRing.clear();
  face.deps.logger.info("key.created", { keyId: record.id, kind, by: call.principal.id });
  return jsonReply({ ...withoutHash(record), key }, { status: 201 });
}

async function revoke(face: Face, call: Call): Promise<Reply> {
  const { stores, keyRing, browsers, clock, logger } = face.deps;
  const id = call.context.req.param("id") ?? "";
  const keys = await stores.keys.list(call.principal.spaceId, face.lifetime);
  const signedIn = await stores.signIns.list(call.principal.spaceId, face.lifetime);
  if (![...keys, ...signedIn].some((known) => known.id === id)) {
    throw new TroupeError(`There is no key or browser "${id.slice(0, 64)}".`, { code: "request.not_found" });
  }
  const at = clock.now();
  // Browsers that act for a key are signed out with it.
  await stores.unit.commit([stores.keys.revoke(id, at), stores.signIns.revoke(id, at)], face.lifetime);
  keyRing.clear();
  browsers.clear();
  logger.info("key.revoked", { keyId: id, by: call.principal.id });
  return emptyReply(204);
}

function shownBrowser(record: SignInRecord): unknown {
  const { id, name, principalKind, principalId, createdAt, usedAt, until, revokedAt } = record;
  return {
    id,
    name,
    kind: "browser",
    for: { kind: principalKind, id: principalId },
    createdAt,
    usedAt,
    until,
    revokedAt,
  };
}

function withoutHash(record: KeyRecord): Omit<KeyRecord, "hash"> {
  const { hash: _, ...shown } = record;
  return shown;
}

import { type KeyRecord, type Principal, TroupeError } from "@troupe/contracts";
import type { Counter } from "../kit/index.ts";
import { browserToken } from "./browsers.ts";
import { type Headed, headerOf } from "./call.ts";
import type { Face } from "./face.ts";
import type { KeyRing } from "./key-ring.ts";
import { isOwnPage } from "./own-page.ts";

/**
 * Tells who asks, by the key of the request, or by the cookie of a browser that is signed in. Rejects with `auth.required`,
 * `auth.invalid`, `auth.forbidden` or `rate.limited`.
 */
export type Authenticate = (call: Headed) => Promise<Principal>;

/** The same for a key that came another way; `address`: where from. */
export type AuthenticateKey = (key: string | undefined, address: string) => Promise<Principal>;

export function createAuthenticate(face: Face): Authenticate {
  const refused = refusals(face);
  const byKey = createAuthenticateKey(face);
  const byToken = lookingIn(
    face,
    face.deps.browsers,
    "This browser is signed in no more. ./troupe key link makes a link that signs it in.",
  );
  return (call) => {
    const address = call.node?.incoming.socket.remoteAddress ?? "";
    const key = keyOf(call);
    const token = key === undefined ? browserToken(call) : undefined;
    if (token === undefined) return byKey(key, address);
    if (isOwnPage(call)) return byToken(token, address);
    refused.add(1, { reason: "foreign_page" });
    const message = "A browser's sign-in is good for Troupe's own page alone; programs send a key.";
    return Promise.reject(new TroupeError(message, { code: "auth.forbidden" }));
  };
}

export function createAuthenticateKey(face: Face): AuthenticateKey {
  const refused = refusals(face);
  const find = lookingIn(face, face.deps.keyRing, "This key is unknown or revoked.");
  return async (key, address) => {
    if (key !== undefined) return find(key, address);
    refused.add(1, { reason: "missing" });
    throw new TroupeError("Send a key: authorization: Bearer <key>. ./troupe key create makes one.", {
      code: "auth.required",
    });
  };
}

function refusals({ deps }: Face): Counter {
  return deps.metrics.counter("http_keys_refused_total", "Requests without a valid key, by why.");
}

function lookingIn(
  face: Face,
  ring: KeyRing,
  unknown: string,
): (secret: string, address: string) => Promise<Principal> {
  const { logger } = face.deps;
  const refused = refusals(face);
  return async (secret, address) => {
    let record: KeyRecord | undefined;
    try {
      const found = ring.find(secret, address, face.lifetime);
      record = found instanceof Promise ? await found : found;
    } catch (error) {
      if (TroupeError.is(error, "rate.limited")) refused.add(1, { reason: "too_many" });
      throw error;
    }
    if (record === undefined) {
      refused.add(1, { reason: "unknown" });
      // As often as wrong keys are looked at, so guessing does not fill the log either.
      logger.warn("gateway.key_refused", { address });
      throw new TroupeError(unknown, { code: "auth.invalid" });
    }
    return { spaceId: record.spaceId, kind: record.kind, id: record.id };
  };
}

export function keyOf(call: Headed): string | undefined {
  const authorization = headerOf(call, "authorization");
  const key =
    authorization === undefined
      ? headerOf(call, "x-api-key")
      : authorization.slice(0, 7).toLowerCase() === "bearer "
        ? authorization.slice(7)
        : undefined;
  const trimmed = key?.trim();
  return trimmed === "" ? undefined : trimmed;
}

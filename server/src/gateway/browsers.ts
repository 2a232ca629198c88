import { hash } from "node:crypto";
import type { CallOptions, Clock, KeyRecord, SignInRecord, SignInStore } from "@troupe/contracts";
import { type Headed, headerOf } from "./call.ts";
import { createKeyRing, type KeyRing } from "./key-ring.ts";

/** How long a browser stays signed in. */
export const BROWSER_FOR_MS: number = 90 * 86_400_000;

/** Knows browsers by their tokens, as the ring of keys knows keys: without asking each time, and bounding guesses. */
export function createBrowserRing(deps: {
  readonly signIns: Pick<SignInStore, "findByToken">;
  readonly clock: Clock;
}): KeyRing {
  const { signIns, clock } = deps;
  const findByHash = async (digest: string, options: CallOptions): Promise<KeyRecord | undefined> => {
    const found = await signIns.findByToken(digest, options);
    return found === undefined ? undefined : asKey(found, clock.now());
  };
  return createKeyRing({ keys: { findByHash }, clock });
}

/** Under the id of whom it acts for. */
function asKey(found: SignInRecord, now: number): KeyRecord {
  const isOver = found.until === undefined || found.until <= now;
  return {
    ...{ id: found.principalId, spaceId: found.spaceId, name: found.name, kind: found.principalKind },
    ...{ hash: found.tokenHash ?? "", hint: "", createdAt: found.createdAt },
    revokedAt: found.revokedAt ?? (isOver ? now : undefined),
  };
}

/** Cookies know no ports: two Troupes on one machine would sign each other's browsers out under one name. */
function cookieName(call: Headed): string {
  return `troupe_${call.node?.incoming.socket.localPort ?? 0}`;
}

/** The token that the browser shows; undefined where it shows none. */
export function browserToken(call: Headed): string | undefined {
  const name = `${cookieName(call)}=`;
  for (const pair of (headerOf(call, "cookie") ?? "").split(";")) {
    const trimmed = pair.trim();
    if (trimmed.startsWith(name)) return trimmed.slice(name.length) || undefined;
  }
  return undefined;
}

/** The `set-cookie` header that gives a browser its token, or with an empty one takes it away. */
export function browserCookie(call: Headed, token: string): string {
  // The browser itself says whether it came over TLS; a proxy in front may have ended it.
  const isSecure = headerOf(call, "origin")?.startsWith("https://") === true;
  const maxAge = token === "" ? 0 : BROWSER_FOR_MS / 1_000;
  return `${cookieName(call)}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${isSecure ? "; Secure" : ""}`;
}

export function hashBrowserToken(token: string): string {
  return hash("sha256", token, "hex");
}

/** `Firefox on Linux`: enough to tell one's browsers apart in a list. */
export function browserName(userAgent: string | undefined): string {
  const agent = userAgent ?? "";
  const find = (known: readonly (readonly [RegExp, string])[]): string | undefined =>
    known.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = find([
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/Linux/, "Linux"],
  ]);
  return `${browser ?? "a browser"}${system === undefined ? "" : ` on ${system}`}`;
}

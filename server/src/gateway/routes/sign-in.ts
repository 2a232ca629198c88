import type { SignInRecord } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createRateLimit, hashSignInCode, makeBrowserToken, makeSignInLink } from "../../kit/index.ts";
import { BROWSER_FOR_MS, browserCookie, browserName, browserToken, hashBrowserToken } from "../browsers.ts";
import { type Call, headerOf, type PublicCall, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { objectAt, onlyKnown, optional, stringAt } from "../fields.ts";
import { networkOf } from "../network.ts";
import { isOwnPage } from "../own-page.ts";
import { jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { countUnread } from "./inbox.ts";

const LONGEST_NAME = 100;
const LONGEST_CODE = 40;
const MOST_BODY_BYTES = 2_048;
/** A code has 40 bits and lives ten minutes; nobody finds one so. */
const WRONG_CODES_PER_MINUTE = 20;
const MOST_ADDRESSES = 4_096;

/** Links that sign a browser in, and who is signed in. */
export function signInRoutes(face: Face): readonly Route[] {
  const guesses = createRateLimit({
    clock: face.deps.clock,
    perMinute: () => WRONG_CODES_PER_MINUTE,
    maxKeys: MOST_ADDRESSES,
  });
  const guarded = async (call: PublicCall): Promise<Reply> => {
    const network = networkOf(call.node?.incoming.socket.remoteAddress ?? "");
    const waitMs = guesses.take(network);
    if (waitMs > 0) {
      const message = `Too many codes were tried from here. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
      throw new TroupeError(message, { code: "rate.limited", retryable: true, retryAfterMs: waitMs });
    }
    const reply = await signIn(face, call);
    guesses.giveBack(network);
    return reply;
  };
  return [
    { method: "POST", path: "/api/sign-in", access: "public", handle: guarded },
    { method: "DELETE", path: "/api/sign-in", access: "key", handle: (call) => signOut(face, call) },
    { method: "GET", path: "/api/me", access: "key", handle: (call) => whoAmI(face, call) },
    { method: "POST", path: "/api/links", access: "operator", handle: (call) => makeLink(face, call) },
  ];
}

/** Exchanges a code for a cookie. By POST alone, so that whatever looks at links before people do does not use it up. */
async function signIn(face: Face, call: PublicCall): Promise<Reply> {
  const { stores, clock, logger } = face.deps;
  if (!isOwnPage(call)) {
    throw new TroupeError("Only Troupe's own page may sign a browser in.", { code: "auth.forbidden" });
  }
  const fields = objectAt(parseJson(await readBody(call, MOST_BODY_BYTES)), "body");
  onlyKnown(fields, new Set(["code"]));
  const codeHash = hashSignInCode(stringAt(fields.code, "code", LONGEST_CODE));
  const at = clock.now();
  const link = await stores.signIns.findByCode(codeHash, face.lifetime);
  if (link === undefined || !isGood(link, at)) throw refusal(link, at);
  const token = makeBrowserToken();
  const until = at + BROWSER_FOR_MS;
  const name = browserName(headerOf(call, "user-agent"));
  const use = stores.signIns.use({ codeHash, tokenHash: hashBrowserToken(token), name, at, until });
  try {
    await stores.unit.commit([use], face.lifetime);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    throw refusal(await stores.signIns.findByCode(codeHash, face.lifetime), at);
  }
  logger.info("browser.signed_in", { signInId: link.id, principal: link.principalId, browser: name });
  const headers = { "set-cookie": browserCookie(call, token) };
  return jsonReply({ principal: { kind: link.principalKind, id: link.principalId }, until }, { headers });
}

function isGood(link: SignInRecord, at: number): boolean {
  return link.usedAt === undefined && link.revokedAt === undefined && link.codeUntil > at;
}

/** What became of a link, and what to do. */
function refusal(link: SignInRecord | undefined, at: number): TroupeError {
  if (link?.usedAt !== undefined) {
    return new TroupeError(
      "This link has signed a browser in already, and works once. ./troupe key link makes another.",
      {
        code: "link.used",
      },
    );
  }
  if (link !== undefined && link.revokedAt === undefined && link.codeUntil <= at) {
    return new TroupeError("This link is older than ten minutes. ./troupe key link makes another.", {
      code: "link.late",
    });
  }
  return new TroupeError("There is no such link. ./troupe key link makes one.", { code: "link.unknown" });
}

async function signOut(face: Face, call: Call): Promise<Reply> {
  const { stores, browsers, clock } = face.deps;
  const token = browserToken(call);
  const found =
    token === undefined
      ? undefined
      : await stores.signIns.findByToken(hashBrowserToken(token), face.lifetime);
  if (found !== undefined) {
    await stores.unit.commit([stores.signIns.revoke(found.id, clock.now())], face.lifetime);
    browsers.clear();
  }
  return jsonReply(
    { signedOut: found !== undefined },
    { headers: { "set-cookie": browserCookie(call, "") } },
  );
}

async function whoAmI(face: Face, call: Call): Promise<Reply> {
  const { stores, version } = face.deps;
  const token = browserToken(call);
  const found =
    token === undefined
      ? undefined
      : await stores.signIns.findByToken(hashBrowserToken(token), face.lifetime);
  const { kind, id } = call.principal;
  return jsonReply({
    principal: { kind, id },
    version,
    unread: await countUnread(face, call.principal),
    bodyBytes: face.limits.bodyBytes,
    fileBytes: face.limits.fileBytes,
    ...(found === undefined ? {} : { browser: { id: found.id, name: found.name, until: found.until } }),
  });
}

async function makeLink(face: Face, call: Call): Promise<Reply> {
  const { stores, logger, pageAddress } = face.deps;
  const body = await readBody(call, MOST_BODY_BYTES);
  const fields = objectAt(body === "" ? {} : parseJson(body), "body");
  onlyKnown(fields, new Set(["key"]));
  const keyId = optional(fields.key, "key", (value, field) => stringAt(value, field, LONGEST_NAME));
  const { spaceId } = call.principal;
  const who = keyId === undefined ? OWNER : await ownerOf(face, spaceId, keyId);
  const { record, code } = makeSignInLink(face.deps, { spaceId, name: "link", ...who });
  await stores.unit.commit([stores.signIns.put(record)], face.lifetime);
  logger.info("browser.link_made", {
    signInId: record.id,
    principal: record.principalId,
    by: call.principal.id,
  });
  const url = `${pageAddress?.() ?? ""}/?start=${code}`;
  return jsonReply({ id: record.id, code, url, until: record.codeUntil }, { status: 201 });
}

/** Whom the terminal acts for too, so that both have one conversation and one memory. */
const OWNER = { principalKind: "operator", principalId: "operator" } as const;

async function ownerOf(
  face: Face,
  spaceId: string,
  keyId: string,
): Promise<Pick<SignInRecord, "principalKind" | "principalId">> {
  const keys = await face.deps.stores.keys.list(spaceId, face.lifetime);
  const key = keys.find(({ id, revokedAt }) => id === keyId && revokedAt === undefined);
  if (key !== undefined) return { principalKind: key.kind, principalId: key.id };
  throw new TroupeError(`There is no valid key "${keyId.slice(0, 64)}". ./troupe key list shows them.`, {
    code: "request.not_found",
  });
}

import { headerOf, type PublicCall } from "../call.ts";
import type { PageFile } from "../deps.ts";
import type { Face } from "../face.ts";
import { createPage, type PlainPage } from "../page.ts";
import { type Answer, type BytesReply, emptyReply, failureReply, SECURITY_HEADERS } from "../reply.ts";
import type { Route } from "../route.ts";

/**
 * Nothing from elsewhere and nothing inline: words of a model cannot become a script, and an image that it names is not fetched,
 * so that it cannot tell anybody what was said.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A name with the hash of its content never means anything else. */
const FOR_EVER = "public, max-age=31536000, immutable";

/** The chat page and its files. They hold nothing secret, so anybody past the Host check gets them. */
export function pageRoutes(face: Face): readonly Route[] {
  const plain = createPage(face.deps.version);
  return [
    { method: "GET", path: "/", access: "public", handle: (call) => index(face, call, plain) },
    { method: "GET", path: "/assets/:name", access: "public", handle: (call) => asset(face, call) },
  ];
}

async function index(face: Face, call: PublicCall, plain: PlainPage): Promise<Answer> {
  const found = await face.deps.page?.index();
  if (found !== undefined && !("absent" in found)) {
    const headers = { "content-security-policy": CONTENT_SECURITY_POLICY, "cache-control": "no-cache" };
    return fileReply(call, found, headers);
  }
  const { html, contentSecurityPolicy, language } = plain(
    headerOf(call, "accept-language"),
    headerOf(call, "host"),
    found,
  );
  const headers = {
    ...SECURITY_HEADERS,
    "content-type": "text/html; charset=utf-8",
    "content-language": language,
    "content-security-policy": contentSecurityPolicy,
    vary: "accept-language",
    ...(found?.absent === "building" ? { refresh: "2" } : {}),
  };
  return { status: 200, headers, body: html };
}

async function asset(face: Face, call: PublicCall): Promise<Answer> {
  const name = call.context.req.param("name") ?? "";
  const found = await face.deps.page?.asset(name);
  if (found !== undefined) return fileReply(call, found, { "cache-control": FOR_EVER });
  return failureReply(
    { code: "request.not_found", message: "The chat page has no such file. Load it again." },
    "problem",
  );
}

function fileReply(call: PublicCall, file: PageFile, more: Readonly<Record<string, string>>): Answer {
  const isBrotli = file.brotli !== undefined && /\bbr\b/.test(headerOf(call, "accept-encoding") ?? "");
  const etag = `"${file.etag}${isBrotli ? "-br" : ""}"`;
  const headers: Record<string, string> = { ...SECURITY_HEADERS, ...more, etag, vary: "accept-encoding" };
  if (isSame(headerOf(call, "if-none-match"), etag)) return { ...emptyReply(304), headers };
  headers["content-type"] = file.type;
  if (isBrotli) headers["content-encoding"] = "br";
  const body = isBrotli && file.brotli !== undefined ? file.brotli : file.bytes;
  return { status: 200, headers, body } satisfies BytesReply;
}

function isSame(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

import { type Headed, headerOf } from "./call.ts";
import { isSameOrigin } from "./hosts.ts";

/**
 * Whether a request that a cookie vouches for was made by our own page. A browser adds the cookie by itself, whoever made the
 * request: other sites are kept out by SameSite, but other ports of this machine are the same site, so what the browser says
 * about the request's origin decides. Over plain HTTP to another machine `sec-fetch-site` is not sent; then what changes
 * something needs an Origin. Source: w3.org/TR/fetch-metadata, cheatsheetseries.owasp.org (cross-site request forgery).
 */
export function isOwnPage(call: Headed): boolean {
  const origin = headerOf(call, "origin");
  const host = headerOf(call, "host")?.toLowerCase() ?? "";
  if (origin !== undefined && !isSameOrigin(origin.toLowerCase(), host)) return false;
  const method = call.node?.incoming.method ?? call.context?.req.method;
  const isReading = method === "GET" || method === "HEAD";
  const site = headerOf(call, "sec-fetch-site");
  // `none`: the person typed the address or opened a bookmark, say of an attachment.
  if (site !== undefined) return site === "same-origin" || (site === "none" && isReading);
  return isReading || origin !== undefined;
}

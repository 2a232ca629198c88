import { TroupeError } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { type ErasureParts, erasePeer } from "./erase-peer.ts";

const LONGEST_PEER = 400;

/** Erasing a person for good. The operator's alone. */
export function eraseRoutes(parts: ErasureParts): readonly AdminRoute[] {
  return [{ method: "POST", path: "/admin/memory/erase", handle: (request) => erase(parts, request) }];
}

/** With `dryRun`, only how much there is. */
async function erase(parts: ErasureParts, request: AdminRequest): Promise<unknown> {
  const { peer, dryRun } = ((await request.json()) ?? {}) as {
    readonly peer?: unknown;
    readonly dryRun?: unknown;
  };
  if (typeof peer !== "string" || peer === "" || peer.length > LONGEST_PEER) {
    throw new TroupeError(
      'The body must be {"peer": …}: an id as ./troupe memory show prints who may be told.',
      {
        code: "request.invalid",
      },
    );
  }
  const of = { spaceId: request.principal.spaceId, peerId: peer };
  if (dryRun !== true) return await erasePeer(parts, of, request);
  const ownFiles = await parts.workspaceEraser.count(peer);
  return { ...(await parts.stores.erasure.counts(of, request)), ownFiles };
}

import {
  type BlobStore,
  type CallOptions,
  type EpisodeMemory,
  type ErasedPeer,
  type ErasedRows,
  type Logger,
  type Scrubbed,
  type SessionControl,
  type Stores,
  TroupeError,
} from "@troupe/contracts";
import { type RingParts, ringFor } from "../kit/index.ts";
import type { WorkspaceEraser } from "./compose-workspaces.ts";

/**
 * Messages may come while conversations are deleted: so many rounds beyond what there was. Somebody who goes on writing is told to be
 * kept out first.
 */
const ROUNDS = 20;
/** Most conversations of a round: as `ErasureStore.sessionIds` gives them. */
const SESSIONS_A_ROUND = 200;
const BLOB_PAGE = 200;

export interface ErasureParts extends RingParts {
  readonly stores: Pick<Stores, "unit" | "erasure" | "attachments">;
  readonly blobs: Pick<BlobStore, "delete">;
  readonly sessionControl: SessionControl;
  readonly logger: Logger;
  readonly workspaceEraser: WorkspaceEraser;
  /** Absent: there is none. */
  readonly episodeMemory?: Pick<EpisodeMemory, "forget"> | undefined;
}

export interface Erasure extends ErasedRows {
  readonly sessions: number;
  readonly messages: number;
  readonly files: number;
  /** Of agents' own, in their workspaces. */
  readonly ownFiles: number;
  /** Agents whose history of their own files was written anew without this person. */
  readonly historiesRewritten: readonly string[];
  /** Agents whose whole history of their own files was deleted, since it could not be written anew. */
  readonly historiesDropped: readonly string[];
  /** Of the memory outside: whether it has forgotten them, or why it could not be told; absent: there is none. */
  readonly episodes?: { readonly isForgotten: boolean; readonly why?: string };
  /** Whether bytes of it may be left in the files of the database. */
  readonly scrubbed: Scrubbed;
}

/**
 * Deletes all that one person alone knows, in every process, and then writes the database anew without it. Turns under way are
 * stopped. Rejects with `request.conflict` where something of a conversation does not end; what was deleted by then stays so,
 * and a repetition goes on.
 */
export async function erasePeer(
  { stores, blobs, sessionControl, logger, workspaceEraser, episodeMemory, ...rings }: ErasureParts,
  of: ErasedPeer,
  options: CallOptions,
): Promise<Erasure> {
  const { unit, erasure } = stores;
  const beganAt = rings.clock.now();
  const before = await erasure.counts(of, options);
  const mostRounds = ROUNDS + Math.ceil(before.sessions / SESSIONS_A_ROUND);
  const fileIds = new Set<string>();
  let [sessions, messages] = [0, 0];
  for (let round = 0; ; round++) {
    const ids = await erasure.sessionIds(of, options);
    if (ids.length === 0) break;
    for (const id of await erasure.blobIds(of, options)) fileIds.add(id);
    if (round === mostRounds)
      throw new TroupeError("Somebody goes on writing as this person. Revoke the key, then erase again.", {
        code: "request.conflict",
      });
    for (const id of ids) {
      const removed = await removeSession(sessionControl, id, options);
      sessions += removed === undefined ? 0 : 1;
      messages += removed?.messages ?? 0;
    }
  }
  const write = erasure.remove(of);
  const rows = (await unit.commit([write], options)).read(write);
  ringFor(rings, [write]);
  const files = await deleteFiles({ stores, blobs }, { ...of, ids: [...fileIds], beganAt }, options);
  const own = await workspaceEraser.erase(of.peerId, options);
  const episodes = episodeMemory && (await forgetOutside(episodeMemory, of, logger, options));
  const scrubbed = await erasure.scrub(options);
  const ownFiles = own.files;
  logger.info("person.erased", { sessions, messages, files, ownFiles, ...rows, scrubbed: scrubbed.kind });
  const histories = { historiesRewritten: own.rewritten, historiesDropped: own.dropped };
  const outside = episodes === undefined ? {} : { episodes };
  return { sessions, messages, files, ownFiles, ...histories, ...rows, ...outside, scrubbed };
}

/** What it cannot be told of is said, and told with the next call: all else is erased whatever another service does. */
async function forgetOutside(
  memory: Pick<EpisodeMemory, "forget">,
  { spaceId, peerId: reader }: ErasedPeer,
  logger: Logger,
  options: CallOptions,
): Promise<NonNullable<Erasure["episodes"]>> {
  try {
    await memory.forget({ spaceId, reader }, options);
    return { isForgotten: true };
  } catch (error) {
    options.signal.throwIfAborted();
    logger.warn("person.not_erased_outside", { error });
    return { isForgotten: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/** Undefined where somebody else deleted it just now. */
async function removeSession(control: SessionControl, id: string, options: CallOptions) {
  try {
    return await control.remove(id, { cancel: true, reason: "its person is erased" }, options);
  } catch (error) {
    if (TroupeError.is(error, "request.not_found")) return undefined;
    throw error;
  }
}

/** Those that nobody else sent too, nor is about to: whoever puts a file that is there renews it. */
async function deleteFiles(
  { stores, blobs }: Pick<ErasureParts, "stores" | "blobs">,
  {
    spaceId,
    ids,
    beganAt,
  }: { readonly spaceId: string; readonly ids: readonly string[]; readonly beganAt: number },
  options: CallOptions,
): Promise<number> {
  let deleted = 0;
  for (let at = 0; at < ids.length; at += BLOB_PAGE) {
    const blobIds = ids.slice(at, at + BLOB_PAGE);
    const held = new Set(await stores.attachments.held({ spaceId, blobIds }, options));
    for (const id of blobIds.filter((one) => !held.has(one))) {
      await blobs.delete({ spaceId, id, unlessRenewedSince: beganAt }, options);
      deleted++;
    }
  }
  return deleted;
}

import { createHash, hash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type BlobContent,
  type BlobStat,
  type BlobStore,
  type CallOptions,
  type Clock,
  TroupeError,
} from "@troupe/contracts";

/** What a writer that was killed left behind is cleared away after so long. */
const STALE_WRITE_MS = 24 * 60 * 60 * 1000;
const MAX_PAGE = 200;
const ID = /^[0-9a-f]{64}$/;
/** A space becomes the name of a folder. */
const SPACE = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Blobs as files: `SPACE/ab/abcdef…`, readable by their owner alone. Written beside their place, made durable, then moved
 * there, so that a file with a name is whole.
 */
export function createFileBlobs({
  folder,
  clock,
}: {
  readonly folder: string;
  readonly clock: Clock;
}): BlobStore {
  const pathOf = (spaceId: string, id: string): string => join(rootOf(folder, spaceId), id.slice(0, 2), id);

  const statOf = async (spaceId: string, id: string): Promise<BlobStat | undefined> => {
    if (!ID.test(id)) return undefined;
    const found = await stat(pathOf(spaceId, id)).catch(ignoreMissing);
    return found === undefined
      ? undefined
      : { spaceId, id, sizeBytes: found.size, renewedAt: Math.round(found.mtimeMs) };
  };
  const renew = async (spaceId: string, id: string): Promise<BlobStat | undefined> => {
    if (!ID.test(id)) return undefined;
    const seconds = clock.now() / 1000;
    await utimes(pathOf(spaceId, id), seconds, seconds).catch(ignoreMissing);
    return statOf(spaceId, id);
  };

  return {
    put: ({ spaceId, content, maxBytes }, options) =>
      told(options, async () => {
        options.signal.throwIfAborted();
        if (content instanceof Uint8Array) {
          if (content.length > maxBytes) throw tooLarge(maxBytes);
          const known = await renew(spaceId, hash("sha256", content, "hex"));
          if (known !== undefined) return known;
        }
        const renewedAt = clock.now();
        const root = rootOf(folder, spaceId);
        return {
          spaceId,
          renewedAt,
          ...(await write(root, content, { maxBytes, renewedAt }, options.signal)),
        };
      }),
    get: ({ spaceId, id, maxBytes }, options) =>
      told(options, async () => {
        const found = await statOf(spaceId, id);
        if (found === undefined) return undefined;
        if (found.sizeBytes > maxBytes) throw tooLarge(maxBytes);
        const bytes = await readFile(pathOf(spaceId, id), { signal: options.signal }).catch(ignoreMissing);
        if (bytes === undefined || hash("sha256", bytes, "hex") === id) return bytes;
        throw new TroupeError(
          `The file ${pathOf(spaceId, id)} was changed; restore it from a backup, or delete it.`,
          {
            code: "store.corrupt",
          },
        );
      }),
    stat: ({ spaceId, id }, options) => told(options, () => statOf(spaceId, id)),
    renew: ({ spaceId, id }, options) => told(options, () => renew(spaceId, id)),
    delete: ({ spaceId, id, unlessRenewedSince }, options) =>
      told(options, async () => {
        const since = unlessRenewedSince ?? Number.POSITIVE_INFINITY;
        const found = await statOf(spaceId, id);
        if (found === undefined || found.renewedAt > since) return;
        await remove(rootOf(folder, spaceId), pathOf(spaceId, id), since);
      }),
    list: ({ spaceId, cursor, limit = 50 }, options) =>
      told(options, async () => {
        const root = rootOf(folder, spaceId);
        if (cursor === undefined) await clearStale(join(root, "writing"), clock.now());
        const most = Math.min(Math.max(Math.trunc(limit), 1), MAX_PAGE);
        const ids = await idsAfter(root, cursor ?? "", most + 1, options.signal);
        const items = await Promise.all(ids.slice(0, most).map((id) => statOf(spaceId, id)));
        const last = ids[most - 1];
        return {
          items: items.filter((item) => item !== undefined),
          ...(ids.length > most && last !== undefined ? { next: last } : {}),
        };
      }),
  };
}

function rootOf(folder: string, spaceId: string): string {
  if (!SPACE.test(spaceId)) throw new TroupeError(`"${spaceId}" cannot be a folder.`, { code: "internal" });
  return join(folder, spaceId);
}

/** Taken away first and looked at then: somebody may have renewed it meanwhile, and relies on it. */
async function remove(root: string, path: string, since: number): Promise<void> {
  const away = join(root, "writing", randomUUID());
  await mkdir(dirname(away), { recursive: true, mode: 0o700 });
  const isMine = await rename(path, away).then(() => true, ignoreMissing);
  // Somebody else deleted it just now.
  if (isMine === undefined) return;
  if ((await stat(away)).mtimeMs > since) await rename(away, path);
  else await rm(away);
}

/** Resolves with what was kept; whatever goes wrong, nothing is left. */
async function write(
  root: string,
  content: BlobContent,
  { maxBytes, renewedAt }: { readonly maxBytes: number; readonly renewedAt: number },
  signal: AbortSignal,
): Promise<Pick<BlobStat, "id" | "sizeBytes">> {
  const writing = join(root, "writing");
  await mkdir(writing, { recursive: true, mode: 0o700 });
  const path = join(writing, randomUUID());
  const digest = createHash("sha256");
  try {
    await using file = await open(path, "wx", 0o600);
    let sizeBytes = 0;
    for await (const piece of content instanceof Uint8Array ? [content] : content) {
      signal.throwIfAborted();
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
      digest.update(piece);
      await writeAll(file, piece);
    }
    await file.utimes(renewedAt / 1000, renewedAt / 1000);
    await file.sync();
    signal.throwIfAborted();
    const id = digest.digest("hex");
    const shelf = join(root, id.slice(0, 2));
    const isNew = (await mkdir(shelf, { recursive: true, mode: 0o700 })) !== undefined;
    await rename(path, join(shelf, id));
    await syncFolder(shelf);
    if (isNew) await syncFolder(root);
    return { id, sizeBytes };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
}

/** A name is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/** At most so many ids after `cursor`, in order. */
async function idsAfter(
  root: string,
  cursor: string,
  most: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const shelves = (await readdir(root).catch(ignoreMissing)) ?? [];
  const ids: string[] = [];
  for (const shelf of shelves.filter((name) => /^[0-9a-f]{2}$/.test(name)).toSorted()) {
    signal.throwIfAborted();
    if (shelf < cursor.slice(0, 2)) continue;
    const names = (await readdir(join(root, shelf)).catch(ignoreMissing)) ?? [];
    ids.push(...names.filter((name) => ID.test(name) && name > cursor).toSorted());
    if (ids.length >= most) break;
  }
  return ids.slice(0, most);
}

async function clearStale(writing: string, now: number): Promise<void> {
  for (const name of (await readdir(writing).catch(ignoreMissing)) ?? []) {
    const found = await stat(join(writing, name)).catch(ignoreMissing);
    if (found !== undefined && found.mtimeMs < now - STALE_WRITE_MS)
      await rm(join(writing, name), { force: true });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function tooLarge(maxBytes: number): TroupeError {
  return new TroupeError(`The file is larger than ${maxBytes} bytes.`, { code: "request.too_large" });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Runs `work`; what the file system says becomes a code of ours. */
async function told<Result>({ signal }: CallOptions, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    if (TroupeError.is(error)) throw error;
    if (signal.aborted) throw signal.reason;
    const code = codeOf(error);
    if (code === "") throw error;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new TroupeError("The disk is full; the file was not kept. Free some space.", {
        code: "store.full",
        cause: error,
      });
    }
    const isForbidden = code === "EACCES" || code === "EROFS" || code === "EPERM";
    throw new TroupeError(
      isForbidden
        ? "The folder of blobs may not be written; look at blobs.url and the rights of its folder."
        : `The folder of blobs failed (${code}); look at blobs.url and the disk.`,
      { code: isForbidden ? "store.readonly" : "store.failed", cause: error },
    );
  }
}

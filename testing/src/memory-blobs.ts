import { createHash } from "node:crypto";
import { type BlobStat, type BlobStore, type Clock, TroupeError } from "@troupe/contracts";

/** Blobs in memory, for tests that have no folder and for the simulator. */
export function createMemoryBlobs({ clock }: { readonly clock: Clock }): BlobStore {
  const blobs = new Map<string, { bytes: Uint8Array; stat: BlobStat }>();
  const keyOf = ({ spaceId, id }: { readonly spaceId: string; readonly id: string }): string =>
    `${spaceId}/${id}`;
  const renew = (key: string): BlobStat | undefined => {
    const known = blobs.get(key);
    if (known === undefined) return undefined;
    known.stat = { ...known.stat, renewedAt: clock.now() };
    return known.stat;
  };
  return {
    async put({ spaceId, content, maxBytes }, { signal }) {
      const pieces: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const piece of content instanceof Uint8Array ? [content] : content) {
        signal.throwIfAborted();
        sizeBytes += piece.length;
        if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
        pieces.push(piece);
      }
      signal.throwIfAborted();
      const bytes = Buffer.concat(pieces);
      const id = createHash("sha256").update(bytes).digest("hex");
      const stat: BlobStat = { spaceId, id, sizeBytes, renewedAt: clock.now() };
      blobs.set(keyOf(stat), { bytes, stat });
      return stat;
    },
    async get(blob, { signal }) {
      signal.throwIfAborted();
      const known = blobs.get(keyOf(blob));
      if (known !== undefined && known.bytes.length > blob.maxBytes) throw tooLarge(blob.maxBytes);
      return known?.bytes;
    },
    async stat(blob, { signal }) {
      signal.throwIfAborted();
      return blobs.get(keyOf(blob))?.stat;
    },
    async renew(blob, { signal }) {
      signal.throwIfAborted();
      return renew(keyOf(blob));
    },
    async delete(blob, { signal }) {
      signal.throwIfAborted();
      const known = blobs.get(keyOf(blob));
      const bound = blob.unlessRenewedSince ?? Number.POSITIVE_INFINITY;
      if (known !== undefined && known.stat.renewedAt <= bound) blobs.delete(keyOf(blob));
    },
    async list({ spaceId, cursor = "", limit = 50 }, { signal }) {
      signal.throwIfAborted();
      const stats = Array.from(blobs.values(), ({ stat }) => stat);
      const after = stats
        .filter((stat) => stat.spaceId === spaceId && stat.id > cursor)
        .toSorted((one, other) => (one.id < other.id ? -1 : 1));
      const items = after.slice(0, Math.min(limit, 200));
      const last = items.at(-1);
      return after.length > items.length && last !== undefined ? { items, next: last.id } : { items };
    },
  };
}

function tooLarge(maxBytes: number): TroupeError {
  return new TroupeError(`The file is larger than ${maxBytes} bytes.`, { code: "request.too_large" });
}

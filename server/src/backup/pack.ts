import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { MANIFEST_ENTRY, type Manifest, type PackedFile } from "./manifest.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar.ts";

/** A file to pack: where it is, and what it is called in the backup. */
export interface SourceFile {
  readonly path: string;
  readonly name: string;
}

/** Fast, and smaller than gzip makes it. */
const COMPRESSION_LEVEL = 3;
/** Below it a change while packing is told at once, above it at the end. */
const READ_BYTES = 256 * 1024;

/** What is known of a file before it is packed. */
export async function describeFile({ path, name }: SourceFile, { signal }: CallOptions): Promise<PackedFile> {
  const { mode } = await stat(path);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readPieces(path, signal)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { path: name, bytes, sha256: hash.digest("hex"), mode: mode & 0o777 };
}

/**
 * Writes a backup: a tar, compressed with zstd, readable by its owner alone. Until it is whole and durable it has another
 * name, so there is never half a backup. `sources` are the manifest's files, in its order. Rejects with `request.conflict`
 * when `to` exists, `backup.invalid` when a file changed meanwhile, and the signal's reason.
 */
export async function writeBackup(
  to: string,
  content: { readonly manifest: Manifest; readonly sources: readonly SourceFile[] },
  options: CallOptions & { readonly onProgress: (share: number) => void },
): Promise<{ readonly bytes: number }> {
  const draft = `${to}.${process.pid}.part`;
  const file = await open(draft, "wx", 0o600);
  try {
    const compress = createZstdCompress({
      params: {
        [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
    });
    const write = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of pieces) await file.appendFile(piece);
    };
    await pipeline(Readable.from(piecesOf(content, options)), compress, write, { signal: options.signal });
    await file.sync();
    const { size } = await file.stat();
    await publish(draft, to);
    return { bytes: size };
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

/** A link, unlike a rename, never replaces what is there. */
async function publish(draft: string, to: string): Promise<void> {
  try {
    await link(draft, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new TroupeError(
      `${to} is there already. Give the backup another name, or remove that file first.`,
      {
        code: "request.conflict",
        cause: error,
      },
    );
  }
  const folder = await open(dirname(to), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* piecesOf(
  { manifest, sources }: { readonly manifest: Manifest; readonly sources: readonly SourceFile[] },
  { signal, onProgress }: CallOptions & { readonly onProgress: (share: number) => void },
): AsyncGenerator<Buffer> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const at = { modifiedAt: manifest.madeAt };
  yield tarHeader({ name: MANIFEST_ENTRY, size: text.length, mode: 0o600, ...at });
  yield text;
  yield tarPadding(text.length);
  const total = manifest.files.reduce((sum, file) => sum + file.bytes, 1);
  let done = 0;
  for (const [index, file] of manifest.files.entries()) {
    const source = sources[index];
    if (source === undefined) throw new TypeError("Every file of the manifest has a source.");
    yield tarHeader({ name: file.path, size: file.bytes, mode: file.mode, ...at });
    const hash = createHash("sha256");
    let left = file.bytes;
    for await (const piece of readPieces(source.path, signal)) {
      left -= piece.length;
      if (left < 0) throw changed(source);
      hash.update(piece);
      done += piece.length;
      onProgress(done / total);
      yield piece;
    }
    if (left !== 0 || hash.digest("hex") !== file.sha256) throw changed(source);
    yield tarPadding(file.bytes);
  }
  yield TAR_END;
}

function readPieces(path: string, signal: AbortSignal): AsyncIterable<Buffer> {
  return createReadStream(path, { signal, highWaterMark: READ_BYTES });
}

function changed({ path }: SourceFile): TroupeError {
  return new TroupeError(`${path} changed while it was packed. Run the backup again.`, {
    code: "backup.invalid",
    retryable: true,
  });
}

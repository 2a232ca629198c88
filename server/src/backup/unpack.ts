import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join, posix, sep } from "node:path";
import { createZstdDecompress } from "node:zlib";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import {
  DATABASE_ENTRY,
  HOME_PREFIX,
  MANIFEST_ENTRY,
  type Manifest,
  notABackup,
  parseManifest,
} from "./manifest.ts";
import { readTar, type TarEntry } from "./tar.ts";

const MOST_MANIFEST_BYTES = 256 * 1024 * 1024;

/**
 * Unpacks a backup into `folder`, which is empty, and checks every file against the manifest before it resolves. `accept` sees
 * the manifest first and may refuse it. Rejects with `backup.invalid`; then what is in `folder` is worth nothing.
 */
export async function readBackup(
  path: string,
  folder: string,
  options: CallOptions & {
    readonly accept: (manifest: Manifest) => void;
    readonly onProgress: (share: number) => void;
  },
): Promise<Manifest> {
  try {
    return await unpack(path, folder, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (TroupeError.is(error)) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    // What the decompressor says of a file that is none, or ends too early.
    if (code.startsWith("ZSTD") || /zstd|unexpected end of file/i.test(message))
      throw notABackup(path, error);
    throw error;
  }
}

async function unpack(
  path: string,
  folder: string,
  { signal, accept, onProgress }: Parameters<typeof readBackup>[2],
): Promise<Manifest> {
  const source = createReadStream(path, { signal });
  const decompress = createZstdDecompress();
  source.on("error", (error) => decompress.destroy(error)).pipe(decompress);
  try {
    const entries = readTar(decompress);
    const first = await entries.next();
    if (first.done === true || first.value.name !== MANIFEST_ENTRY) throw notABackup(path);
    const manifest = parseManifest(await textOf(first.value), path);
    accept(manifest);
    await unpackFiles(manifest, entries, { folder, path, onProgress });
    return manifest;
  } finally {
    source.destroy();
    decompress.destroy();
  }
}

async function unpackFiles(
  manifest: Manifest,
  entries: AsyncGenerator<TarEntry>,
  at: { readonly folder: string; readonly path: string; readonly onProgress: (share: number) => void },
): Promise<void> {
  const expected = new Map(manifest.files.map((file) => [file.path, file]));
  const total = manifest.files.reduce((sum, file) => sum + file.bytes, 1);
  let done = 0;
  for await (const entry of entries) {
    const file = expected.get(entry.name);
    if (file === undefined || !isSafe(entry.name))
      throw damaged(at.path, `${entry.name} does not belong to it`);
    expected.delete(entry.name);
    const sha256 = await writeEntry(join(at.folder, entry.name), file.mode, entry, (bytes) => {
      done += bytes;
      at.onProgress(done / total);
    });
    if (sha256 !== file.sha256) throw damaged(at.path, `${entry.name} is not what was packed`);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw damaged(at.path, `${missing} is missing`);
}

/** Inside the folder, whatever the name says. */
function isSafe(name: string): boolean {
  const isKnown = name === DATABASE_ENTRY || name.startsWith(HOME_PREFIX);
  return (
    isKnown &&
    !name.includes("\0") &&
    // Elsewhere it is a letter like others, and people have files named so.
    !(sep === "\\" && name.includes(sep)) &&
    posix.normalize(name) === name &&
    !name.split("/").includes("..")
  );
}

async function writeEntry(
  path: string,
  mode: number,
  entry: TarEntry,
  onBytes: (bytes: number) => void,
): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    for await (const piece of entry.body) {
      hash.update(piece);
      await file.appendFile(piece);
      onBytes(piece.length);
    }
    // A home is its owner's alone, whatever it was when it was packed.
    await file.chmod(mode & 0o700);
    await file.sync();
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

async function textOf(entry: TarEntry): Promise<string> {
  if (entry.size > MOST_MANIFEST_BYTES) throw notABackup("The file");
  const pieces: Buffer[] = [];
  for await (const piece of entry.body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("utf8");
}

function damaged(path: string, what: string): TroupeError {
  return new TroupeError(
    `The backup ${path} is damaged: ${what}. Nothing was restored; use another copy of it.`,
    {
      code: "backup.invalid",
    },
  );
}

import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { TroupeError } from "@troupe/contracts";
import { loadSnapshotFiles } from "../app/index.ts";
import type { AdminClient } from "./client.ts";
import { queryOf } from "./commands/query.ts";
import type { CommandContext } from "./context.ts";
import { readSecretValue } from "./read-secret.ts";

type Options = Readonly<Record<string, unknown>>;

const VARIABLE = "TROUPE_SNAPSHOT_PASSPHRASE";

/**
 * The passphrase of `--passphrase-file`, else of the environment, else one that is asked for; never of the command's words. A new one
 * is asked for twice at a terminal.
 */
export async function passphraseOf(
  { environment }: Pick<CommandContext, "environment">,
  { passphraseFile }: Options,
  { file: sealed, isNew }: { readonly file: string; readonly isNew: boolean },
): Promise<string> {
  const file = typeof passphraseFile === "string" ? passphraseFile : undefined;
  const given = file === undefined ? environment.variables[VARIABLE] : undefined;
  if (given !== undefined && given !== "") return given;
  const passphrase = await readSecretValue({ file, question: `Passphrase of ${sealed} (not shown)` });
  if (isNew && file === undefined && process.stdin.isTTY === true) {
    const again = await readSecretValue({ file, question: "The same again" });
    if (again !== passphrase)
      throw new TroupeError("The two are not the same. Nothing was written.", { code: "request.invalid" });
  }
  if (passphrase !== "") return passphrase;
  throw new TroupeError(
    `A passphrase is needed for ${sealed}. Type one, or name a file by --passphrase-file or one in ${VARIABLE}.`,
    { code: "request.invalid" },
  );
}

export interface ReadSnapshotFile {
  readonly text: string;
  /** With which it was sealed. */
  readonly passphrase: string | undefined;
}

/** What a file of `memory snapshot` holds; one that is sealed is opened. */
export async function readSnapshotFile(
  context: Pick<CommandContext, "environment">,
  options: Options,
  file: string,
): Promise<ReadSnapshotFile> {
  const { isSealed, openPieces } = await loadSnapshotFiles();
  if (!isSealed(await beginningOf(file))) return { text: await joined(bytesOf(file)), passphrase: undefined };
  const passphrase = await passphraseOf(context, options, { file, isNew: false });
  return { text: await joined(openPieces(passphrase, bytesOf(file), file)), passphrase };
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(pieces)).toString();
}

async function beginningOf(file: string): Promise<Uint8Array> {
  for await (const piece of bytesOf(file, 63)) return piece;
  return Buffer.alloc(0);
}

async function* bytesOf(file: string, end = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  try {
    for await (const piece of createReadStream(file, { end })) yield piece as Buffer;
  } catch (cause) {
    throw new TroupeError(`"${file}" cannot be read. Give a file that ./troupe memory snapshot wrote.`, {
      code: "request.invalid",
      cause,
    });
  }
}

export interface SavedSnapshot {
  readonly records: number;
  readonly files: number;
}

/** Readable by its owner alone: it holds what people said in confidence. Leaves no file where it fails. */
export async function saveSnapshot(
  client: Pick<AdminClient, "download">,
  agentId: string,
  to: { readonly path: string; readonly passphrase: string | undefined },
): Promise<SavedSnapshot> {
  const { path, passphrase } = to;
  const { sealPieces } = await loadSnapshotFiles();
  const lines = countedLines(client.download(`/admin/memory/snapshot${queryOf({ agent: agentId })}`));
  const file = await create(path);
  try {
    await using _ = file;
    const pieces = passphrase === undefined ? lines.pieces : sealPieces(passphrase, lines.pieces);
    for await (const piece of pieces) await file.writeFile(piece);
    if (!lines.last().startsWith('{"end":'))
      throw new TroupeError("The snapshot broke off. Try again.", { code: "internal", retryable: true });
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { records: lines.count("memory"), files: lines.count("file") };
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (cause) {
    throw new TroupeError(`"${path}" is there already or cannot be written. Name another file.`, {
      code: "request.invalid",
      cause,
    });
  }
}

/** Looks at the lines that pass, each of which begins with what it is. */
function countedLines(source: AsyncIterable<string>) {
  const counts = new Map<string, number>();
  let [rest, last] = ["", ""];
  async function* pieces(): AsyncGenerator<string> {
    for await (const piece of source) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [, kind = ""] = /^\{"(\w+)":/.exec(line) ?? [];
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      last = lines.at(-1) ?? last;
      yield piece;
    }
  }
  return { pieces: pieces(), last: () => last, count: (kind: string) => counts.get(kind) ?? 0 };
}

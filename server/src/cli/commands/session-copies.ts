import { type FileHandle, open, rm } from "node:fs/promises";
import { TroupeError } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { formatComparison, type SessionComparison } from "../format/comparison.ts";
import { queryOf } from "./query.ts";
import { pathOf } from "./session-changes.ts";

type Options = Readonly<Record<string, unknown>>;

export async function compareSessions(
  { connect, output }: CommandContext,
  id: string,
  other: string,
): Promise<void> {
  await using client = await connect({ command: "session compare" });
  const path = `${pathOf(id)}/compare/${encodeURIComponent(other)}`;
  const comparison = await client.call<SessionComparison>("GET", path);
  output.result(comparison, () => formatComparison(comparison, output));
}

/** As it is read: a long conversation takes no more memory than a short one. */
export async function exportSession(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const format = output.isJson ? "json" : String(options.format);
  await using client = await connect({ command: "session export" });
  const path = `${pathOf(id)}/export${queryOf({ format })}`;
  if (typeof options.output !== "string") {
    for await (const piece of client.download(path)) output.write(piece);
    return;
  }
  const pieces = client.download(path);
  // What is refused is so before there is a file.
  const first = await pieces.next();
  await using file = await create(options.output);
  let bytes = 0;
  try {
    for (let piece = first; piece.done !== true; piece = await pieces.next()) {
      await file.appendFile(piece.value);
      bytes += Buffer.byteLength(piece.value);
    }
  } catch (error) {
    // Half a conversation must not pass for a whole one.
    await rm(options.output, { force: true });
    throw TroupeError.is(error) ? error : cannotWrite(options.output, error);
  }
  const report = { file: options.output, bytes, format };
  output.result(report, () => `Written to ${options.output}, ${bytes.toLocaleString("en-US")} bytes.`);
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, cause: unknown): TroupeError {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === "EEXIST" ? "it is there already" : String(code);
  return new TroupeError(`${path} cannot be written: ${why}. Name another file.`, {
    code: "request.invalid",
    cause,
  });
}

import { open, rm } from "node:fs/promises";
import { TroupeError } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { plural } from "../format/time.ts";

/** Readable by its owner alone: it holds what somebody said in confidence. */
const MODE = 0o600;

export async function exportPerson(
  { connect, output }: CommandContext,
  name: string,
  file: string | undefined,
): Promise<void> {
  const path = file ?? `${name.replace(/[^\p{L}\p{N}.-]+/gu, "-")}-${stamp()}.jsonl`;
  await using client = await connect({ command: "person export" });
  const lines = await save(client, name, path);
  output.result({ path, lines }, () => `${path} holds ${plural(lines, "line")} of ${name}.`);
}

/** Gives how many lines there are. A file that broke off is taken away again. */
async function save(client: AdminClient, name: string, path: string): Promise<number> {
  const pieces = client.download(`/admin/persons/${encodeURIComponent(name)}/export`);
  const first = await pieces.next();
  const handle = await open(path, "wx", MODE).catch((cause: unknown) => {
    throw new TroupeError(`"${path}" is there already or cannot be written. Name another file.`, {
      code: "request.invalid",
      cause,
    });
  });
  let [lines, tail] = [0, ""];
  let isWhole = false;
  try {
    for (let piece = first; piece.done !== true; piece = await pieces.next()) {
      await handle.write(piece.value);
      lines += piece.value.split("\n").length - 1;
      tail = (tail + piece.value).slice(-200);
    }
    isWhole = tail.trimEnd().split("\n").at(-1)?.startsWith('{"end":') === true;
  } finally {
    await handle.close();
    if (!isWhole) await rm(path, { force: true });
  }
  if (isWhole) return lines;
  throw new TroupeError("The export broke off. Try again.", { code: "internal", retryable: true });
}

function stamp(): string {
  return new Date().toISOString().replace(/[-:]/g, "").replace(/\..*/, "");
}

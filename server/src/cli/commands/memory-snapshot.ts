import { TroupeError } from "@troupe/contracts";
import { loadSnapshotFiles, type RestoredMemory } from "../../app/index.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { formatDifference } from "../format/snapshot-difference.ts";
import { dateTime, plural } from "../format/time.ts";
import { passphraseOf, readSnapshotFile, saveSnapshot } from "../snapshot-file.ts";
import { queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

const RESTORE = "/admin/memory/restore";

export async function takeSnapshot(
  context: CommandContext,
  options: Options,
  file: string | undefined,
): Promise<void> {
  const { connect, output } = context;
  if (typeof options.agent !== "string")
    throw new TroupeError("Say of which agent: --agent ana.", { code: "request.invalid" });
  const agentId = options.agent;
  const isSealed = options.encrypt === true;
  const path = file ?? nameOf(agentId, "memory", isSealed);
  // Asked for before the home is held.
  const passphrase = isSealed ? await passphraseOf(context, options, { file: path, isNew: true }) : undefined;
  await using client = await connect({ command: "memory snapshot" });
  const { records, files } = await saveSnapshot(client, agentId, { path, passphrase });
  output.result({ path, agentId, records, files, isSealed }, () => {
    const what = [plural(records, "record"), ...(files === 0 ? [] : [plural(files, "file")])].join(" and ");
    const sealed = isSealed ? ", sealed with the passphrase; without it nobody can read them" : "";
    return `${path} holds ${what} of ${agentId}${sealed}.`;
  });
}

export async function verifySnapshot(context: CommandContext, options: Options, file: string): Promise<void> {
  const { readSnapshotText } = await loadSnapshotFiles();
  const { text, passphrase } = await readSnapshotFile(context, options, file);
  const { agentId, at: takenAt, memories, documents, files } = await readSnapshotText(text);
  const isSealed = passphrase !== undefined;
  const closed = memories.filter((memory) => memory.closed !== undefined).length;
  const counts = { records: memories.length, closed, documents: documents.length, files: files?.length ?? 0 };
  context.output.result({ file, agentId, takenAt, ...counts, isSealed }, () => {
    const records = `${plural(memories.length, "record")}, ${closed} of them closed`;
    const rest = `${plural(documents.length, "document")}, ${plural(counts.files, "file")}`;
    const seal = isSealed ? " It is sealed, and this is its passphrase." : "";
    return `${file} is whole: the memory of ${agentId} at ${dateTime(takenAt)}, ${records}, ${rest}.${seal}`;
  });
}

export async function compareSnapshots(
  context: CommandContext,
  options: Options,
  file: string,
  other: string | undefined,
): Promise<void> {
  const { connect, output } = context;
  const { readSnapshotText, snapshotDifference } = await loadSnapshotFiles();
  const read = async (path: string) =>
    readSnapshotText((await readSnapshotFile(context, options, path)).text);
  const earlier = await read(file);
  const now = async () => {
    await using client = await connect({ command: "memory snapshot diff" });
    const pieces = client.download(`/admin/memory/snapshot${queryOf({ agent: earlier.agentId })}`);
    return readSnapshotText((await Array.fromAsync(pieces)).join(""));
  };
  const later = await (other === undefined ? now() : read(other));
  if (later.agentId !== earlier.agentId) {
    throw new TroupeError(`${file} is of ${earlier.agentId}, and ${other} of ${later.agentId}.`, {
      code: "request.invalid",
    });
  }
  const difference = await snapshotDifference(earlier, later);
  output.result(difference, () => formatDifference(difference, other === undefined, output.paint));
}

export async function restoreSnapshot(
  context: CommandContext,
  options: Options,
  file: string,
): Promise<void> {
  const { connect, output } = context;
  const { text: snapshot, passphrase } = await readSnapshotFile(context, options, file);
  await using client = await connect({ command: "memory restore" });
  const plan = await client.call<RestoredMemory>("POST", RESTORE, { snapshot, dryRun: true });
  const question = `This makes the memory of ${plan.agentId} what it was at ${dateTime(plan.takenAt)}: ${changesOf(plan)}.`;
  if (options.dryRun === true || !changesAny(plan)) return output.result(plan, () => question);
  if (options.yes !== true) {
    await confirm(`${question} Go on?`, {
      unasked: `${question} Nobody can be asked here. Add --yes, or --dry-run to look first.`,
      nothing: "Nothing was changed.",
    });
  }
  // What is there now can be had back in the same way, and is kept as secret as what takes its place.
  const before = nameOf(plan.agentId, "before-restore", passphrase !== undefined);
  await saveSnapshot(client, plan.agentId, { path: before, passphrase });
  const done = await client.call<RestoredMemory>("POST", RESTORE, { snapshot });
  output.result(
    { ...done, before },
    () => `Done: ${changesOf(done)}. What was there before is in ${before}.`,
  );
}

/** To the millisecond: two restores in one second each keep what was there before. */
function nameOf(agentId: string, what: string, isSealed: boolean): string {
  const at = new Date().toISOString().slice(0, 23).replaceAll(/[:.]/g, "");
  return `${agentId}-${what}-${at}.jsonl${isSealed ? ".sealed" : ""}`;
}

function changesAny({ added, changed, removed, files }: RestoredMemory): boolean {
  return added + changed + removed + files.added.length + files.changed.length + files.removed.length > 0;
}

function changesOf(plan: RestoredMemory): string {
  const { added, changed, removed, files } = plan;
  const left = files.left.map(({ file, why }) => `${file} stays as it is: ${why}`);
  if (!changesAny(plan)) return ["nothing is otherwise", ...left].join("; ");
  const records = `${plural(added, "record")} back, ${changed} as they were, ${removed} that came since deleted`;
  const named = [
    ...files.added.map((file) => `${file} back`),
    ...files.changed.map((file) => `${file} as it was`),
    ...files.removed.map((file) => `${file} deleted`),
  ];
  return [records, ...named, ...left].join("; ");
}

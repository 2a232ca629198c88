import { readFile, writeFile } from "node:fs/promises";
import { TroupeError } from "@troupe/contracts";
import type { RestoredMemory } from "../../app/index.ts";
import type { AdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

const RESTORE = "/admin/memory/restore";

export async function takeSnapshot(
  { connect, output }: CommandContext,
  options: Options,
  file: string | undefined,
): Promise<void> {
  const agentId = String(options.agent);
  const path = file ?? nameOf(agentId, "memory");
  await using client = await connect({ command: "memory snapshot" });
  const records = await save(client, agentId, path);
  output.result(
    { path, agentId, records },
    () => `${path} holds ${plural(records, "record")} of ${agentId}.`,
  );
}

export async function restoreSnapshot(
  { connect, output }: CommandContext,
  options: Options,
  file: string,
): Promise<void> {
  const snapshot = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new TroupeError(`"${file}" cannot be read. Give a file that ./troupe memory snapshot wrote.`, {
      code: "request.invalid",
      cause,
    });
  });
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
  // What is there now can be had back in the same way.
  const before = nameOf(plan.agentId, "before-restore");
  await save(client, plan.agentId, before);
  const done = await client.call<RestoredMemory>("POST", RESTORE, { snapshot });
  output.result(
    { ...done, before },
    () => `Done: ${changesOf(done)}. What was there before is in ${before}.`,
  );
}

/** Gives how many records there are. Readable by its owner alone: it holds what people said in confidence. */
async function save(client: AdminClient, agentId: string, path: string): Promise<number> {
  const pieces: string[] = [];
  for await (const piece of client.download(`/admin/memory/snapshot${queryOf({ agent: agentId })}`))
    pieces.push(piece);
  const text = pieces.join("");
  if (!text.trimEnd().split("\n").at(-1)?.startsWith('{"end":'))
    throw new TroupeError("The snapshot broke off. Try again.", { code: "internal", retryable: true });
  try {
    await writeFile(path, text, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    throw new TroupeError(`"${path}" is there already or cannot be written. Name another file.`, {
      code: "request.invalid",
      cause,
    });
  }
  return text.split("\n").filter((line) => line.startsWith('{"memory":')).length;
}

/** To the millisecond: two restores in one second each keep what was there before. */
function nameOf(agentId: string, what: string): string {
  return `${agentId}-${what}-${new Date().toISOString().slice(0, 23).replaceAll(/[:.]/g, "")}.jsonl`;
}

function changesAny({ added, changed, removed }: RestoredMemory): boolean {
  return added + changed + removed > 0;
}

function changesOf(plan: RestoredMemory): string {
  if (!changesAny(plan)) return "nothing is otherwise";
  const { added, changed, removed } = plan;
  return `${plural(added, "record")} back, ${changed} as they were, ${removed} that came since deleted`;
}

import type { ErasedRows } from "@troupe/contracts";
import type { Erasure } from "../../app/index.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { plural } from "../format/time.ts";

type Options = Readonly<Record<string, unknown>>;
type Counts = ErasedRows & { readonly sessions: number; readonly ownFiles: number };

const PATH = "/admin/memory/erase";

export async function erasePerson({ connect, output }: CommandContext, options: Options): Promise<void> {
  const peer = String(options.peer);
  await using client = await connect({ command: "memory erase" });
  const counts = await client.call<Counts>("POST", PATH, { peer, dryRun: true });
  if (options.dryRun === true) return output.result(counts, () => `${peer} alone knows ${listOf(counts)}.`);
  const question = `${peer} alone knows ${listOf(counts)}. Delete all of it for good?`;
  if (options.yes !== true) {
    await confirm(question, {
      unasked: `${question} Nobody can be asked here. Add --yes, or --dry-run to look first.`,
      nothing: "Nothing was deleted.",
    });
  }
  const erased = await client.call<Erasure>("POST", PATH, { peer });
  output.result(erased, () => formatErased(peer, erased));
}

function formatErased(peer: string, erased: Erasure): string {
  const { scrubbed } = erased;
  const files = erased.files === 0 ? "" : `, and ${plural(erased.files, "file")}`;
  const last = scrubbed.kind === "clean" ? "No page of the database holds any of it." : scrubbed.reason;
  const dropped = erased.historiesDropped.join(", ");
  const lost =
    dropped === ""
      ? ""
      : `\nThe history of the files of ${dropped} could not be written anew, so all of it is gone.`;
  const outside =
    erased.episodes?.isForgotten === false
      ? `\nThe episode memory still has what it was told, for it could not be asked: ${erased.episodes.why} Run this again.`
      : "";
  const done = `Deleted of ${peer}: ${listOf(erased)}, with ${plural(erased.messages, "message")}${files}.`;
  return `${done}\n${last}${lost}${outside}\nEarlier backups still hold it, and what was said in groups is there for the others.`;
}

function listOf(counts: Counts): string {
  const { sessions, memories, documents, storylines, jobs, agentMessages, ownFiles } = counts;
  const all = [
    plural(sessions, "conversation"),
    plural(memories, "memory", "memories"),
    ...(documents === 0 ? [] : [plural(documents, "document")]),
    ...(storylines === 0 ? [] : [plural(storylines, "storyline")]),
    ...(jobs === 0 ? [] : [plural(jobs, "job")]),
    ...(agentMessages === 0
      ? []
      : [plural(agentMessages, "message between agents", "messages between agents")]),
    ...(ownFiles === 0 ? [] : [plural(ownFiles, "file of agents' own", "files of agents' own")]),
  ];
  return all.length === 1 ? String(all[0]) : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

import type { Command } from "commander";
import { add, group } from "./add-command.ts";

/** `memory …`: what agents keep in mind, how they know it, and taking it back. */
export function addMemory(program: Command): void {
  const memory = group(
    program,
    "memory",
    "what agents keep in mind: search, show, forget, undo, audit, reindex",
  );
  add(
    memory,
    "search [words...]",
    "list memories that hold all of these words, the newest first",
    async (context, options, ...words) =>
      (await import("./commands/memory.ts")).searchMemories(context, options, words),
  )
    .option("--agent <id>", "only of this agent")
    .option("--kind <kind>", "only of this kind: fact, episode, summary …")
    .option("--reader <peer>", "only what this peer may be told")
    .option("--closed", "with those that count no longer")
    .option("--limit <n>", "at most so many", "20");
  add(memory, "show <id>", "print a memory with all that is kept of it", async (context, _options, id = "") =>
    (await import("./commands/memory.ts")).showMemory(context, id),
  );
  add(
    memory,
    "why <id>",
    "tell how a memory is known: the messages and memories that it rests on",
    async (context, _options, id = "") => (await import("./commands/memory.ts")).whyMemory(context, id),
  );
  add(
    memory,
    "forget <id>",
    "close a memory: it is recalled no more, and can be brought back",
    async (context, options, id = "") =>
      (await import("./commands/memory.ts")).forgetMemory(context, options, id),
  ).option("--erase", "delete it for good instead");
  add(
    memory,
    "undo <id>",
    "take back what was done last with a memory: closing it, or making it",
    async (context, _options, id = "") => (await import("./commands/memory.ts")).undoMemory(context, id),
  );
  add(memory, "stats", "count memories by agent and kind", async (context, options) =>
    (await import("./commands/memory.ts")).countMemories(context, options),
  ).option("--agent <id>", "only of this agent");
  add(
    memory,
    "audit",
    "look for duplicates, stale and secret-looking memories, and breaches of audiences",
    async (context, options) => (await import("./commands/memory.ts")).auditMemories(context, options),
  ).option("--agent <id>", "only of this agent");
  addKeeping(memory);
}

/** Files of it, and its end. */
function addKeeping(memory: Command): void {
  addSnapshots(memory);
  add(
    memory,
    "restore <file>",
    "make an agent's memory and files what a snapshot says; what is there now is written to a file first",
    async (context, options, file = "") =>
      (await import("./commands/memory-snapshot.ts")).restoreSnapshot(context, options, file),
  )
    .option("--dry-run", "say what would change, and change nothing")
    .option(...PASSPHRASE_FILE)
    .option("--yes", "do not ask");
  add(
    memory,
    "erase",
    "delete all that one person alone knows: conversations, memories, files, jobs; it cannot be undone",
    async (context, options) => (await import("./commands/memory-erase.ts")).erasePerson(context, options),
  )
    .requiredOption("--peer <id>", "the person, as memory show prints who may be told")
    .option("--dry-run", "say how much there is, and delete nothing")
    .option("--yes", "do not ask");
  add(
    memory,
    "reindex",
    "make the index of words anew, and embed what was not embedded, while Troupe serves",
    async (context, options) =>
      (await import("./commands/memory-reindex.ts")).reindexMemory(context, options),
  )
    .option("--words", "only the index of words")
    .option("--vectors", "embed everything anew, which a model of others is paid for");
}

const PASSPHRASE_FILE = [
  "--passphrase-file <path>",
  "read the passphrase from a file; else from TROUPE_SNAPSHOT_PASSPHRASE, or asked for",
] as const;

function addSnapshots(memory: Command): void {
  const snapshot = add(
    memory,
    "snapshot [file]",
    "write what an agent keeps in mind, was given to read, and its own files to a file",
    async (context, options, file) =>
      (await import("./commands/memory-snapshot.ts")).takeSnapshot(context, options, file),
  )
    .helpCommand(false)
    .option("--agent <id>", "of this agent")
    .option("--encrypt", "seal the file with a passphrase, which is asked for")
    .option(...PASSPHRASE_FILE);
  add(
    snapshot,
    "verify <file>",
    "say whether a snapshot is whole, and what it holds",
    async (context, options, file = "") =>
      (await import("./commands/memory-snapshot.ts")).verifySnapshot(context, options, file),
  ).option(...PASSPHRASE_FILE);
  add(
    snapshot,
    "diff <file> [other]",
    "tell what changed from a snapshot until now, or until another one",
    async (context, options, file = "", other) =>
      (await import("./commands/memory-snapshot.ts")).compareSnapshots(context, options, file, other),
  ).option(...PASSPHRASE_FILE);
}

import type { Command } from "commander";
import { add, group } from "./add-command.ts";

/** `backup`, `restore`, and `outbox …`, which a restored home begins with. */
export function addKeeping(program: Command): void {
  add(
    program,
    "backup [file]",
    "pack the home into one file, while Troupe runs or not",
    async (context, options, file) => (await import("./commands/backup.ts")).backUp(context, options, file),
  ).option(
    "--with-master-key",
    "pack the master key and files with secrets too: the file opens everything then",
  );
  add(
    program,
    "restore <file>",
    "make a home out of a backup; what it sends waits for you",
    async (context, options, file = "") =>
      (await import("./commands/restore.ts")).restore(context, options, file),
  )
    .option("--home <folder>", "restore to this folder instead of TROUPE_HOME")
    .option("--force", "put what is in the home aside first");
  const outbox = group(program, "outbox", "replies to channels that wait: list, hold, release");
  add(outbox, "list", "list replies that wait for delivery", async (context) =>
    (await import("./commands/outbox.ts")).listOutbox(context),
  );
  add(outbox, "hold", "send nothing to channels until released", async (context) =>
    (await import("./commands/outbox.ts")).holdOutbox(context),
  );
  add(outbox, "release", "let held replies go", async (context, options) =>
    (await import("./commands/outbox.ts")).releaseOutbox(context, options),
  ).option("--discard", "end those from before the hold instead: another copy of this home has sent them");
}

export function addSetup(program: Command): void {
  add(program, "setup", "connect a model, or change one thing of it", async (context, options) =>
    (await import("./commands/setup.ts")).setUp(context, options),
  )
    .option("--provider <kind>", "without questions: openai, openrouter, ollama, openai-compatible …")
    .option("--name <name>", "what it is called in troupe.yaml")
    .option("--base-url <address>", "where it is, up to and including /v1")
    .option("--model <id>", "the model, as its provider calls it")
    .option("--key-from-stdin", "read the key from standard input")
    .option("--key-from-file <file>", "read the key from this file")
    .option("--yes", "write it when the model has answered");
}

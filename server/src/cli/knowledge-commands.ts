import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `knowledge …`: files and pages that agents are given to read. */
export function addKnowledge(program: Command): void {
  const knowledge = group(program, "knowledge", "files and pages that agents know: add, list, show, remove");
  add(
    knowledge,
    "add <source>",
    "give an agent a file (text, Markdown, HTML, JSON, CSV) or the page at an address; again, to bring it up to date",
    async (context, options, source = "") =>
      (await import("./commands/knowledge.ts")).addDocument(context, options, source),
  )
    .requiredOption("--agent <id>", "the agent that is to know it")
    .option(
      "--audience <peers>",
      "who may be told: ids of peers, with commas; default: whoever talks with it",
    )
    .option("--title <title>", "what citations call it; default: as it calls itself");
  paged(
    add(knowledge, "list", "list documents, the last changed first", async (context, options) =>
      (await import("./commands/knowledge.ts")).listDocuments(context, options),
    ).option("--agent <id>", "only of this agent"),
    20,
  );
  add(knowledge, "show <id>", "print a document and its pieces", async (context, _options, id = "") =>
    (await import("./commands/knowledge.ts")).showDocument(context, id),
  );
  add(
    knowledge,
    "remove <id>",
    "take a document back: nothing of it is recalled or kept",
    async (context, _options, id = "") =>
      (await import("./commands/knowledge.ts")).removeDocument(context, id),
  );
}

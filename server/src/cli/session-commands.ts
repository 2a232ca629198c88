import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `session …`: conversations, and what is done to whole ones. */
export function addSessions(program: Command): void {
  const session = group(
    program,
    "session",
    "conversations: list, show, name, branch, compare, export, delete",
  );
  paged(
    add(session, "list", "list conversations, the latest first", async (context, options) =>
      (await import("./commands/session.ts")).listSessions(context, options),
    ),
    20,
  )
    .option("--agent <id>", "only those of one agent")
    .option("--query <words>", "only those with these words in title or messages, the best first")
    .option("--all", "calls that brought their own history too");
  add(session, "show <id>", "print a conversation's messages", async (context, options, id = "") =>
    (await import("./commands/session.ts")).showSession(context, options, id),
  ).option("--limit <n>", "at most so many messages, the latest", "50");
  add(
    session,
    "rename <id> [title]",
    "give a conversation a title that no summary changes; without one, give it up",
    async (context, _options, id = "", title) =>
      (await import("./commands/session-changes.ts")).renameSession(context, id, title),
  );
  add(session, "delete <id>", "delete a conversation for good", async (context, options, id = "") =>
    (await import("./commands/session-changes.ts")).deleteSession(context, options, id),
  )
    .option("--yes", "do not ask")
    .option("--cancel", "stop what waits or runs in it first");
  addCopies(session);
}

function addCopies(session: Command): void {
  add(
    session,
    "branch <id>",
    "copy a conversation up to a message, to go on differently from there",
    async (context, options, id = "") =>
      (await import("./commands/session-changes.ts")).branchSession(context, options, id),
  )
    .option("--at <message>", "the message to part at: its id or number; default: the last")
    .option("--before", "without that message")
    .option("--title <title>", "what to call the branch");
  add(
    session,
    "retry <id> [text]",
    "ask the last question again, or another in its place, in a branch",
    async (context, options, id = "", text) =>
      (await import("./commands/session-changes.ts")).retrySession(context, options, id, text),
  );
  add(
    session,
    "compare <id> <other>",
    "two conversations beside each other: what they share, how each went on",
    async (context, _options, id = "", other = "") =>
      (await import("./commands/session-copies.ts")).compareSessions(context, id, other),
  );
  add(
    session,
    "export <id>",
    "print a whole conversation, or write it to a file",
    async (context, options, id = "") =>
      (await import("./commands/session-copies.ts")).exportSession(context, options, id),
  )
    .option("--format <format>", "markdown or json", "markdown")
    .option("--output <file>", "write it there; an existing file is not touched");
}

import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `inbox …`: what waits for the operator to read. */
export function addInbox(program: Command): void {
  const inbox = group(
    program,
    "inbox",
    "replies and notices that wait for you: list, show, mark as read, clear",
  );
  paged(
    add(inbox, "list", "list what waits, the newest first", async (context, options) =>
      (await import("./commands/inbox.ts")).listInbox(context, options),
    ),
    20,
  ).option("--unread", "only what is unread");
  add(inbox, "show <id>", "print an item, and mark it as read", async (context, options, id = "") =>
    (await import("./commands/inbox.ts")).showItem(context, options, id),
  ).option("--keep-unread", "leave it marked as it is");
  add(inbox, "read [id]", "mark an item as read, or all of them", async (context, options, id) =>
    (await import("./commands/inbox.ts")).markRead(context, options, id),
  ).option("--unread", "as unread instead; needs an id");
  add(inbox, "clear [id]", "remove an item, or all that were read", async (context, _options, id) =>
    (await import("./commands/inbox.ts")).clearInbox(context, id),
  );
}

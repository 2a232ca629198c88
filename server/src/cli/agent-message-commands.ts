import type { Command } from "commander";
import { add, paged } from "./add-command.ts";

/** `agent channels` and `agent messages`: what agents say among themselves. */
export function addAgentMessages(agent: Command): void {
  paged(
    add(
      agent,
      "channels",
      "list where agents talk with one another, the newest first",
      async (context, options) =>
        (await import("./commands/agent-messages.ts")).listChannels(context, options),
    ),
    20,
  ).option("--agent <id>", "only those that this agent is in");
  paged(
    add(
      agent,
      "messages [channel]",
      "list what agents said to one another and what became of it, the newest first",
      async (context, options, channel) =>
        (await import("./commands/agent-messages.ts")).listMessages(context, options, channel),
    ),
    20,
  ).option(
    "--state <state>",
    "only waiting, activated, done, failed, refused, suppressed, cancelled or dead ones",
  );
}

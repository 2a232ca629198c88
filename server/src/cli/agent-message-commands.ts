import type { Command } from "commander";
import { add } from "./add-command.ts";

/** `agent channels` and `agent messages`: what agents say among themselves. */
export function addAgentMessages(agent: Command): void {
  add(
    agent,
    "channels",
    "list where agents talk with one another, the newest first",
    async (context, options) => (await import("./commands/agent-messages.ts")).listChannels(context, options),
  )
    .option("--limit <n>", "at most so many", "20")
    .option("--agent <id>", "only those that this agent is in");
  add(
    agent,
    "messages [channel]",
    "list what agents said to one another and what became of it, the newest first",
    async (context, options, channel) =>
      (await import("./commands/agent-messages.ts")).listMessages(context, options, channel),
  )
    .option("--limit <n>", "at most so many", "20")
    .option(
      "--state <state>",
      "only waiting, activated, done, failed, refused, suppressed, cancelled or dead ones",
    );
}

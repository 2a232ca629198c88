import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `dlq …`: what was given up. */
export function addDeadLetters(program: Command): void {
  const dlq = group(program, "dlq", "dead letters, what was given up: list, show, replay, purge");
  paged(
    withFilters(
      add(dlq, "list", "list what was given up, the last first", async (context, options) =>
        (await import("./commands/dlq.ts")).listDeadLetters(context, options),
      ),
    ),
    20,
  );
  add(
    dlq,
    "show <id>",
    "print one with its payload, what went wrong, and what can be done",
    async (context, _options, id = "") => (await import("./commands/dlq.ts")).showDeadLetter(context, id),
  );
  withFilters(
    add(
      dlq,
      "replay [ids...]",
      "try again: those with these ids, or all that a filter names",
      async (context, options, ...ids) =>
        (await import("./commands/dlq.ts")).replayDeadLetters(context, options, ids),
    ),
  )
    .option("--even-unknown", "replies too that may have arrived: they may then arrive twice")
    .option("--all", "all that there are, without a filter")
    .option("--dry-run", "say what would be replayed, and replay nothing")
    .option("--yes", "do not ask");
  withFilters(
    add(
      dlq,
      "purge [ids...]",
      "forget for good: those with these ids, or all that a filter names",
      async (context, options, ...ids) =>
        (await import("./commands/dlq.ts")).purgeDeadLetters(context, options, ids),
    ),
  )
    .option("--all", "all that there are, without a filter")
    .option("--dry-run", "say what would be purged, and purge nothing")
    .option("--yes", "do not ask");
}

function withFilters(command: Command): Command {
  return command
    .option(
      "--kind <kind>",
      "only of this kind, such as delivery.telegram; effect, delivery, agent-message or turn for all of these",
    )
    .option("--agent <id>", "only of this agent")
    .option("--state <state>", "only dead, parked or unknown ones")
    .option("--since <time>", "failed since then: 2h, 7d, 2026-11-20 or 2026-11-20T07:00")
    .option("--until <time>", "failed before that");
}

import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `storyline …`: what conversations are about, seen and mended. */
export function addStorylines(program: Command): void {
  const storyline = group(program, "storyline", "subjects that live across conversations: list, show, mend");
  paged(
    add(storyline, "list", "list storylines, the latest first", async (context, options) =>
      (await import("./commands/storyline.ts")).listStorylines(context, options),
    )
      .option("--agent <id>", "of this agent alone")
      .option("--peer <id>", "with this person or group alone"),
    20,
  );
  add(storyline, "show <id>", "print a storyline and its latest turns", async (context, _options, id = "") =>
    (await import("./commands/storyline.ts")).showStoryline(context, id),
  );
  add(
    storyline,
    "rename <id> <name>",
    "call it something else",
    async (context, _options, id = "", name = "") =>
      (await import("./commands/storyline.ts")).renameStoryline(context, id, name),
  );
  add(
    storyline,
    "merge <id> <into>",
    "make one a part of another, with all its turns",
    async (context, _options, id = "", into = "") =>
      (await import("./commands/storyline.ts")).mergeStorylines(context, id, into),
  );
  add(
    storyline,
    "split <id> <turn>",
    "make its turns of one conversation, from this turn on, a storyline of their own",
    async (context, options, id = "", turn = "") =>
      (await import("./commands/storyline.ts")).splitStoryline(context, options, id, turn),
  ).option("--name <name>", "what the new one is called; default: as the old one");
  add(
    storyline,
    "move <turn> <to>",
    "move one turn to another storyline",
    async (context, _options, turn = "", to = "") =>
      (await import("./commands/storyline.ts")).moveTurn(context, turn, to),
  );
}

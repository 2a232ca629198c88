import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `person …`: who talks with agents, what is known of them, and which peers of several channels are one human. */
export function addPersons(program: Command): void {
  const person = group(
    program,
    "person",
    "people and groups that agents talk with: list, show, export, merge, split, undo, erase",
  );
  paged(
    add(person, "list", "list everybody who talks with agents, by name", async (context, options) =>
      (await import("./commands/person.ts")).listPersons(context, options),
    )
      .option("--linked", "only people with several names")
      .option("--knows <subject>", "who can be asked about it, as agents know"),
    50,
  );
  add(
    person,
    "show <name>",
    "print the names of a person, what proved each link, and what is known of them",
    async (context, _options, name = "") => (await import("./commands/person.ts")).showPerson(context, name),
  );
  add(
    person,
    "merge <name> <other>",
    "say that two peers are one human: each is told what the other knows",
    async (context, _options, name = "", other = "") =>
      (await import("./commands/person.ts")).mergePersons(context, name, other),
  );
  add(
    person,
    "split <name> <other>",
    "say that two peers are not one human: the link between them ends",
    async (context, _options, name = "", other = "") =>
      (await import("./commands/person.ts")).splitPersons(context, name, other),
  );
  add(
    person,
    "undo <of>",
    "end a link by its id, or all of a peer by its name",
    async (context, _options, of = "") => (await import("./commands/person.ts")).undoLinks(context, of),
  );
  add(
    person,
    "export <name> [file]",
    "write all that a person told and may be told to a file",
    async (context, _options, name = "", file) =>
      (await import("./commands/person-export.ts")).exportPerson(context, name, file),
  );
  add(
    person,
    "erase <name>",
    "delete all that one person alone knows under this name; it cannot be undone",
    async (context, options, peer = "") =>
      (await import("./commands/memory-erase.ts")).erasePerson(context, { ...options, peer }),
  )
    .option("--dry-run", "say how much there is, and delete nothing")
    .option("--yes", "do not ask");
}

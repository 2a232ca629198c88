import type { Command } from "commander";
import { add, group } from "./add-command.ts";

/** `person …`: peers of several channels that are one human. */
export function addPersons(program: Command): void {
  const person = group(program, "person", "people with several names: list, show, merge, undo");
  add(person, "list", "list people whose names are linked", async (context) =>
    (await import("./commands/person.ts")).listPersons(context),
  );
  add(
    person,
    "show <name>",
    "print the names of a person, and what proved each link",
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
    "undo <of>",
    "end a link by its id, or all of a peer by its name",
    async (context, _options, of = "") => (await import("./commands/person.ts")).undoLinks(context, of),
  );
}

import type { ShownPerson } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { oneLine, table } from "../output.ts";

const LONGEST = 80;

export async function listPersons({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "person list" });
  const persons = await client.call<readonly ShownPerson[]>("GET", "/admin/persons");
  output.result(persons, () => formatList(persons));
}

export async function showPerson({ connect, output }: CommandContext, name: string): Promise<void> {
  await using client = await connect({ command: "person show" });
  const person = await client.call<ShownPerson>("GET", `/admin/persons/${encodeURIComponent(name)}`);
  output.result(person, () => formatPerson(person));
}

export async function mergePersons(
  { connect, output }: CommandContext,
  name: string,
  other: string,
): Promise<void> {
  await using client = await connect({ command: "person merge" });
  const person = await client.call<ShownPerson>("POST", "/admin/persons/merge", { names: [name, other] });
  output.result(person, () => formatPerson(person));
}

export async function undoLinks({ connect, output }: CommandContext, of: string): Promise<void> {
  await using client = await connect({ command: "person undo" });
  const result = await client.call<{ readonly ended: number }>("POST", "/admin/persons/undo", { of });
  output.result(result, () =>
    result.ended === 0
      ? "There was no such link."
      : `${plural(result.ended, "link")} ended; nothing more is shared.`,
  );
}

function formatList(persons: readonly ShownPerson[]): string {
  if (persons.length === 0)
    return "Nobody is linked. People do it themselves with /link, on both channels, or you with person merge.";
  return persons.map(({ names }) => names.map((name) => oneLine(name, LONGEST)).join(" = ")).join("\n");
}

function formatPerson({ names, links }: ShownPerson): string {
  const rows = links.map(({ id, names: both, proof, linkedAt, endedAt }) => [
    ...[id, both.map((name) => oneLine(name, LONGEST)).join(" = ")],
    ...[proof === "code" ? "by a code" : "by an operator", dateTime(linkedAt)],
    endedAt === undefined ? "" : `ended ${dateTime(endedAt)}`,
  ]);
  return [names.map((name) => oneLine(name, LONGEST)).join(" = "), table(rows)].join("\n");
}

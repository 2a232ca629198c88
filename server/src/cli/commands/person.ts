import type { Expert, ListedPerson, ShownPerson } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { oneLine, table, withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

const LONGEST = 80;

type Options = Readonly<Record<string, unknown>>;

export async function listPersons({ connect, output }: CommandContext, options: Options): Promise<void> {
  const { knows, linked } = options;
  const query = queryOf({ ...pageOf(options), knows, linked: linked === true ? "true" : undefined });
  const path = `/admin/persons${query}`;
  await using client = await connect({ command: "person list" });
  if (knows !== undefined) {
    const found = await client.call<{ readonly items: readonly Expert[] }>("GET", path);
    output.result(found, () => formatExperts(found.items, String(knows)));
    return;
  }
  const page = await client.call<{ readonly items: readonly ListedPerson[]; readonly next?: string }>(
    "GET",
    path,
  );
  output.result(page, () => formatList(page, options));
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

export async function splitPersons(
  { connect, output }: CommandContext,
  name: string,
  other: string,
): Promise<void> {
  await using client = await connect({ command: "person split" });
  const names = [name, other];
  const result = await client.call<{ readonly ended: number }>("POST", "/admin/persons/split", { names });
  output.result(result, () => endedOf(result.ended, "There was no link between them."));
}

export async function undoLinks({ connect, output }: CommandContext, of: string): Promise<void> {
  await using client = await connect({ command: "person undo" });
  const result = await client.call<{ readonly ended: number }>("POST", "/admin/persons/undo", { of });
  output.result(result, () => endedOf(result.ended, "There was no such link."));
}

function endedOf(ended: number, none: string): string {
  return ended === 0
    ? none
    : `${plural(ended, "link")} ended; nothing more is shared over ${ended === 1 ? "it" : "them"}.`;
}

function formatList(
  { items, next }: { readonly items: readonly ListedPerson[]; readonly next?: string },
  { linked, cursor }: Options,
): string {
  if (items.length === 0 && cursor !== undefined) return "There are no more.";
  const nobody = linked
    ? "Nobody is linked. People do it themselves with /link, on both channels, or you with person merge."
    : "Nobody has talked with an agent yet.";
  const rows = items.map(({ names, shownNames, familiarity, messages, lastAt, agents }) => [
    ...[names.map(plain).join(" = "), shownNames.map(plain).join(", ")],
    ...[familiarity, plural(messages, "message"), agents.map(plain).join(", ")],
    lastAt === undefined ? "" : dateTime(lastAt),
  ]);
  return rows.length === 0 ? nobody : withMore(table(rows), next);
}

function formatExperts(experts: readonly Expert[], subject: string): string {
  if (experts.length === 0) return `No agent knows of anybody to ask about ${plain(subject)}.`;
  return table(
    experts.map(({ person, knows, agentId, audience }) => [
      ...[plain(person), knows.map(plain).join(", "), `as ${plain(agentId)} knows`],
      `may be told: ${audience.map(plain).join(", ")}`,
    ]),
  );
}

function formatPerson(person: ShownPerson): string {
  const { names, links, shownNames, aliases, familiarity, messages, lastAt, agents, spoken, people } = person;
  const called = [...new Set([...shownNames, ...aliases])].map(plain).join(", ");
  const last = lastAt === undefined ? "" : `, last ${dateTime(lastAt)}`;
  const linked = links.map(({ id, names: both, proof, linkedAt, endedAt }) => [
    ...[id, both.map(plain).join(" = ")],
    ...[proof === "code" ? "by a code" : "by an operator", dateTime(linkedAt)],
    endedAt === undefined ? "" : `ended ${dateTime(endedAt)}`,
  ]);
  const lines = [
    names.map(plain).join(" = "),
    ...(called === "" ? [] : [`Called: ${called}`]),
    `Familiarity: ${familiarity}, ${plural(messages, "message")} in private${last}`,
    ...agents.map(
      ({ name, agentId, messages: own, firstAt }) =>
        `  with ${plain(agentId)} as ${plain(name)}: ${plural(own, "message")} since ${dateTime(firstAt)}`,
    ),
    ...spoken.map(
      ({ name, sessionId, messages: own, lastAt: at }) =>
        `  in ${sessionId} as ${plain(name)}, where others read: ${plural(own, "message")}, last ${dateTime(at)}`,
    ),
    ...(people.length === 0 ? [] : ["People:", ...people.map(peopleLine)]),
    ...(linked.length === 0 ? [] : ["Links:", table(linked)]),
  ];
  return lines.join("\n");
}

function peopleLine({ person, agentId, relations, knows }: ShownPerson["people"][number]): string {
  const said = [
    ...(relations.length === 0 ? [] : [relations.map(plain).join(" and ")]),
    ...(knows.length === 0 ? [] : [`knows about ${knows.map(plain).join(", ")}`]),
  ];
  return `  ${person === undefined ? "themselves" : plain(person)}: ${said.join("; ")} (${plain(agentId)})`;
}

function plain(text: string): string {
  return oneLine(text, LONGEST);
}

import type { Page, Storyline } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime } from "../format/time.ts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

interface ShownStoryline extends Storyline {
  readonly turns: readonly { readonly turnId: string; readonly sessionId: string; readonly at: number }[];
}

const pathOf = (id: string, rest = ""): string => `/admin/storylines/${encodeURIComponent(id)}${rest}`;

export async function listStorylines({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({ ...pageOf(options), agent: options.agent, peer: options.peer });
  await using client = await connect({ command: "storyline list" });
  const page = await client.call<Page<Storyline>>("GET", `/admin/storylines${query}`);
  output.result(page, () => withMore(formatList(page.items), page.next));
}

export async function showStoryline({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "storyline show" });
  const storyline = await client.call<ShownStoryline>("GET", pathOf(id));
  output.result(storyline, () => formatStoryline(storyline, output.paint));
}

export async function renameStoryline(
  { connect, output }: CommandContext,
  id: string,
  name: string,
): Promise<void> {
  await using client = await connect({ command: "storyline rename" });
  const storyline = await client.call<Storyline>("PATCH", pathOf(id), { name });
  output.result(storyline, () => `It is called "${oneLine(storyline.title, 200)}" now.`);
}

export async function mergeStorylines(
  { connect, output }: CommandContext,
  id: string,
  into: string,
): Promise<void> {
  await using client = await connect({ command: "storyline merge" });
  const storyline = await client.call<Storyline>("POST", pathOf(id, "/merge"), { into });
  output.result(storyline, () => `Merged into "${oneLine(storyline.title, 200)}".`);
}

export async function splitStoryline(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
  turnId: string,
): Promise<void> {
  await using client = await connect({ command: "storyline split" });
  const storyline = await client.call<Storyline>("POST", pathOf(id, "/split"), {
    turnId,
    name: options.name,
  });
  output.result(
    storyline,
    () => `From that turn on it is ${storyline.id}, "${oneLine(storyline.title, 200)}".`,
  );
}

export async function moveTurn(
  { connect, output }: CommandContext,
  turnId: string,
  to: string,
): Promise<void> {
  await using client = await connect({ command: "storyline move" });
  const storyline = await client.call<Storyline>("POST", pathOf(to, "/turns"), { turnId });
  output.result(storyline, () => `The turn belongs to "${oneLine(storyline.title, 200)}" now.`);
}

function formatList(items: readonly Storyline[]): string {
  if (items.length === 0) return "There is no storyline yet.";
  return table(
    items.map(({ id, updatedAt, agentId, peerId, title }) => [
      ...[id, dateTime(updatedAt), agentId, peerId ?? ""],
      oneLine(title, 60),
    ]),
  );
}

function formatStoryline(storyline: ShownStoryline, paint: Paint): string {
  const { title, agentId, peerId, sessionId, updatedAt, summary, turns, mergedInto } = storyline;
  const about = `${agentId}${peerId === undefined ? "" : ` with ${peerId}`}, ${dateTime(updatedAt)}  begun in ${sessionId}`;
  const rows = turns.map(({ turnId, sessionId: session, at }) => [dateTime(at), turnId, session]);
  return [
    `${paint.bold(oneLine(title, 200))}\n${paint.dim(about)}`,
    ...(mergedInto === undefined ? [] : [`It is a part of ${mergedInto} by now.`]),
    ...(summary === "" ? [] : [safeText(summary).trimEnd()]),
    rows.length === 0 ? "No turns." : table(rows),
  ].join("\n\n");
}

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { EVERYONE, type KnowledgeDocument, type Page, TroupeError } from "@troupe/contracts";
import type { KeptDocument, ShownDocument } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { oneLine, table, withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

const MAX_BYTES = 4 * 1024 * 1024;

const pathOf = (id: string): string => `/admin/knowledge/${encodeURIComponent(id)}`;

export async function addDocument(
  { connect, output }: CommandContext,
  options: Options,
  given: string,
): Promise<void> {
  const body = {
    ...{ agent: options.agent, title: options.title },
    ...(options.audience === undefined ? {} : { audience: audienceIn(String(options.audience)) }),
    ...(/^https?:\/\//i.test(given) ? { source: given } : await fileOf(given)),
  };
  await using client = await connect({ command: "knowledge add" });
  const kept = await client.call<KeptDocument>("POST", "/admin/knowledge", body);
  output.result(kept, () => formatKept(kept));
}

/** Read here, for the Troupe that answers may run as somebody else, who may not. */
async function fileOf(given: string): Promise<{ readonly source: string; readonly content: string }> {
  const source = resolve(given);
  try {
    const { size } = await stat(source);
    if (size > MAX_BYTES)
      throw misuse(`"${given}" is longer than ${MAX_BYTES} bytes. Give it in several files.`);
    return { source, content: (await readFile(source)).toString("base64") };
  } catch (error) {
    if (TroupeError.is(error)) throw error;
    const reason = error instanceof Error && "code" in error ? String(error.code) : "";
    throw misuse(
      `"${given}" cannot be read (${reason}). Give a file, or an address that begins with https://.`,
    );
  }
}

function audienceIn(text: string): readonly string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length === 1 && names[0] === "everyone" ? [EVERYONE] : names;
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}

export async function listDocuments({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "knowledge list" });
  const query = queryOf({ agent: options.agent, ...pageOf(options) });
  const page = await client.call<Page<KnowledgeDocument>>("GET", `/admin/knowledge${query}`);
  output.result(page, () => formatPage(page));
}

export async function showDocument({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "knowledge show" });
  const shown = await client.call<ShownDocument>("GET", pathOf(id));
  const pieces = [...shown.pieces];
  while (pieces.length > 0 && pieces.length < shown.document.chunkCount) {
    const more = await client.call<ShownDocument>("GET", `${pathOf(id)}?after=${pieces.length}`);
    if (more.pieces.length === 0) break;
    pieces.push(...more.pieces);
  }
  const whole = { ...shown, pieces };
  output.result(whole, () => formatShown(whole));
}

export async function removeDocument({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "knowledge remove" });
  const document = await client.call<KnowledgeDocument>("DELETE", pathOf(id));
  output.result(document, () => `Removed: ${document.title}. Nothing of it is recalled any more.`);
}

function readersText({ audience }: KnowledgeDocument): string {
  return audience[0] === EVERYONE ? "whoever talks with it" : audience.join(", ");
}

function formatKept({ kind, document, added, removed }: KeptDocument): string {
  const { id, title, agentId, chunkCount } = document;
  const who = `for ${readersText(document)}`;
  const pieces = plural(chunkCount, "piece");
  if (kind === "known") return `${agentId} knows this already: ${title}, ${pieces}, ${who} (${id}).`;
  if (kind === "new") return `${agentId} knows ${title}: ${pieces}, ${who} (${id}).`;
  return `${agentId} knows ${title} as it is now: ${pieces}, ${added} new, ${removed} gone, ${who} (${id}).`;
}

function formatPage({ items, next }: Page<KnowledgeDocument>): string {
  if (items.length === 0)
    return "No agent was given anything to read. ./troupe knowledge add FILE --agent ID";
  const rows = items.map((document) => [
    document.id,
    dateTime(document.updatedAt),
    document.agentId,
    plural(document.chunkCount, "piece"),
    oneLine(document.title, 40),
    oneLine(document.source, 60),
  ]);
  return withMore(table(rows), next);
}

function formatShown({ document, pieces }: ShownDocument): string {
  const rows = [
    ["id", document.id],
    ["title", document.title],
    ["from", document.source],
    ["agent", document.agentId],
    ["may be told", readersText(document)],
    ["type", `${document.mediaType}, ${document.sizeBytes} bytes`],
    ["added", dateTime(document.addedAt)],
    ["changed", dateTime(document.updatedAt)],
    ["pieces", String(document.chunkCount)],
  ];
  return [table(rows), ...pieces.map(({ text }) => text)].join("\n\n");
}

import type { MemoryRecord } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import type {
  ChangedMemory,
  ExplainedMemory,
  FoundMemories,
  MemoryAudit,
  MemoryStats,
} from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import type { CommandContext } from "../context.ts";
import { count, dateTime, plural } from "../format/time.ts";
import { oneLine, type Paint, table } from "../output.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

const pathOf = (id: string): string => `/admin/memories/${encodeURIComponent(id)}`;

export async function searchMemories(
  { connect, output }: CommandContext,
  options: Options,
  words: readonly string[],
): Promise<void> {
  const query = queryOf({
    ...{ agent: options.agent, kind: options.kind, reader: options.reader, limit: limitOf(options) },
    ...{ closed: options.closed, words: words.length === 0 ? undefined : words.join(" ") },
  });
  await using client = await connect({ command: "memory search" });
  const found = await client.call<FoundMemories>("GET", `/admin/memories${query}`);
  output.result(found, () => formatFound(found, output.paint));
}

export async function showMemory({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "memory show" });
  const { memory } = await client.call<ExplainedMemory>("GET", pathOf(id));
  output.result(memory, () => formatMemory(memory));
}

export async function whyMemory({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "memory why" });
  const explained = await client.call<ExplainedMemory>("GET", pathOf(id));
  output.result(explained, () => formatWhy(explained));
}

export async function forgetMemory(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "memory forget" });
  const body = { erase: options.erase === true };
  const changed = await client.call<ChangedMemory>("POST", `${pathOf(id)}/forget`, body);
  output.result(changed, () =>
    body.erase ? "Deleted for good." : `Forgotten. ./troupe memory undo ${id} brings it back.`,
  );
}

export async function undoMemory({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "memory undo" });
  const changed = await client.call<ChangedMemory>("POST", `${pathOf(id)}/undo`);
  output.result(changed, () =>
    [
      ...changed.reopened.map((one) => `Open again: ${one}`),
      ...changed.closed.map((one) => `Closed: ${one}`),
    ].join("\n"),
  );
}

export async function countMemories({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "memory stats" });
  const stats = await client.call<MemoryStats>(
    "GET",
    `/admin/memory/stats${queryOf({ agent: options.agent })}`,
  );
  output.result(stats, () => formatStats(stats));
}

export async function auditMemories({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "memory audit" });
  const audit = await client.call<MemoryAudit>(
    "GET",
    `/admin/memory/audit${queryOf({ agent: options.agent })}`,
  );
  output.result(audit, () => formatAudit(audit));
}

function formatFound({ items, isMore }: FoundMemories, paint: Paint): string {
  if (items.length === 0) return "No memory holds that.";
  const rows = items.map(({ id, agentId, kind, recordedAt, text, closed }) => [
    id,
    dateTime(recordedAt),
    agentId,
    kind,
    closed === undefined ? oneLine(text, 60) : paint.dim(`${oneLine(text, 60)} (${closed.reason})`),
  ]);
  return isMore ? `${table(rows)}\n\nThere are more: --limit, or more words.` : table(rows);
}

function formatMemory(memory: MemoryRecord): string {
  const { scope, closed, emotion } = memory;
  const rows: (readonly [string, string | undefined])[] = [
    ["id", memory.id],
    ["agent", memory.agentId],
    ["kind", memory.kind],
    ["belongs to", "id" in scope ? `${scope.kind} ${scope.id}` : scope.kind],
    ["may be told", memory.audience.join(", ")],
    ["answers", memory.slot],
    ["known since", dateTime(memory.recordedAt)],
    ["so since", memory.validFrom === undefined ? undefined : dateTime(memory.validFrom)],
    ["so until", memory.validTo === undefined ? undefined : dateTime(memory.validTo)],
    ["told", plural(memory.proofCount, "time", "times")],
    ["shown", plural(memory.uses, "time", "times")],
    ["held fast", memory.promotedAt === undefined ? undefined : `since ${dateTime(memory.promotedAt)}`],
    ["matters", memory.salience.toFixed(2)],
    ["feels", emotion === undefined ? undefined : `${emotion.valence} (${emotion.intensity})`],
    [
      "attributes",
      Object.keys(memory.attributes).length === 0 ? undefined : JSON.stringify(memory.attributes),
    ],
    ["closed", closed === undefined ? undefined : `${dateTime(closed.at)}, ${closed.reason}`],
    ["in its place", closed?.successorId],
  ];
  const shown = rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, oneLine(value, 100)]]));
  return `${safeText(memory.text)}\n\n${table(shown)}`;
}

function formatWhy({ memory, messages, memories, replaced }: ExplainedMemory): string {
  const lines = [
    safeText(memory.text),
    "",
    `Known since ${dateTime(memory.recordedAt)}, from turn ${memory.turnId}.`,
  ];
  if (messages.length > 0) lines.push("", "Told by:");
  for (const { createdAt, role, parts, sessionId } of messages)
    lines.push(
      `  ${dateTime(createdAt)}  ${role}: ${oneLine(textOf(parts), 80)}  (conversation ${sessionId})`,
    );
  if (memories.length > 0) lines.push("", "Rests on:");
  for (const one of memories) lines.push(`  ${lineOf(one)}`);
  if (replaced.length > 0) lines.push("", "Took the place of:");
  for (const one of replaced) lines.push(`  ${lineOf(one)}`);
  if (messages.length + memories.length === 0)
    lines.push("The messages that told it are gone, or were not kept.");
  const { closed } = memory;
  if (closed !== undefined) {
    const successor = closed.successorId === undefined ? "" : ` In its place: ${closed.successorId}.`;
    lines.push("", `It counts no longer since ${dateTime(closed.at)}: ${closed.reason}.${successor}`);
  }
  return lines.join("\n");
}

function lineOf({ id, text, closed }: MemoryRecord): string {
  return `${id}  ${oneLine(text, 80)}${closed === undefined ? "" : ` (${closed.reason})`}`;
}

function formatStats({ open, closed, counts, vectors, dreams }: MemoryStats): string {
  const embedded = vectors.map(
    ({ model, count: some, isUsed }) =>
      `${count(some)} embedded by ${model}${isUsed ? "" : ", which is not asked; ./troupe memory reindex deletes them"}.`,
  );
  if (counts.length === 0) return ["Nothing is remembered yet.", ...embedded].join("\n");
  const rows = counts.map((one) => [one.agentId, one.kind, String(one.open), String(one.closed)]);
  const listed = table([["agent", "kind", "open", "closed"], ...rows]);
  const nights = dreams.map(({ night, agentId, promoted, archived, summaries }) => [
    ...[night, agentId, `${promoted} held fast`, `${archived} archived`],
    plural(summaries, "summary", "summaries"),
  ]);
  const slept = nights.length === 0 ? [] : ["", "The last nights:", table(nights)];
  return [listed, "", `${open} open, ${closed} closed.`, ...embedded, ...slept].join("\n");
}

function formatAudit({ looked, exact, near, stale, secret, breaches, loops }: MemoryAudit): string {
  const rows: (readonly [string, readonly (readonly string[])[]])[] = [
    ["the same twice", exact],
    ["nearly the same, or otherwise of the same", near],
    ["stale", stale.map((id) => [id])],
    ["looks like a secret", secret.map((id) => [id])],
    ["told to somebody who does not know its source", breaches.map((id) => [id])],
    ["made from itself", loops.map((id) => [id])],
  ];
  const found = rows.filter(([, ids]) => ids.length > 0);
  const head = `Looked at ${plural(looked, "memory", "memories")}.`;
  if (found.length === 0) return `${head} Nothing to mend.`;
  const lines = found.flatMap(([name, ids]) => [
    "",
    `${name}: ${ids.length}`,
    ...ids.slice(0, 20).map((one) => `  ${one.join("  ")}`),
  ]);
  return [
    head,
    ...lines,
    "",
    "./troupe memory why ID tells of one, ./troupe memory forget ID closes it.",
  ].join("\n");
}

import type { MemoryRecord } from "@troupe/contracts";
import { dayOf } from "../../kit/index.ts";

const HEAD = `# Held fast

What nights hold fast of what is kept in mind, for it helped again and again. A line ends with its id: \`./troupe memory forget ID\` takes it
out of mind, \`./troupe memory undo ID\` brings it back. Change and delete lines as you like: nights leave alone what you write.

`;
const MAX_CHARACTERS = 400;
/** Past that nothing more is added. */
const MOST_LINES = 500;
const MOST_TAKEN_OUT = 100;
/** A line of a record, whoever changed its words since. Ids are those that Troupe makes. */
const LINE = /^- .*`([0-9A-HJKMNP-TV-Z]{26})`\s*$/;
const MARK = /^<!-- up to (\S+?)(?:, without ((?:[0-9A-Z]{26} ?)+))? -->$/;

/** Ids of the records that a file of nights names. */
export function idsIn(content: string): readonly string[] {
  const ids = content.split("\n").flatMap((line) => LINE.exec(line)?.[1] ?? []);
  return [...new Set([...ids, ...markIn(content).without])];
}

/**
 * The file with what is held fast since it was written last; without lines, as far as nobody changed them, of what was taken out
 * of mind since, and without any of what was erased. What a person wrote or deleted stays as it is. The same text where nothing changes.
 */
export function withHeldFast(
  content: string,
  /** Open ones that are held fast, and whatever is known of those that the file names, all of them for its readers. */
  { held, known }: { readonly held: readonly MemoryRecord[]; readonly known: readonly MemoryRecord[] },
): string {
  const mark = markIn(content);
  const byId = new Map([...known, ...held].map((record) => [record.id, record]));
  const lines = (content === "" ? HEAD : content).split("\n").filter((line) => !MARK.test(line));
  const without = new Set(mark.without.filter((id) => byId.has(id)));
  const kept = lines.filter((line) => {
    const id = LINE.exec(line)?.[1];
    if (id === undefined) return true;
    const record = byId.get(id);
    if (record === undefined) return false;
    const isOut = record.closed !== undefined || record.promotedAt === undefined;
    if (!isOut || line.trimEnd() !== lineOf(record)) return true;
    without.add(id);
    return false;
  });
  const shown = new Set(kept.flatMap((line) => LINE.exec(line)?.[1] ?? []));
  const added = held
    .filter(({ id, promotedAt = 0 }) => !shown.has(id) && (promotedAt > mark.upTo || without.has(id)))
    .toSorted((a, b) => (a.promotedAt ?? 0) - (b.promotedAt ?? 0) || a.recordedAt - b.recordedAt)
    .slice(0, Math.max(0, MOST_LINES - shown.size));
  if (added.length === 0 && kept.length === lines.length && content !== "") return content;
  if (added.length === 0 && content === "") return "";
  for (const { id } of added) without.delete(id);
  const upTo = Math.max(mark.upTo, ...held.map(({ promotedAt = 0 }) => promotedAt));
  return withMark(placed(kept, added.map(lineOf)), { upTo, without: [...without].slice(-MOST_TAKEN_OUT) });
}

/** The file without any line, or other mention, of these. */
export function withoutIds(content: string, ids: readonly string[]): string {
  const mark = markIn(content);
  const lines = content.split("\n").filter((line) => !ids.some((id) => line.includes(id)));
  if (lines.length === content.split("\n").length) return content;
  const without = mark.without.filter((id) => !ids.includes(id));
  const rest = lines.filter((line) => !MARK.test(line));
  return mark.upTo === 0 ? rest.join("\n") : withMark(rest, { upTo: mark.upTo, without });
}

/** Behind the last line of a record, else at the end. */
function placed(lines: readonly string[], added: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => LINE.test(line));
  if (last >= 0) return [...lines.slice(0, last + 1), ...added, ...lines.slice(last + 1)];
  return [...trimmed(lines), "", ...added];
}

function trimmed(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== "") + 1);
}

interface Mark {
  /** What was held fast later is new. UTC milliseconds; 0 where nothing was. */
  readonly upTo: number;
  /** What was taken out of the file with its record: it comes back with it. */
  readonly without: readonly string[];
}

function markIn(content: string): Mark {
  const found = content.split("\n").findLast((line) => MARK.test(line));
  const [, upTo = "", without = ""] = MARK.exec(found ?? "") ?? [];
  return {
    upTo: Date.parse(upTo) || 0,
    without: without.split(" ").filter((id) => id !== ""),
  };
}

function withMark(lines: readonly string[], { upTo, without }: Mark): string {
  const ids = without.length === 0 ? "" : `, without ${without.join(" ")}`;
  return [...trimmed(lines), "", `<!-- up to ${new Date(upTo).toISOString()}${ids} -->`, ""].join("\n");
}

function lineOf({ id, text, recordedAt }: MemoryRecord): string {
  const words = text.replace(/\s+/g, " ").replaceAll("`", "'").trim();
  return `- ${dayOf(recordedAt)}: ${words.slice(0, MAX_CHARACTERS).toWellFormed()} \`${id}\``;
}

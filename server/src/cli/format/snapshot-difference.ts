import type { DifferentMemory, SnapshotDifference } from "../../app/index.ts";
import { oneLine, type Paint } from "../output.ts";
import { dateTime, plural } from "./time.ts";

const WIDTH = 100;
/** Of each kind of change; `--json` has all. */
const MOST_LINES = 50;

/** What changed between two moments, in words. */
export function formatDifference(difference: SnapshotDifference, isNow: boolean, paint: Paint): string {
  const { agentId, from, to, memories, documents, files } = difference;
  const until = isNow ? "now" : dateTime(to);
  const head = `${paint.bold(agentId)}, from ${dateTime(from)} to ${until}`;
  const parts = [
    section("came to mind", memories.added, (one) => `+ ${told(one)}`, paint.good),
    section("counts no longer", memories.closed, (one) => `- ${told(one)}: ${one.reason}`, paint.bad),
    section("counts again", memories.reopened, (one) => `+ ${told(one)}`, paint.good),
    section("is otherwise", memories.changed, (one) => `~ ${told(one)}: ${changesOf(one)}`, paint.warn),
    section("deleted for good", memories.removed, (one) => `- ${told(one)}`, paint.bad),
    section("documents", documentLines(documents), (line) => line, paint.dim),
    section("files of its own", fileLines(files), (line) => line, paint.dim),
  ].filter((part) => part !== "");
  return parts.length === 0 ? `${head}: nothing is otherwise.` : [`${head}:`, ...parts].join("\n");
}

function section<Item>(
  title: string,
  items: readonly Item[],
  lineOf: (item: Item) => string,
  colour: (text: string) => string,
): string {
  if (items.length === 0) return "";
  const lines = items.slice(0, MOST_LINES).map((item) => `  ${lineOf(item)}`);
  const left = items.length - lines.length;
  const more = left === 0 ? [] : [`  … and ${left} more; --json has all`];
  return [colour(`${title} (${items.length}):`), ...lines, ...more].join("\n");
}

function told({ text, kind, audience }: DifferentMemory): string {
  return `${oneLine(text, WIDTH)} (${kind}, told to ${audience.join(", ") || "nobody"})`;
}

function changesOf({ fields = [], before, after }: DifferentMemory): string {
  if (before === undefined || after === undefined) return "";
  return fields
    .flatMap((field) => {
      switch (field) {
        case "text":
          return [`said "${oneLine(before.text, WIDTH)}" before`];
        case "audience":
          return [`was told to ${before.audience.join(", ") || "nobody"} before`];
        case "proofCount":
          return [`told ${before.proofCount} → ${after.proofCount} times`];
        case "promotedAt":
          return [after.promotedAt === undefined ? "held fast no more" : "held fast"];
        case "salience":
          return [`matters ${before.salience} → ${after.salience}`];
        case "closed":
          return [`closed as ${after.closed?.reason}, not as ${before.closed?.reason}`];
        // Who told it again is told by the count.
        case "sources":
          return fields.includes("proofCount") ? [] : ["other sources"];
        default:
          return [`${WORDS[field] ?? field} changed`];
      }
    })
    .join(", ");
}

const WORDS: Readonly<Record<string, string>> = {
  validFrom: "since when it was so",
  validTo: "until when it was so",
  recordedAt: "since when it is known",
  turnId: "the turn that it comes from",
};

function documentLines({ added, changed, removed }: SnapshotDifference["documents"]): readonly string[] {
  return [
    ...added.map((title) => `+ ${oneLine(title, WIDTH)}`),
    ...changed.map((title) => `~ ${oneLine(title, WIDTH)}`),
    ...removed.map((title) => `- ${oneLine(title, WIDTH)}`),
  ];
}

function fileLines(files: SnapshotDifference["files"]): readonly string[] {
  if (files === undefined) return [];
  const lines = (count: number): string => plural(count, "line");
  return [
    ...files.added.map(({ file, linesAdded }) => `+ ${file}: ${lines(linesAdded)}`),
    ...files.changed.map(
      ({ file, linesAdded, linesRemoved }) =>
        `~ ${file}: ${lines(linesAdded)} came, ${lines(linesRemoved)} went`,
    ),
    ...files.removed.map(({ file, linesRemoved }) => `- ${file}: ${lines(linesRemoved)}`),
  ];
}

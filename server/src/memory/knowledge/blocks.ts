/** What documents are made of, whatever their format: headings, and the paragraphs under them. */
export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  /** `head`: what its every part begins with, as the names of a table's columns. */
  | { readonly kind: "paragraph"; readonly text: string; readonly head?: string };

export interface Parsed {
  /** As the document calls itself. */
  readonly title: string | undefined;
  readonly blocks: readonly Block[];
}

export function plainBlocks(text: string): Parsed {
  return { title: undefined, blocks: paragraphsOf(text) };
}

const ATX = /^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$/;
const SETEXT = /^ {0,3}(=+|-{2,})[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const FRONT_MATTER = /^---\r?\n[\s\S]*?\n---[ \t]*(?:\r?\n|$)/;
const FRONT_TITLE = /^title:[ \t]*(["']?)(.+?)\1[ \t]*$/m;

/** Headings and paragraphs of Markdown; nothing in a fence is a heading. */
export function markdownBlocks(source: string): Parsed {
  const front = FRONT_MATTER.exec(source)?.[0] ?? "";
  const blocks: Block[] = [];
  let lines: string[] = [];
  let fence: string | undefined;
  const end = (): void => {
    if (lines.length > 0) blocks.push({ kind: "paragraph", text: lines.join("\n") });
    lines = [];
  };
  for (const line of source.slice(front.length).split(/\r?\n/)) {
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true) fence = undefined;
      lines.push(line);
      continue;
    }
    const atx = ATX.exec(line);
    const setext = lines.length === 1 ? SETEXT.exec(line) : null;
    if (mark !== undefined) {
      fence = mark;
      lines.push(line);
    } else if (atx !== null) {
      end();
      blocks.push({ kind: "heading", level: atx[1]?.length ?? 1, text: inlineText(atx[2] ?? "") });
    } else if (setext !== null) {
      const text = inlineText(lines.splice(0).join(" "));
      blocks.push({ kind: "heading", level: setext[1]?.startsWith("=") === true ? 1 : 2, text });
    } else if (line.trim() === "") end();
    else lines.push(line);
  }
  end();
  const first = blocks.find((block) => block.kind === "heading");
  const title = FRONT_TITLE.exec(front)?.[2] ?? (first?.level === 1 ? first.text : undefined);
  return { title, blocks };
}

/** A heading without its marks: `[Leave](leave.md)` is `Leave`. */
function inlineText(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*`]+/g, "")
    .trim();
}

/** Lines of JSON, one value a line where it is a list; what is not JSON is read as text. */
export function jsonBlocks(source: string): Parsed {
  try {
    const value: unknown = JSON.parse(source);
    const items = Array.isArray(value) ? value : [value];
    return {
      title: undefined,
      blocks: items.map((item) => ({ kind: "paragraph", text: JSON.stringify(item, null, 1) })),
    };
  } catch {
    // Also JSON Lines.
    return linesAsBlocks(source);
  }
}

/** Rows of a table; every piece begins with the names of its columns. */
export function tableBlocks(source: string): Parsed {
  const [head = "", ...rows] = source.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (rows.length === 0) return plainBlocks(head);
  return { title: undefined, blocks: rows.map((text) => ({ kind: "paragraph", text, head })) };
}

function linesAsBlocks(source: string): Parsed {
  const lines = source.split(/\r?\n/).filter((line) => line.trim() !== "");
  return { title: undefined, blocks: lines.map((text) => ({ kind: "paragraph", text })) };
}

function paragraphsOf(text: string): readonly Block[] {
  return text
    .split(/\r?\n[ \t]*(?:\r?\n[ \t]*)+/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => ({ kind: "paragraph", text: paragraph.trim() }));
}

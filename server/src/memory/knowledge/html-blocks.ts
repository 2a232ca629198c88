import { type DefaultTreeAdapterTypes, parse } from "parse5";
import type { Block, Parsed } from "./blocks.ts";

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

/** What is around a page's words, and what is no words. */
const SKIPPED = new Set(
  "script style noscript template svg math canvas iframe object video audio nav header footer aside form button select dialog head".split(
    " ",
  ),
);
const PARAGRAPHS = new Set(
  "p div section article main ul ol dl table blockquote pre figure figcaption address details summary dt dd li tr hr".split(
    " ",
  ),
);
const HEADING = /^h([1-6])$/;
/** No page that people read nests deeper; one made to break readers does. */
const MOST_DEPTH = 400;

/** Headings and paragraphs of a page's own words: of its main part where it names one, without menus and scripts. */
export function htmlBlocks(source: string): Parsed {
  const elements = elementsOf(parse(source).childNodes);
  const titled = elements.find(({ tagName }) => tagName === "title");
  const root =
    elements.find(({ tagName }) => tagName === "main") ??
    onlyOne(elements.filter(({ tagName }) => tagName === "article")) ??
    elements.find(({ tagName }) => tagName === "body");
  const blocks = root === undefined ? [] : collect(root.childNodes);
  const first = blocks.find((block) => block.kind === "heading");
  return { title: (titled === undefined ? "" : rawText(titled)) || first?.text, blocks };
}

function onlyOne<One>(some: readonly One[]): One | undefined {
  return some.length === 1 ? some[0] : undefined;
}

/** All elements in order, without descending by the stack of calls. */
function elementsOf(nodes: readonly Node[]): readonly Element[] {
  const found: Element[] = [];
  const waiting = [...nodes].reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (!("tagName" in node)) continue;
    found.push(node);
    waiting.push(...[...node.childNodes].reverse());
  }
  return found;
}

function rawText(element: Element): string {
  const text = element.childNodes.map((node) => ("value" in node ? node.value : "")).join("");
  return text.replace(/\s+/g, " ").trim();
}

interface Collector {
  readonly blocks: Block[];
  /** Of the paragraph that is being read. */
  text: string;
  isPreformatted: boolean;
}

function collect(nodes: readonly Node[]): readonly Block[] {
  const into: Collector = { blocks: [], text: "", isPreformatted: false };
  for (const node of nodes) take(into, node, 0);
  endParagraph(into);
  return into.blocks;
}

function take(into: Collector, node: Node, depth: number): void {
  if (depth > MOST_DEPTH) return;
  if (node.nodeName === "#text" && "value" in node) {
    into.text += into.isPreformatted ? node.value : node.value.replace(/\s+/g, " ");
    return;
  }
  if (!("tagName" in node) || SKIPPED.has(node.tagName) || isHidden(node)) return;
  const level = HEADING.exec(node.tagName)?.[1];
  if (level !== undefined) {
    endParagraph(into);
    for (const child of node.childNodes) take(into, child, depth + 1);
    const text = into.text.replace(/\s+/g, " ").trim();
    into.text = "";
    if (text !== "") into.blocks.push({ kind: "heading", level: Number(level), text });
    return;
  }
  if (node.tagName === "br") into.text += "\n";
  const isParagraph = PARAGRAPHS.has(node.tagName);
  if (isParagraph) endParagraph(into);
  if (node.tagName === "li") into.text += "- ";
  const wasPreformatted = into.isPreformatted;
  into.isPreformatted ||= node.tagName === "pre";
  for (const child of node.childNodes) take(into, child, depth + 1);
  if (node.tagName === "td" || node.tagName === "th") into.text += " | ";
  if (isParagraph) endParagraph(into);
  into.isPreformatted = wasPreformatted;
}

function isHidden({ attrs }: Element): boolean {
  return attrs.some(
    ({ name, value }) => name === "hidden" || (name === "aria-hidden" && value.toLowerCase() === "true"),
  );
}

function endParagraph(into: Collector): void {
  const text = into.isPreformatted
    ? into.text.replace(/^\n+|\s+$/g, "")
    : into.text
        .split("\n")
        .map((line) => line.trim())
        .join("\n")
        .replace(/(?: \| ?)+$/, "")
        .trim();
  into.text = "";
  if (text !== "" && text !== "-") into.blocks.push({ kind: "paragraph", text });
}

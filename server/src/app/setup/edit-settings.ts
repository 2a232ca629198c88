import { isDeepStrictEqual } from "node:util";
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";

/** One change of troupe.yaml. What is left out stays as it is. */
export interface SettingsChange {
  /** Made, or its fields replaced one by one. */
  readonly provider?: { readonly name: string; readonly fields: Readonly<Record<string, string>> };
  /** The whole list of a logical model. */
  readonly models?: { readonly name: string; readonly list: readonly string[] };
}

/**
 * The text with the change and nothing else: comments, order, indentation and quotes stay. Where a place is written in a way
 * that cannot be edited in passing, the whole is written anew with its comments, in the usual form.
 */
export function editSettings(text: string, change: SettingsChange): string {
  const document = parseDocument(text);
  const edits = editsFor(text, document, change);
  applyTo(document, change);
  const wanted: unknown = document.toJS();
  if (edits !== undefined) {
    const edited = applyEdits(text, edits);
    const parsed = parseDocument(edited);
    if (parsed.errors.length === 0 && isDeepStrictEqual(parsed.toJS(), wanted)) return edited;
  }
  return document.toString({ lineWidth: 110 });
}

/** What the change means, told to the document, whatever it looks like. */
function applyTo(document: Document, { provider, models }: SettingsChange): void {
  if (document.contents === null) document.contents = document.createNode({ version: 1 }) as never;
  for (const [field, value] of Object.entries(provider?.fields ?? {})) {
    document.setIn(["providers", provider?.name, field], value);
  }
  if (models !== undefined) {
    const list = document.createNode(models.list) as YAMLSeq;
    list.flow = true;
    document.setIn(["models", models.name], list);
  }
}

/** Replaces `from` up to `to` by `text`. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((edited, { from, to, text: put }) => edited.slice(0, from) + put + edited.slice(to), text);
}

/** Undefined where something is not written in blocks. */
function editsFor(text: string, document: Document, change: SettingsChange): readonly Edit[] | undefined {
  const root = document.contents;
  if (!isMap(root) || root.flow === true) return undefined;
  const edits = [
    change.provider === undefined ? [] : providerEdits(text, root, change.provider),
    change.models === undefined ? [] : modelEdits(text, root, change.models),
  ];
  return edits.includes(undefined) ? undefined : edits.flatMap((some) => some ?? []);
}

function providerEdits(
  text: string,
  root: YAMLMap,
  { name, fields }: NonNullable<SettingsChange["provider"]>,
): readonly Edit[] | undefined {
  const providers = root.get("providers", true);
  const block = (indent: string): string =>
    [
      `${indent}${name}:`,
      ...Object.entries(fields).map(([field, value]) => `${indent}  ${field}: ${plain(value)}`),
    ].join("\n");
  if (providers === undefined || providers === null) {
    if (root.has("providers")) return undefined;
    // Before the models, which name it, and before what is said about them.
    const at = startOfRemarks(text, keyStart(root, "models") ?? text.length);
    const before = at === text.length && !text.endsWith("\n") ? "\n" : "";
    return [
      { from: at, to: at, text: `${before}providers:\n${block("  ")}\n${at === text.length ? "" : "\n"}` },
    ];
  }
  if (!isMap(providers) || providers.flow === true) return undefined;
  const own = providers.get(name, true);
  if (own === undefined) {
    const first = providers.items[0];
    const indent = first === undefined ? undefined : indentAt(text, startOf(first));
    return indent === undefined ? undefined : [insertAfterLine(text, endOf(providers), block(indent))];
  }
  if (!isMap(own)) return undefined;
  return fieldEdits(text, own, fields);
}

function fieldEdits(
  text: string,
  own: YAMLMap,
  fields: Readonly<Record<string, string>>,
): readonly Edit[] | undefined {
  const edits: Edit[] = [];
  const missing: string[] = [];
  for (const [field, value] of Object.entries(fields)) {
    const node = own.get(field, true);
    if (isScalar(node) && node.range)
      edits.push({ from: node.range[0], to: node.range[1], text: written(own, value) });
    else if (own.has(field)) return undefined;
    else missing.push(`${field}: ${written(own, value)}`);
  }
  if (missing.length === 0) return edits;
  const last = own.items.at(-1);
  if (last === undefined) return undefined;
  const end = endOf(last.value as Node);
  if (own.flow === true)
    return [...edits, { from: end, to: end, text: missing.map((pair) => `, ${pair}`).join("") }];
  const indent = indentAt(text, startOf(last));
  return indent === undefined
    ? undefined
    : [...edits, insertAfterLine(text, end, missing.map((pair) => indent + pair).join("\n"))];
}

function modelEdits(
  text: string,
  root: YAMLMap,
  { name, list }: NonNullable<SettingsChange["models"]>,
): readonly Edit[] | undefined {
  const models = root.get("models", true);
  const flow = `[${list.map(flowWord).join(", ")}]`;
  if (models === undefined) {
    const at = text.length;
    return [{ from: at, to: at, text: `${text.endsWith("\n") ? "" : "\n"}models:\n  ${name}: ${flow}\n` }];
  }
  if (!isMap(models)) return undefined;
  const node = models.get(name, true);
  if (node === undefined) {
    const first = models.items[0];
    const indent = first === undefined || models.flow === true ? undefined : indentAt(text, startOf(first));
    return indent === undefined
      ? undefined
      : [insertAfterLine(text, endOf(models), `${indent}${name}: ${flow}`)];
  }
  if (!isSeq(node) || !node.range) return undefined;
  if (node.flow === true) return [{ from: node.range[0], to: node.range[1], text: flow }];
  return listEdits(text, node, list);
}

/** A list with a line for each: lines that go are taken out, those that come stand before the one that follows them. */
function listEdits(text: string, node: YAMLSeq, list: readonly string[]): readonly Edit[] | undefined {
  const items = node.items.filter(isScalar);
  const values = items.map((item) => String(item.value));
  const kept = list.filter((model) => values.includes(model));
  const first = items[0];
  const isMoved = !isDeepStrictEqual(
    kept,
    values.filter((model) => list.includes(model)),
  );
  if (isMoved || items.length !== node.items.length || !first?.range) return undefined;
  const indent = indentAt(text, text.lastIndexOf("-", first.range[0]));
  if (indent === undefined) return undefined;
  const edits: Edit[] = items.flatMap((item) => {
    if (list.includes(String(item.value)) || !item.range) return [];
    const from = lineStart(text, item.range[0]);
    return [{ from, to: lineEnd(text, item.range[1]), text: "" }];
  });
  for (const [at, model] of list.entries()) {
    if (values.includes(model)) continue;
    const following = list.slice(at + 1).find((other) => values.includes(other));
    const follower = items.find((item) => item.value === following) ?? items.at(-1);
    const place = follower?.range?.[following === undefined ? 1 : 0] ?? 0;
    const where = following === undefined ? lineEnd(text, place) : lineStart(text, place);
    edits.push({ from: where, to: where, text: `${indent}- ${plain(model)}\n` });
  }
  return edits;
}

function plain(value: string): string {
  const isPlain =
    /^[A-Za-z0-9$/][^\n"'#]*$/.test(value) && !/: |\s$|^(true|false|null|yes|no|~|[\d.]+)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

/** Inside { } and [ ] more has to be quoted. */
function flowWord(value: string): string {
  return /^[A-Za-z0-9/][\w./:@+-]*$/.test(value) && !/:$/.test(value) ? value : JSON.stringify(value);
}

function written(map: YAMLMap, value: string): string {
  return map.flow === true ? flowWord(value) : plain(value);
}

function keyStart(root: YAMLMap, key: string): number | undefined {
  const pair = root.items.find((item) => isScalar(item.key) && item.key.value === key);
  return pair === undefined ? undefined : startOf(pair);
}

function startOf(pair: Pair): number {
  return (pair.key as Node | null)?.range?.[0] ?? 0;
}

/** Behind the last thing that is said in it. */
function endOf(node: Node): number {
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    const last = node.items.at(-1);
    const value = isMap(node) ? (last as Pair | undefined)?.value : last;
    if (value !== undefined && value !== null) return endOf(value as Node);
  }
  return node.range?.[1] ?? 0;
}

/** What stands before it on its line, where that is nothing but spaces. */
function indentAt(text: string, offset: number): string | undefined {
  const indent = text.slice(lineStart(text, offset), offset);
  return /^ *$/.test(indent) ? indent : undefined;
}

function insertAfterLine(text: string, offset: number, put: string): Edit {
  const at = lineEnd(text, offset);
  return { from: at, to: at, text: `${text[at - 1] === "\n" ? "" : "\n"}${put}\n` };
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** The start of the next line. */
function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end + 1;
}

/** Up over the remarks that stand right above a line. */
function startOfRemarks(text: string, offset: number): number {
  let start = offset === text.length ? offset : lineStart(text, offset);
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!/^ *#/.test(text.slice(above, start))) break;
    start = above;
  }
  return start;
}

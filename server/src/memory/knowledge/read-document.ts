import { isUtf8 } from "node:buffer";
import { TroupeError } from "@troupe/contracts";
import { jsonBlocks, markdownBlocks, type Parsed, plainBlocks, tableBlocks } from "./blocks.ts";
import { type Chunk, chunksOf, MAX_CHUNKS, shortTitle } from "./chunk.ts";
import { htmlBlocks } from "./html-blocks.ts";

/** A file or page as it came. */
export interface RawDocument {
  readonly bytes: Uint8Array;
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  /** As the sender says; else what the bytes themselves say, else UTF-8. */
  readonly charset?: string | undefined;
  /** As a person calls it; else it is called as it calls itself, else by `name`. */
  readonly title?: string | undefined;
  /** Of the file, or the last part of the address. */
  readonly name: string;
}

export interface ReadDocument {
  readonly title: string;
  readonly chunks: readonly Chunk[];
}

const META_CHARSET = /<meta[^>]+charset=["']?([\w-]+)/i;
const META_WITHIN_BYTES = 2_048;

/** The words of a document in pieces. Throws `request.invalid` for what is no text, holds none, or is too long. */
export function readDocument(raw: RawDocument): ReadDocument {
  const text = textOf(raw).replace(/^\uFEFF/, "");
  const parsed = parserOf(raw.mediaType)(text);
  const title = shortTitle(raw.title ?? parsed.title ?? raw.name) || raw.name;
  const chunks: Chunk[] = [];
  for (const chunk of chunksOf(title, parsed.blocks)) {
    if (chunks.length === MAX_CHUNKS) {
      throw invalid(
        raw,
        `is longer than ${MAX_CHUNKS} pieces, some five hundred pages. Give it in several files.`,
      );
    }
    chunks.push(chunk);
  }
  if (chunks.length === 0) throw invalid(raw, "holds no words.");
  return { title, chunks };
}

function parserOf(mediaType: string): (text: string) => Parsed {
  switch (mediaType) {
    case "text/markdown":
      return markdownBlocks;
    case "text/html":
    case "application/xhtml+xml":
      return htmlBlocks;
    case "text/csv":
    case "text/tab-separated-values":
      return tableBlocks;
    default:
      return mediaType.endsWith("json") ? jsonBlocks : plainBlocks;
  }
}

function textOf(raw: RawDocument): string {
  const { bytes, mediaType } = raw;
  const head = Buffer.from(bytes.subarray(0, META_WITHIN_BYTES)).toString("latin1");
  if (head.startsWith("%PDF-"))
    throw invalid(raw, "is a PDF, which Troupe does not read. Save it as text, Markdown or HTML.");
  const charset =
    raw.charset ?? (mediaType.includes("html") ? META_CHARSET.exec(head)?.[1] : undefined) ?? "utf-8";
  if (/^utf-?8$/i.test(charset)) {
    if (!isUtf8(bytes) || bytes.includes(0))
      throw invalid(raw, "is no text in UTF-8. Give text, Markdown, HTML, JSON or CSV.");
    return Buffer.from(bytes).toString("utf8");
  }
  try {
    return new TextDecoder(charset).decode(bytes).replaceAll("\0", "");
  } catch (cause) {
    throw invalid(
      raw,
      `is written in "${charset.slice(0, 40)}", which Troupe does not know. Save it as UTF-8.`,
      cause,
    );
  }
}

function invalid({ name }: RawDocument, what: string, cause?: unknown): TroupeError {
  return new TroupeError(`"${name.slice(0, 200)}" ${what}`, { code: "request.invalid", cause });
}

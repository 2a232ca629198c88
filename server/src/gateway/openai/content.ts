import type { FilePart, Principal } from "@troupe/contracts";
import { MAX_FILES_PER_MESSAGE } from "@troupe/contracts";
import { mediaTypeOf } from "../../kit/index.ts";
import type { Face } from "../face.ts";
import { is, objectAt, stringAt } from "../fields.ts";
import { FieldError } from "../reply.ts";

/** A file as these dialects send it: its bytes inside the request. */
export interface InlineFile {
  readonly field: string;
  readonly mediaType: string;
  readonly name: string;
  readonly base64: string;
}

/** What a message holds, before its files are kept. */
export interface Content {
  readonly text: string;
  readonly files: readonly InlineFile[];
}

type Part = string | InlineFile;

/** Text, or a list of parts of text, images and files, in the words of either dialect. */
export function contentAt(
  content: unknown,
  field: string,
  options: { readonly mayBeEmpty: boolean },
): Content {
  const parts: readonly Part[] =
    typeof content === "string"
      ? [content]
      : Array.isArray(content)
        ? content.map((part, index) => partAt(part, `${field}[${index}]`))
        : refuse(field, `${field} ${is(content)}; it must be text or a list of parts.`);
  const text = parts.filter((part) => typeof part === "string").join("\n");
  const files = parts.filter((part) => typeof part !== "string");
  if (files.length > MAX_FILES_PER_MESSAGE) {
    refuse(field, `${field} holds ${files.length} files; ${MAX_FILES_PER_MESSAGE} are the most.`);
  }
  if (!options.mayBeEmpty && text.trim() === "" && files.length === 0) refuse(field, `${field} is empty.`);
  return { text, files };
}

/** The same where no files can be: results of tools, what an assistant said, instructions. */
export function textAt(content: unknown, field: string, options: { readonly mayBeEmpty: boolean }): string {
  const { text, files } = contentAt(content, field, options);
  if (files[0] !== undefined) refuse(files[0].field, `${files[0].field} is a file; only people send files.`);
  return text;
}

/** Sources: platform.openai.com/docs/api-reference/chat/create (content parts), …/responses/create (input items). */
function partAt(value: unknown, field: string): Part {
  const part = objectAt(value, field);
  switch (part.type) {
    case "text":
    case "input_text":
    case "output_text":
      if (typeof part.text === "string") return part.text;
      return refuse(`${field}.text`, `${field}.text ${is(part.text)}; it must be text.`);
    case "refusal":
      return stringAt(part.refusal, `${field}.refusal`);
    case "image_url": {
      const image = objectAt(part.image_url, `${field}.image_url`);
      return inlineAt(image.url, `${field}.image_url.url`, "image");
    }
    case "input_image":
      return inlineAt(part.image_url, `${field}.image_url`, "image");
    case "file": {
      const file = objectAt(part.file, `${field}.file`);
      return inlineAt(file.file_data, `${field}.file.file_data`, file.filename);
    }
    case "input_file":
      return inlineAt(part.file_data, `${field}.file_data`, part.filename);
    default:
      return refuse(`${field}.type`, `${field}.type ${is(part.type)}; text, images and files are served.`);
  }
}

const DATA_URL = /^data:([^,;]{1,100})(?:;[^,;]{1,100})*;base64,/i;
const LONGEST_NAME = 200;

/** Troupe fetches nothing for a client: an address could lead to what only Troupe can reach. */
function inlineAt(url: unknown, field: string, name: unknown): InlineFile {
  const text = stringAt(url, field);
  const found = DATA_URL.exec(text);
  const mediaType = mediaTypeOf(found?.[1] ?? "");
  if (found === null || mediaType === undefined) {
    return refuse(
      field,
      `${field} is no data URL; send data:<media type>;base64,<bytes>. Addresses are not fetched.`,
    );
  }
  const base64 = text.slice(found[0].length);
  if (base64 === "" || /[^A-Za-z0-9+/=\s]/.test(base64)) refuse(field, `${field} is not base64.`);
  const called = typeof name === "string" && name !== "" ? name.slice(0, LONGEST_NAME) : "file";
  return { field, mediaType, name: called, base64 };
}

function refuse(field: string, message: string): never {
  throw new FieldError(field, message);
}

/** Keeps the bytes and gives the parts that name them. Rejects with `request.too_large`. */
export async function keepFiles(
  face: Face,
  principal: Principal,
  files: readonly InlineFile[],
): Promise<readonly FilePart[]> {
  const kept: FilePart[] = [];
  for (const { field, mediaType, name, base64 } of files) {
    const content = Buffer.from(base64, "base64");
    if (content.length === 0) refuse(field, `${field} holds no bytes.`);
    const blob = { spaceId: principal.spaceId, content, maxBytes: face.limits.fileBytes };
    const { id, sizeBytes } = await face.deps.blobs.put(blob, face.lifetime);
    kept.push({ type: "file", blobId: id, mediaType, name, sizeBytes });
  }
  return kept;
}

import type { FilePart, ModelAbilities, ModelMessage, ModelRequest } from "@troupe/contracts";
import { isDocument, isImage, isTextFile, safeText } from "../kit/index.ts";

/** A piece of what a person sent, as a wire can say it. */
export type ContentPiece =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "image" | "document";
      readonly mediaType: string;
      readonly name: string;
      readonly bytes: Uint8Array;
    };

type UserMessage = Extract<ModelMessage, { role: "user" }>;

export const TEXT_ALONE: ModelAbilities = { images: false, documents: false };

/** Files before the words about them. A file that the model cannot take is told of in a line of text. */
export function contentOf(
  message: UserMessage,
  files: ModelRequest["files"],
  abilities: ModelAbilities,
): readonly ContentPiece[] {
  const pieces = (message.files ?? []).map((file) => pieceOf(file, files?.get(file.blobId), abilities));
  if (message.text !== "" || pieces.length === 0) pieces.push({ type: "text", text: message.text });
  return pieces;
}

/** The same where a wire, or a model, knows text alone. */
export function plainContentOf(message: UserMessage, files: ModelRequest["files"]): string {
  if (message.files === undefined) return message.text;
  const pieces = contentOf(message, files, TEXT_ALONE);
  return pieces.flatMap((piece) => (piece.type === "text" ? [piece.text] : [])).join("\n\n");
}

function pieceOf(file: FilePart, bytes: Uint8Array | undefined, abilities: ModelAbilities): ContentPiece {
  const { mediaType } = file;
  const name = safeText(file.name).replaceAll('"', "'");
  const told = (why: string): ContentPiece => ({
    type: "text",
    text: `[Attached: "${name}", ${mediaType}, ${sizeOf(file.sizeBytes)}; ${why}.]`,
  });
  if (isImage(mediaType)) {
    if (!abilities.images) return told("you cannot see images");
    return bytes === undefined ? told("it is not shown any more") : { type: "image", mediaType, name, bytes };
  }
  if (isDocument(mediaType)) {
    if (!abilities.documents) return told("you cannot read documents of this kind");
    return bytes === undefined
      ? told("it is not shown any more")
      : { type: "document", mediaType, name, bytes };
  }
  if (!isTextFile(mediaType)) return told("you cannot read files of this kind");
  if (bytes === undefined) return told("it is too long, or not shown any more");
  return { type: "text", text: `The file "${name}":\n${new TextDecoder().decode(bytes)}` };
}

function sizeOf(bytes: number): string {
  return bytes < 1_000 ? `${bytes} bytes` : `${Math.round(bytes / 1_000)} kB`;
}

import type { Message, Part } from "@a2a-js/sdk";
import type { FilePart, MessagePart, Principal } from "@troupe/contracts";
import { MAX_FILES_PER_MESSAGE } from "@troupe/contracts";
import { mediaTypeOf } from "../../kit/index.ts";
import type { Face } from "../face.ts";
import type { Sdk } from "./sdk.ts";

/** What another program says, as our way in takes it: text, data as its JSON, and files whose bytes are kept first. */
export async function partsOf(
  face: Face,
  principal: Principal,
  { errors }: Sdk,
  message: Message,
): Promise<readonly MessagePart[]> {
  const texts: string[] = [];
  const files: FilePart[] = [];
  for (const part of message.parts) {
    const { content } = part;
    if (content?.$case === "text") texts.push(content.value);
    else if (content?.$case === "data") texts.push(JSON.stringify(content.value));
    else if (content?.$case === "raw") files.push(await keep(face, principal, part, content.value));
    else {
      // Troupe fetches nothing for a client: an address could lead to what only Troupe can reach.
      throw new errors.ContentTypeNotSupportedError(
        "Send files with their bytes; addresses are not fetched.",
      );
    }
  }
  if (files.length > MAX_FILES_PER_MESSAGE) {
    throw new errors.RequestMalformedError(
      `The message holds ${files.length} files; ${MAX_FILES_PER_MESSAGE} are the most.`,
    );
  }
  const text = texts.join("\n\n");
  if (text.trim() === "" && files.length === 0) {
    throw new errors.RequestMalformedError("The message is empty.");
  }
  return [...(text === "" ? [] : [{ type: "text" as const, text }]), ...files];
}

async function keep(face: Face, principal: Principal, part: Part, content: Buffer): Promise<FilePart> {
  const maxBytes = face.limits.fileBytes;
  const blob = { spaceId: principal.spaceId, content, maxBytes };
  const { id, sizeBytes } = await face.deps.blobs.put(blob, face.lifetime);
  const mediaType = mediaTypeOf(part.mediaType) ?? "application/octet-stream";
  return { type: "file", blobId: id, mediaType, name: part.filename || "file", sizeBytes };
}

import {
  type CallOptions,
  type FilePart,
  filesOf,
  type InboundMessage,
  MAX_FILES_PER_MESSAGE,
  type MessagePart,
  type Principal,
} from "@troupe/contracts";
import { detectLanguage, safeText, say } from "../kit/index.ts";
import type { InboxDeps } from "./deps.ts";
import type { Refused } from "./refusals.ts";

const LONGEST_NAME = 200;

/**
 * Looks whether the files of a message are there, and takes their sizes from the store. From here on they count as used,
 * so that nobody clears them away before the message is kept. Whoever knows the hash of a file's content counts as having it:
 * nobody notes who put a blob, and the same file put by two people is one.
 */
export async function withFiles(
  deps: Pick<InboxDeps, "blobs">,
  message: InboundMessage,
  principal: Principal,
  options: CallOptions,
): Promise<{ readonly kind: "known"; readonly message: InboundMessage } | Refused> {
  const files = filesOf(message.parts);
  if (files.length === 0) return { kind: "known", message };
  const language = detectLanguage(
    message.parts.map((part) => (part.type === "text" ? part.text : "")).join(" "),
  );
  if (files.length > MAX_FILES_PER_MESSAGE) {
    const sentence = say(language, "refused.files.many", { most: MAX_FILES_PER_MESSAGE });
    return { kind: "refused", code: "request.invalid", message: sentence };
  }
  const known = new Map<FilePart, FilePart>();
  for (const file of files) {
    const stat = await deps.blobs.renew({ spaceId: principal.spaceId, id: file.blobId }, options);
    const name = nameOf(file.name);
    if (stat === undefined) {
      const sentence = say(language, "refused.files.missing", { name });
      return { kind: "refused", code: "request.not_found", message: sentence };
    }
    known.set(file, { ...file, name, sizeBytes: stat.sizeBytes });
  }
  const parts = message.parts.map(
    (part): MessagePart => (part.type === "file" ? (known.get(part) ?? part) : part),
  );
  return { kind: "known", message: { ...message, parts } };
}

/** The last step of whatever path a sender's program put there. */
function nameOf(name: string): string {
  const last = safeText(name.replace(/^.*[/\\]/s, "")).trim();
  return last === "" ? "file" : last.slice(0, LONGEST_NAME);
}

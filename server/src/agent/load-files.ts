import type { FilePart, ModelChoice, ModelMessage } from "@troupe/contracts";
import { isDocument, isImage, isTextFile } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";

/** What one request may carry. The newest files come first; of older ones the model is told that they were there. */
const MAX_FILES = 20;
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_TOTAL_BYTES = 20 * 1024 * 1024;
const MAX_TEXT_BYTES = 256 * 1024;

/**
 * Bytes of the files that `messages` hold and a model of `choices` can take. They live as long as one request. Fails
 * open: a file that cannot be read is missing, and the model is told so.
 */
export async function loadFiles(
  deps: Pick<AgentDeps, "blobs" | "logger" | "metrics">,
  spaceId: string,
  {
    messages,
    choices,
  }: { readonly messages: readonly ModelMessage[]; readonly choices: readonly ModelChoice[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const wanted = wantedOf(messages, choices);
  if (wanted.length === 0) return undefined;
  const loaded = new Map<string, Uint8Array>();
  for (const { blobId } of wanted) {
    try {
      const bytes = await deps.blobs.get({ spaceId, id: blobId, maxBytes: MAX_FILE_BYTES }, { signal });
      if (bytes !== undefined) loaded.set(blobId, bytes);
    } catch (error) {
      if (signal.aborted) break;
      deps.metrics.counter("file_loads_failed_total", "Files of messages that could not be read.").add();
      deps.logger.warn("agent.file_unreadable", { blobId, error });
    }
  }
  return loaded;
}

function wantedOf(messages: readonly ModelMessage[], choices: readonly ModelChoice[]): readonly FilePart[] {
  const wanted = new Map<string, FilePart>();
  let total = 0;
  for (let at = messages.length - 1; at >= 0 && wanted.size < MAX_FILES; at--) {
    const message = messages[at];
    if (message?.role !== "user" || message.files === undefined) continue;
    for (const file of message.files) {
      const isOver = total + file.sizeBytes > MAX_TOTAL_BYTES || wanted.size >= MAX_FILES;
      if (isOver || wanted.has(file.blobId) || !canTake(file, choices)) continue;
      total += file.sizeBytes;
      wanted.set(file.blobId, file);
    }
  }
  return [...wanted.values()];
}

function canTake({ mediaType, sizeBytes }: FilePart, choices: readonly ModelChoice[]): boolean {
  if (isTextFile(mediaType)) return sizeBytes <= MAX_TEXT_BYTES;
  if (sizeBytes > MAX_FILE_BYTES) return false;
  if (isImage(mediaType)) return choices.some(({ model }) => model.abilities?.images === true);
  return isDocument(mediaType) && choices.some(({ model }) => model.abilities?.documents === true);
}

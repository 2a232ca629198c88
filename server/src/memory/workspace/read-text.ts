import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";

/** Of a file that is longer nothing is kept in the history, and only its beginning is read. */
export const MAX_FILE_BYTES: number = 1024 * 1024;

/** Why a file is not read. */
export type Unread = "missing" | "link" | "not a file" | "unreadable";

export type ReadText =
  | {
      readonly kind: "text";
      readonly text: string;
      readonly sizeBytes: number;
      /** What was read, as it is in the file. */
      readonly bytes: Buffer;
      /** It is no UTF-8; what could not be read is shown as U+FFFD. */
      readonly isBroken: boolean;
    }
  | { readonly kind: Unread };

/** Whether what was read is all of the file, so that writing it back loses nothing. */
export function isWhole({ sizeBytes, isBroken }: Extract<ReadText, { kind: "text" }>): boolean {
  return sizeBytes <= MAX_FILE_BYTES && !isBroken;
}

/** What tells that a file is another one than it was, and what it is now. */
export interface Looked {
  readonly mark: string;
  readonly kind: "file" | "folder" | Unread;
  /** UTC milliseconds. */
  readonly changedAt: number;
}

/** Never follows a link, so nothing outside of the folder is read through one. Never rejects. */
export async function look(path: string): Promise<Looked> {
  try {
    const stats = await lstat(path);
    const { ino, size, mtimeMs, ctimeMs } = stats;
    const kind = stats.isFile()
      ? "file"
      : stats.isDirectory()
        ? "folder"
        : stats.isSymbolicLink()
          ? "link"
          : "not a file";
    return { mark: `${kind} ${ino} ${size} ${mtimeMs} ${ctimeMs}`, kind, changedAt: ctimeMs };
  } catch (error) {
    const kind = kindOf(error);
    return { mark: kind, kind, changedAt: 0 };
  }
}

function kindOf(error: unknown): Unread {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return "missing";
  return code === "ELOOP" ? "link" : "unreadable";
}

/** At most `MAX_FILE_BYTES` of it. Never waits for whatever is no plain file, never rejects. */
export async function readText(path: string): Promise<ReadText> {
  const { kind } = await look(path);
  if (kind !== "file") return { kind: kind === "folder" ? "not a file" : kind };
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) return { kind: "not a file" };
    const buffer = Buffer.alloc(Math.min(stats.size, MAX_FILE_BYTES));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const bytes = buffer.subarray(0, filled);
    return { kind: "text", sizeBytes: stats.size, bytes, ...decoded(bytes) };
  } catch (error) {
    return { kind: kindOf(error) };
  }
}

/** With line breaks of one kind and without what some editors write before the first letter. */
function decoded(bytes: Buffer): { readonly text: string; readonly isBroken: boolean } {
  const tidy = (text: string): string => text.replaceAll("\r\n", "\n").replaceAll("\0", "\ufffd");
  const stream = bytes.length === MAX_FILE_BYTES;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream });
    return { text: tidy(text), isBroken: text.includes("\0") };
  } catch {
    return { text: tidy(new TextDecoder().decode(bytes)), isBroken: true };
  }
}

import type { FilePart } from "../api/types.ts";

/** As `MAX_FILES_PER_MESSAGE` of the contracts; more are refused there. */
export const MOST_FILES = 10;

/** A file that is to go with the next message. */
export interface Attached {
  readonly key: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** For pictures: an address within the page. */
  readonly preview: string | undefined;
  readonly state: "uploading" | "ready" | "failed";
  readonly part: FilePart | undefined;
  readonly problem: string | undefined;
}

/** What of some files may be attached, and of each other why not. */
export function sortFiles<File extends { readonly name: string; readonly size: number }>(
  files: readonly File[],
  already: number,
  maxBytes: number,
): {
  readonly good: readonly File[];
  readonly refused: readonly { name: string; why: "size" | "count" | "empty" }[];
} {
  const good: File[] = [];
  const refused: { name: string; why: "size" | "count" | "empty" }[] = [];
  for (const file of files) {
    if (file.size > maxBytes) refused.push({ name: file.name, why: "size" });
    else if (file.size === 0) refused.push({ name: file.name, why: "empty" });
    else if (already + good.length >= MOST_FILES) refused.push({ name: file.name, why: "count" });
    else good.push(file);
  }
  return { good, refused };
}

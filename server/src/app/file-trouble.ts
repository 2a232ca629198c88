import { dirname } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { displayPath } from "./config/environment.ts";

/** What the system says of a file, in a sentence; anything else as it is. `path`: where none is named. */
export function fileTrouble(error: unknown, path: string, consequence: string): unknown {
  const { code, path: named } = error as NodeJS.ErrnoException;
  if (TroupeError.is(error) || typeof code !== "string") return error;
  const at = displayPath(named ?? path);
  const why =
    code === "ENOENT"
      ? `${at} is not there${at === displayPath(path) ? "" : `, in ${displayPath(dirname(path))}`}`
      : code === "ENOSPC" || code === "EDQUOT"
        ? `the disk of ${displayPath(path)} is full`
        : code === "EACCES" || code === "EPERM"
          ? `this user may not use ${at}`
          : code === "EROFS"
            ? `${at} is on a file system that is read-only`
            : code === "EISDIR" || code === "ENOTDIR"
              ? `${at} is ${code === "EISDIR" ? "a folder" : "in a place that is no folder"}`
              : code === "EBUSY" || code === "EXDEV"
                ? `${at} is a mounted folder, which cannot be moved; use it from another home, or mount the whole home`
                : undefined;
  if (why === undefined) return error;
  const sentence = `${why.charAt(0).toUpperCase()}${why.slice(1)}. ${consequence}`;
  return new TroupeError(sentence, {
    code: code === "ENOSPC" ? "store.full" : "config.missing",
    cause: error,
  });
}

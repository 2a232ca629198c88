/** The file that a home is packed into, and taken out of again. */
export { DATABASE_ENTRY, HOME_PREFIX, type Manifest, type PackedFile } from "./manifest.ts";
export { describeFile, type SourceFile, writeBackup } from "./pack.ts";
export { readBackup } from "./unpack.ts";

import type { SnapshotDifference, Snapshot as SnapshotInFile } from "../memory/index.ts";

/** Files of memory: what of them the command line does itself, without a home. */
export { isSealed, openPieces, sealPieces } from "../secrets/index.ts";

/** Throws `request.invalid` for what is no snapshot, is of a newer Troupe, or is not as it was written. */
export async function readSnapshotText(text: string): Promise<SnapshotInFile> {
  const { loadSnapshots } = await import("../memory/index.ts");
  return (await loadSnapshots()).readSnapshot(text);
}

/** What is otherwise in the later one. */
export async function snapshotDifference(
  earlier: SnapshotInFile,
  later: SnapshotInFile,
): Promise<SnapshotDifference> {
  const { loadSnapshots } = await import("../memory/index.ts");
  return (await loadSnapshots()).differenceOf(earlier, later);
}

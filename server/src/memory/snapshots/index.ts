/** What an agent keeps in mind, as a file, and back again. */
export {
  type ChangedFile,
  type DifferentMemory,
  differenceOf,
  type MemoryField,
  type SnapshotDifference,
} from "./difference.ts";
export { planRestore, type RestorePlan, readSnapshot, type Snapshot } from "./restore.ts";
export { snapshotLines } from "./snapshot.ts";

/** What an agent keeps in mind, as a file, and back again. */
export { planRestore, type RestorePlan, readSnapshot, type Snapshot } from "./restore.ts";
export { snapshotLines } from "./snapshot.ts";

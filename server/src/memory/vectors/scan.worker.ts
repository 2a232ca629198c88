/** The thread for searches that would hold the others up; it shares the index's memory. */
import { parentPort, workerData } from "node:worker_threads";
import { openScan } from "./kernel.ts";
import { DESKS, layoutOf } from "./layout.ts";
import { type ChunkSearch, scanChunks } from "./scan-chunks.ts";
import type { ThreadGreeting } from "./scan-thread.ts";

const { memory, dimensions } = workerData as ThreadGreeting;
const on = { memory, scan: openScan(memory), layout: layoutOf(dimensions), desk: DESKS.worker };
parentPort?.on("message", (search: ChunkSearch) => {
  parentPort?.postMessage(scanChunks(on, search));
});

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { median, monotonicMs } from "./statistics.ts";

const PAGE_BYTES = 8192;
const WRITES = 200;

/** Median time in milliseconds that 8 KiB, written and synced, take on the disk that holds the homes of a run. */
export function fsyncMedianMs(): number {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-disk-"));
  const file = openSync(join(folder, "pages"), "w");
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1);
    const times: number[] = [];
    for (let count = 0; count < WRITES; count++) {
      writeSync(file, page);
      const from = monotonicMs();
      fdatasyncSync(file);
      times.push(monotonicMs() - from);
    }
    return median(times);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Over the last minute: how busy other work keeps the machine. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

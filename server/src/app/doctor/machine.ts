import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../kit/index.ts";
import { displayPath } from "../config/index.ts";
import type { Finding } from "./finding.ts";

const NEEDED_NODE = [24, 15] as const;
const LOW_DISK_BYTES = 500 * 1024 * 1024;
const LOW_MEMORY_BYTES = 300 * 1024 * 1024;
const FSYNC_ROUNDS = 15;
const SLOW_FSYNC_MS = 20;
const CLOCK_TOLERANCE_MS = 5000;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isGood = major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1]);
  const base = {
    name: "Node",
    what: version,
    how: `process.versions; ${NEEDED_NODE.join(".")} or newer is needed`,
  };
  return isGood
    ? { ...base, verdict: "good" }
    : { ...base, verdict: "bad", remedy: "Start Troupe with ./troupe, which brings its own." };
}

/** Troupe takes 130 MB idle and up to 330 MB with a thousand turns at once. */
export function checkMemory(availableBytes: number): Finding {
  const isLow = availableBytes < LOW_MEMORY_BYTES;
  return {
    name: "Memory",
    verdict: isLow ? "warning" : "good",
    what: `${Math.round(availableBytes / 1e6).toLocaleString("en-US")} MB available`,
    how: "asked the system, limits of containers included",
    ...(isLow
      ? { remedy: "End other programs, or give the container more memory: Troupe needs up to 330 MB." }
      : {}),
  };
}

/** Space and speed of the disk that holds `folder`, and the clock against the disk's. */
export async function checkDisk(folder: string): Promise<readonly Finding[]> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const space: Finding = {
      name: "Disk",
      verdict: free < LOW_DISK_BYTES ? "bad" : "good",
      what: `${(free / 1e9).toFixed(1)} GB free`,
      how: `asked the file system of ${displayPath(folder)}`,
      ...(free < LOW_DISK_BYTES
        ? { remedy: "Make room; a full disk stops Troupe from accepting messages." }
        : {}),
    };
    return [space, ...(await probeDisk(folder))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    return [
      {
        name: "Disk",
        verdict: "bad",
        what: String(error),
        how: `asked the file system of ${folder}`,
        remedy: "Check the disk.",
      },
    ];
  }
}

/** Each message is made durable before it is acknowledged, so the disk's fsync is felt in every turn. */
async function probeDisk(folder: string): Promise<readonly Finding[]> {
  const path = join(folder, `.doctor-${process.pid}`);
  const clock = systemClock();
  const times: number[] = [];
  const file = await open(path, "w", 0o600);
  let writtenAt = 0;
  try {
    for (let i = 0; i < FSYNC_ROUNDS; i++) {
      const began = clock.monotonicMs();
      await file.write("x".repeat(4096));
      await file.sync();
      times.push(clock.monotonicMs() - began);
    }
    writtenAt = (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const isSlow = median > SLOW_FSYNC_MS;
  const skewMs = Math.abs(writtenAt - clock.now());
  return [
    {
      name: "Fsync",
      verdict: isSlow ? "warning" : "good",
      what: `${median.toFixed(2)} ms, median`,
      how: `${FSYNC_ROUNDS} writes of 4 KiB`,
      ...(isSlow ? { remedy: "Every turn waits for the disk twice; a local disk would be faster." } : {}),
    },
    checkClock(clock.now(), skewMs),
  ];
}

function checkClock(now: number, skewMs: number): Finding {
  const isWrong = new Date(now).getUTCFullYear() < 2025 || skewMs > CLOCK_TOLERANCE_MS;
  return {
    name: "Clock",
    verdict: isWrong ? "bad" : "good",
    what: new Date(now).toISOString().slice(0, 19).replace("T", " ").concat(" UTC"),
    how: "compared with the time that the disk gave a file",
    ...(isWrong ? { remedy: "Set the machine's clock; leases and schedules go by it." } : {}),
  };
}

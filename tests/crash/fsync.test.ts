import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { WriterCounts } from "./writers.ts";

const WRITERS = fileURLToPath(new URL("./writers.ts", import.meta.url));

/** Why system calls cannot be counted here; undefined when they can. */
function obstacle(): string | undefined {
  const probe = spawnSync("strace", ["-f", "-e", "trace=fsync", "true"], { encoding: "utf8" });
  if (probe.error !== undefined) return "strace is not installed (Debian, Ubuntu: apt install strace)";
  return probe.status === 0
    ? undefined
    : `strace may not trace here: ${probe.stderr.trim().split("\n").at(-1)}`;
}

interface Syncs {
  /** Of the log: one for each group, and one at the beginning of a checkpoint. */
  readonly log: number;
  /** Of the database itself: one at the end of a checkpoint. */
  readonly database: number;
}

/** What was synced between the marks of one part. */
function syncsOf(trace: string, part: string): Syncs {
  const lines = trace.split("\n");
  const from = lines.findIndex((line) => line.includes(`/troupe-mark-${part}-begin`));
  const to = lines.findIndex((line) => line.includes(`/troupe-mark-${part}-end`));
  if (from < 0 || to < 0) throw new Error(`The trace has no part "${part}".`);
  // A call that another thread's line interrupts shows twice; its beginning has the file.
  const syncs = lines.slice(from, to).filter((line) => /\bf(data)?sync\(/.test(line));
  return {
    log: syncs.filter((line) => line.includes("-wal>")).length,
    database: syncs.filter((line) => line.includes("troupe.db>")).length,
  };
}

const reason = obstacle();
if (reason !== undefined) console.log(`Left out: counting the store's system calls; ${reason}.`);

it.skipIf(reason !== undefined)(
  "every group of commits is synced exactly once, and none is skipped",
  { timeout: 60_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "troupe-fsync-"));
    try {
      const tracePath = join(folder, "trace");
      const trace = ["-f", "-y", "-e", "trace=fsync,fdatasync,access,faccessat,faccessat2", "-o", tracePath];
      const env = { ...process.env, DATABASE: join(folder, "troupe.db") };
      const counts = JSON.parse(
        execFileSync("strace", [...trace, process.execPath, WRITERS], { encoding: "utf8", env }),
      ) as WriterCounts;
      const text = readFileSync(tracePath, "utf8");
      const lone = syncsOf(text, "lone");
      const many = syncsOf(text, "many");

      console.log(
        `alone: ${counts.lone.commits} commits, ${counts.lone.groups} groups, ${lone.log} syncs of the log`,
      );
      console.log(
        `64 writers: ${counts.many.commits} commits, ${counts.many.groups} groups, ${many.log} syncs of the log, ` +
          `${many.database} checkpoints, ${(counts.many.commits / many.log).toFixed(1)} commits a sync`,
      );
      expect(counts.lone.groups).toBe(counts.lone.commits);
      expect(lone.log - lone.database).toBe(counts.lone.groups);
      expect(many.log - many.database).toBe(counts.many.groups);
      // Not a measure of speed: groups that held one commit each would be no groups.
      expect(counts.many.commits / many.log).toBeGreaterThan(4);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

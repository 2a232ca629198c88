// Commits on a database file, first alone, then from 64 writers at once, and marks where each part begins and ends with
// a look at a file that is not there, so that whoever traces the system calls sees it. Started with DATABASE.
import { accessSync } from "node:fs";
import type { Logger } from "@troupe/contracts";
import { createIdGenerator, createMetrics, systemClock } from "../../server/src/kit/index.ts";
import { openSqliteStores } from "../../server/src/store/index.ts";

export interface WriterCounts {
  /** Commits that were acknowledged, and groups that the store says it made of them. */
  readonly lone: { readonly commits: number; readonly groups: number };
  readonly many: { readonly commits: number; readonly groups: number };
}

const LONE = 40;
const WRITERS = 64;
const EACH = 20;
const NEVER = { signal: new AbortController().signal };
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

function mark(name: string): void {
  try {
    accessSync(`/troupe-mark-${name}`);
  } catch {
    // It is never there.
  }
}

const clock = systemClock();
const ids = createIdGenerator(clock);
const metrics = createMetrics();
const store = await openSqliteStores({
  path: process.env.DATABASE ?? "",
  clock,
  ids,
  logger: SILENT,
  metrics,
  mode: "threads",
});
const { unit, memories } = store.stores;

async function commitOne(): Promise<void> {
  const memory = { id: ids.next(), spaceId: "default", agentId: "ana", audience: ["kate"], turnId: "none" };
  await unit.commit([memories.put({ ...memory, text: "a note", recordedAt: clock.now() })], NEVER);
}

function groups(): number {
  return Number(/^store_groups_total (\d+)/m.exec(metrics.render())?.[1] ?? "0");
}

async function counted(
  name: string,
  commits: number,
  run: () => Promise<unknown>,
): Promise<WriterCounts["lone"]> {
  const before = groups();
  mark(`${name}-begin`);
  await run();
  mark(`${name}-end`);
  return { commits, groups: groups() - before };
}

// The first commit of a log also syncs the log's header.
await commitOne();
const lone = await counted("lone", LONE, async () => {
  for (let i = 0; i < LONE; i++) await commitOne();
});
const many = await counted("many", WRITERS * EACH, () =>
  Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (let i = 0; i < EACH; i++) await commitOne();
    }),
  ),
);
await store.close();
process.stdout.write(JSON.stringify({ lone, many } satisfies WriterCounts));

import type {
  AgentDeliveryStore,
  AttachmentStore,
  BlobStore,
  Clock,
  Logger,
  TapeStore,
  UnitOfWork,
} from "@troupe/contracts";
import { createWakeLoop, type Metrics, type WakeLoop } from "../kit/index.ts";

/** Time for a file that was uploaded to be sent with a message. */
const ORPHAN_AFTER_MS = 24 * 60 * 60 * 1000;
const ROUND_EVERY_MS = 6 * 60 * 60 * 1000;
/** A start has other things to do. */
const FIRST_ROUND_MS = 10 * 60 * 1000;
const RETRY_MS = 60 * 60 * 1000;
const PAGE = 200;
/** Blobs that one round looks at; the next goes on from there. */
const PAGES_PER_ROUND = 50;

export interface BlobSweepDeps {
  readonly blobs: Pick<BlobStore, "list" | "delete">;
  readonly attachments: Pick<AttachmentStore, "held">;
  readonly unit: Pick<UnitOfWork, "commit">;
  readonly tapes: Pick<TapeStore, "prune">;
  /** Tapes that are older are deleted. */
  readonly keepTapesDays: () => number;
  readonly agentDeliveries: Pick<AgentDeliveryStore, "prune">;
  /** What agents said to one another is deleted so long after it was done with. */
  readonly keepAgentMessagesDays: () => number;
  readonly spaceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Deletes blobs that no message holds a day after they were put or renewed last, and what is too old of tapes and of messages
 * of agents.
 */
export function createBlobSweep(deps: BlobSweepDeps): WakeLoop {
  const swept = deps.metrics.counter("blobs_swept_total", "Files that no message held, deleted.");
  const prunedTapes = deps.metrics.counter(
    "tapes_pruned_total",
    "Tapes of turns that were too old, deleted.",
  );
  const prunedMessages = deps.metrics.counter(
    "agent_messages_pruned_total",
    "Messages between agents that were done with long ago, deleted.",
  );
  let isFirst = true;
  let cursor: string | undefined;
  return createWakeLoop({
    name: "blob-sweep",
    clock: deps.clock,
    logger: deps.logger,
    retryMs: RETRY_MS,
    async round(signal) {
      if (isFirst) {
        isFirst = false;
        return FIRST_ROUND_MS;
      }
      // Before the files: where those are kept elsewhere and cannot be reached, the tables grow no more for it.
      prunedTapes.add(await pruneTapes(deps, signal));
      prunedMessages.add(await pruneAgentMessages(deps, signal));
      for (let pages = 0; pages < PAGES_PER_ROUND; pages++) {
        const result = await sweepPage(deps, cursor, signal);
        swept.add(result.deleted);
        cursor = result.next;
        if (cursor === undefined) break;
      }
      return ROUND_EVERY_MS;
    },
  });
}

async function sweepPage(
  { blobs, attachments, spaceId, clock }: BlobSweepDeps,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly deleted: number; readonly next: string | undefined }> {
  const bound = clock.now() - ORPHAN_AFTER_MS;
  const page = await blobs.list(
    { spaceId, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
    { signal },
  );
  const old = page.items.filter(({ renewedAt }) => renewedAt <= bound).map(({ id }) => id);
  const held = new Set(await attachments.held({ spaceId, blobIds: old }, { signal }));
  const orphans = old.filter((id) => !held.has(id));
  for (const id of orphans) await blobs.delete({ spaceId, id, unlessRenewedSince: bound }, { signal });
  return { deleted: orphans.length, next: page.next };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Longer than any window in which a pair of agents is counted. */
const COUNTED_MS = 2 * DAY_MS;

async function pruneAgentMessages(
  { unit, agentDeliveries, keepAgentMessagesDays, clock }: BlobSweepDeps,
  signal: AbortSignal,
): Promise<number> {
  const now = clock.now();
  const before = now - keepAgentMessagesDays() * DAY_MS;
  let pruned = 0;
  for (let pages = 0; pages < PAGES_PER_ROUND; pages++) {
    const write = agentDeliveries.prune({ before, countedSince: now - COUNTED_MS, limit: PAGE });
    const { count } = (await unit.commit([write], { signal })).read(write);
    pruned += count;
    if (count < PAGE) break;
  }
  return pruned;
}

export async function pruneTapes(
  {
    unit,
    tapes,
    keepTapesDays,
    spaceId,
    clock,
  }: Pick<BlobSweepDeps, "unit" | "tapes" | "keepTapesDays" | "spaceId" | "clock">,
  signal: AbortSignal,
): Promise<number> {
  const before = clock.now() - keepTapesDays() * DAY_MS;
  let pruned = 0;
  for (let pages = 0; pages < PAGES_PER_ROUND; pages++) {
    const write = tapes.prune({ spaceId, before, limit: PAGE });
    const { count } = (await unit.commit([write], { signal })).read(write);
    pruned += count;
    if (count < PAGE) break;
  }
  return pruned;
}

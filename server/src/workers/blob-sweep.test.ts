import type { AgentDeliveryStore, TapeStore, UnitOfWork, Write } from "@troupe/contracts";
import { createLogRecorder, createManualClock, createMemoryBlobs } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createBlobSweep } from "./blob-sweep.ts";

const HOUR = 60 * 60 * 1000;
/** Tapes by when they were made; a write does what it says when it is committed. */
function tapesOf(createdAt: number[], saidAt: number[] = []) {
  const prune =
    (old: number[]) =>
    ({ before, limit }: { readonly before: number; readonly limit: number }) => {
      const write: Write<{ readonly count: number }> & { run(): unknown } = {
        run: () => removeOld(old, before, limit),
      };
      return write;
    };
  const tapes: Pick<TapeStore, "prune"> = { prune: prune(createdAt) };
  const agentDeliveries: Pick<AgentDeliveryStore, "prune"> = { prune: prune(saidAt) };
  const unit: Pick<UnitOfWork, "commit"> = {
    commit: async ([write]) => {
      const result = (write as unknown as { run(): unknown }).run();
      return { read: () => result as never };
    },
  };
  return { tapes, unit, agentDeliveries, keepTapesDays: () => 7, keepAgentMessagesDays: () => 90 };
}

function removeOld(createdAt: number[], before: number, limit: number): { readonly count: number } {
  const old = createdAt.filter((at) => at < before).slice(0, limit);
  const left = createdAt.filter((at) => !old.includes(at));
  createdAt.splice(0, createdAt.length, ...left);
  return { count: old.length };
}

const options = { signal: new AbortController().signal };

it("deletes what no message holds a day after it came, and nothing else", async () => {
  const clock = createManualClock();
  const blobs = createMemoryBlobs({ clock });
  const put = async (text: string): Promise<string> =>
    (await blobs.put({ spaceId: "default", content: Buffer.from(text), maxBytes: 100 }, options)).id;
  const held = await put("in a message");
  await put("never sent");
  const again = await put("sent late");
  const sweep = createBlobSweep({
    blobs,
    attachments: { held: async ({ blobIds }) => blobIds.filter((id) => id === held) },
    ...tapesOf([]),
    spaceId: "default",
    clock,
    logger: createLogRecorder(),
    metrics: createMetrics(),
  });
  const kept = async (): Promise<readonly string[]> =>
    (await blobs.list({ spaceId: "default" }, options)).items.map(({ id }) => id).toSorted();

  sweep.start(options.signal);
  await clock.advance(20 * HOUR);
  const early = await kept();
  await blobs.renew({ spaceId: "default", id: again }, options);
  await clock.advance(16 * HOUR);
  const late = await kept();
  await sweep.stop(0);

  expect(early).toHaveLength(3);
  expect(late).toEqual([held, again].toSorted());
});

it("goes through more than a page, and tells how many went", async () => {
  const clock = createManualClock();
  const blobs = createMemoryBlobs({ clock });
  const metrics = createMetrics();
  for (let n = 0; n < 450; n++)
    await blobs.put({ spaceId: "default", content: Buffer.from(`file ${n}`), maxBytes: 100 }, options);
  const attachments = { held: async () => [] };
  const sweep = createBlobSweep({
    ...{ blobs, attachments, spaceId: "default", clock, metrics },
    ...tapesOf([]),
    logger: createLogRecorder(),
  });

  sweep.start(options.signal);
  await clock.advance(31 * HOUR);
  await sweep.stop(0);

  expect((await blobs.list({ spaceId: "default" }, options)).items).toEqual([]);
  expect(metrics.render()).toMatch(/blobs_swept_total 450/);
});

it("deletes tapes of turns and messages of agents that are older than they are kept, page by page", async () => {
  const clock = createManualClock();
  const metrics = createMetrics();
  const DAY = 24 * HOUR;
  const young = clock.now() - 6 * DAY;
  const createdAt = [...Array.from({ length: 450 }, (_, n) => clock.now() - 8 * DAY - n), young];
  const saidAt = [...Array.from({ length: 250 }, (_, n) => clock.now() - 91 * DAY - n), young];
  const sweep = createBlobSweep({
    ...{ blobs: createMemoryBlobs({ clock }), attachments: { held: async () => [] }, clock, metrics },
    ...{ spaceId: "default", logger: createLogRecorder() },
    ...tapesOf(createdAt, saidAt),
  });

  sweep.start(options.signal);
  await clock.advance(HOUR);
  await sweep.stop(0);

  expect(createdAt).toEqual([young]);
  expect(saidAt).toEqual([young]);
  expect(metrics.render()).toMatch(/agent_messages_pruned_total 250/);
  expect(metrics.render()).toMatch(/tapes_pruned_total 450/);
});

it("deletes what is old in the tables although the files cannot be reached", async () => {
  const clock = createManualClock();
  const createdAt = [clock.now() - 8 * 24 * HOUR];
  const away = async (): Promise<never> => {
    throw new Error("The bucket does not answer.");
  };
  const logger = createLogRecorder();
  const sweep = createBlobSweep({
    ...{ blobs: { list: away, delete: away }, attachments: { held: async () => [] }, clock, logger },
    ...{ spaceId: "default", metrics: createMetrics() },
    ...tapesOf(createdAt),
  });

  sweep.start(options.signal);
  await clock.advance(HOUR);
  await sweep.stop(0);

  expect(createdAt).toEqual([]);
  expect(logger.troubles()).not.toEqual([]);
});

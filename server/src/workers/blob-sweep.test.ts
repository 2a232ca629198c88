import { createLogRecorder, createManualClock, createMemoryBlobs } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createBlobSweep } from "./blob-sweep.ts";

const HOUR = 60 * 60 * 1000;
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
    logger: createLogRecorder(),
  });

  sweep.start(options.signal);
  await clock.advance(31 * HOUR);
  await sweep.stop(0);

  expect((await blobs.list({ spaceId: "default" }, options)).items).toEqual([]);
  expect(metrics.render()).toMatch(/blobs_swept_total 450/);
});

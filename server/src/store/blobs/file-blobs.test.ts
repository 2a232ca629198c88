import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlobHarness, blobContract, createManualClock, createMemoryBlobs } from "@troupe/testing";
import { expect, it } from "vitest";
import { createFileBlobs } from "./file-blobs.ts";

const options = { signal: new AbortController().signal };

blobContract("files", async (): Promise<BlobHarness> => {
  const { folder, clock, blobs } = openFolder();
  return {
    blobs,
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    leftovers: async () => filesIn(folder).filter((path) => path.includes("writing/")),
    close: async () => rmSync(folder, { recursive: true }),
  };
});

blobContract("memory", async (): Promise<BlobHarness> => {
  const clock = createManualClock();
  return {
    blobs: createMemoryBlobs({ clock }),
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    leftovers: async () => [],
    close: () => Promise.resolve(),
  };
});

function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), "troupe-blobs-"));
  const clock = createManualClock();
  return { folder, clock, blobs: createFileBlobs({ folder: join(folder, "blobs"), clock }) };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
}

const put = (blobs: ReturnType<typeof createFileBlobs>, text: string) =>
  blobs.put({ spaceId: "default", content: Buffer.from(text), maxBytes: 1_000 }, options);

it("keeps files from everybody but their owner", async () => {
  const { folder, blobs } = openFolder();

  await put(blobs, "private");

  const [path = ""] = filesIn(folder);
  expect(statSync(join(folder, path)).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "blobs/default")).mode & 0o777).toBe(0o700);
  rmSync(folder, { recursive: true });
});

it("says so when the bytes are not those that were put", async () => {
  const { folder, blobs } = openFolder();
  const { id } = await put(blobs, "truth");
  writeFileSync(join(folder, "blobs/default", id.slice(0, 2), id), "false");

  await expect(blobs.get({ spaceId: "default", id, maxBytes: 1_000 }, options)).rejects.toMatchObject({
    code: "store.corrupt",
  });
  rmSync(folder, { recursive: true });
});

it("keeps a blob that is put again while it is being deleted", async () => {
  const { folder, clock, blobs } = openFolder();
  const { id } = await put(blobs, "wanted again");
  const lost: number[] = [];
  for (let round = 0; round < 100; round++) {
    const unlessRenewedSince = clock.now();
    await clock.advance(10);
    const deleting = blobs.delete({ spaceId: "default", id, unlessRenewedSince }, options);
    if (round % 2 === 0) await new Promise(setImmediate);
    await Promise.all([deleting, put(blobs, "wanted again")]);
    if ((await blobs.stat({ spaceId: "default", id }, options)) === undefined) lost.push(round);
  }

  expect(lost).toEqual([]);
  expect(readdirSync(join(folder, "blobs/default/writing"))).toEqual([]);
  rmSync(folder, { recursive: true });
});

it("clears away what a writer that was killed left behind a day ago", async () => {
  const { folder, clock, blobs } = openFolder();
  await put(blobs, "whole");
  const writing = join(folder, "blobs/default/writing");
  const dayAgo = clock.now() / 1000 - 25 * 3600;
  writeFileSync(join(writing, "old"), "half");
  writeFileSync(join(writing, "young"), "half");
  utimesSync(join(writing, "old"), dayAgo, dayAgo);
  utimesSync(join(writing, "young"), clock.now() / 1000, clock.now() / 1000);

  await blobs.list({ spaceId: "default" }, options);

  expect(readdirSync(writing)).toEqual(["young"]);
  rmSync(folder, { recursive: true });
});

it("tells of a folder that cannot be one", async () => {
  const { folder, clock } = openFolder();
  writeFileSync(join(folder, "taken"), "");
  const blobs = createFileBlobs({ folder: join(folder, "taken"), clock });

  await expect(put(blobs, "x")).rejects.toMatchObject({ code: "store.failed" });
  rmSync(folder, { recursive: true });
});

import type { FilePart, LanguageModel, ModelChoice, ModelMessage } from "@troupe/contracts";
import {
  createLogRecorder,
  createManualClock,
  createMemoryBlobs,
  createScriptedModel,
} from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { loadFiles } from "./load-files.ts";

const MB = 1024 * 1024;
const { signal } = new AbortController();

const choice = (abilities: LanguageModel["abilities"]): ModelChoice => ({
  model: { ...createScriptedModel(), ...(abilities === undefined ? {} : { abilities }) },
  name: "a/b",
  price: undefined,
});
const SEEING = choice({ images: true, documents: true });
const BLIND = choice(undefined);

function stage() {
  const blobs = createMemoryBlobs({ clock: createManualClock() });
  const deps = { blobs, logger: createLogRecorder(), metrics: createMetrics() };
  return {
    deps,
    async put(name: string, mediaType: string, sizeBytes: number): Promise<FilePart> {
      const content = Buffer.alloc(sizeBytes, name);
      const { id } = await blobs.put({ spaceId: "default", content, maxBytes: 100 * MB }, { signal });
      return { type: "file", blobId: id, mediaType, name, sizeBytes };
    },
    async load(messages: readonly (readonly FilePart[])[], choices = [SEEING]) {
      const asked = messages.map((files): ModelMessage => ({ role: "user", text: "look", files }));
      return loadFiles(deps, "default", { messages: asked, choices }, signal);
    },
  };
}

it("loads what some model of the list can take, and asks for nothing where there is nothing", async () => {
  const { put, load } = stage();
  const image = await put("cat.png", "image/png", 100);
  const pdf = await put("a.pdf", "application/pdf", 100);
  const text = await put("notes.md", "text/markdown", 100);
  const sound = await put("a.mp3", "audio/mpeg", 100);
  const files = [image, pdf, text, sound];

  const seen = await load([files]);
  const blind = await load([files], [BLIND]);

  expect([...(seen?.keys() ?? [])].toSorted()).toEqual(
    [image, pdf, text].map(({ blobId }) => blobId).toSorted(),
  );
  expect([...(blind?.keys() ?? [])]).toEqual([text.blobId]);
  expect(await load([[sound]])).toBeUndefined();
});

it("takes the newest that fit, in number and in bytes", async () => {
  const { put, load } = stage();
  const small = await Promise.all(
    Array.from({ length: 25 }, (_, n) => put(`${n}.png`, "image/png", 100 + n)),
  );
  const large = await Promise.all([9, 8, 7].map((size) => put(`${size}.png`, "image/png", size * MB)));
  const huge = await put("huge.png", "image/png", 11 * MB);

  const many = await load(small.map((file) => [file]));
  const heavy = await load([...large, huge].map((file) => [file]));

  expect([...(many?.keys() ?? [])]).toEqual(
    small
      .slice(5)
      .map(({ blobId }) => blobId)
      .toReversed(),
  );
  expect([...(heavy?.keys() ?? [])]).toEqual([large[2]?.blobId, large[1]?.blobId]);
});

it("goes on without a file that cannot be read, and says so", async () => {
  const { deps, put, load } = stage();
  const kept = await put("kept.png", "image/png", 10);
  const gone: FilePart = { ...kept, blobId: "0".repeat(64) };
  const lying: FilePart = { ...(await put("lying.png", "image/png", 11 * MB)), sizeBytes: 10 };

  const files = await load([[kept, gone, lying]]);

  expect([...(files?.keys() ?? [])]).toEqual([kept.blobId]);
  expect(deps.logger.lines.map(({ event }) => event)).toContain("agent.file_unreadable");
  expect(deps.metrics.render()).toContain("file_loads_failed_total 1");
});

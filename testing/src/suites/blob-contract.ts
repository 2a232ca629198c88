import { createHash } from "node:crypto";
import { type BlobStat, type BlobStore, TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface BlobHarness {
  readonly blobs: BlobStore;
  now(): number;
  pass(ms: number): Promise<void>;
  /** Names of what lies beside the blobs and is none; empty where nothing can. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const options = { signal: new AbortController().signal };
const SPACE = "default";
const MAX = 1_000_000;
const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const idOf = (text: string): string => createHash("sha256").update(text).digest("hex");

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield bytesOf(text);
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "kept",
    (error: unknown) => (TroupeError.is(error) ? error.code : error),
  );

interface Tried {
  readonly harness: BlobHarness;
  put(
    content: Uint8Array | AsyncIterable<Uint8Array>,
    spaceId?: string,
    maxBytes?: number,
  ): Promise<BlobStat>;
  read(id: string, spaceId?: string): Promise<Uint8Array | undefined>;
}

/** What every `BlobStore` keeps to. */
export function blobContract(name: string, open: () => Promise<BlobHarness>): void {
  describe(`blob store contract: ${name}`, () => {
    let tried: Tried;
    beforeEach(async () => {
      const harness = await open();
      tried = {
        harness,
        put: (content, spaceId = SPACE, maxBytes = MAX) =>
          harness.blobs.put({ spaceId, content, maxBytes }, options),
        read: (id, spaceId = SPACE) => harness.blobs.get({ spaceId, id, maxBytes: MAX }, options),
      };
    });
    afterEach(() => tried.harness.close());

    describeKeeping(() => tried);
    describeRefusing(() => tried);
    describeUpkeep(() => tried);
  });
}

function describeKeeping(get: () => Tried): void {
  it("gives back what was put, at once or in pieces, under the hash of its bytes", async () => {
    const whole = await get().put(bytesOf("one two"));
    const streamed = await get().put(pieces("th", "", "ree"));

    expect(whole).toMatchObject({ id: idOf("one two"), sizeBytes: 7, spaceId: SPACE });
    expect(streamed).toMatchObject({ id: idOf("three"), sizeBytes: 5 });
    expect(Buffer.from((await get().read(whole.id)) ?? []).toString()).toBe("one two");
    expect(Buffer.from((await get().read(streamed.id)) ?? []).toString()).toBe("three");
  });

  it("keeps the same bytes once, and nothing of another space", async () => {
    const [one, other] = await Promise.all([get().put(bytesOf("same")), get().put(pieces("sa", "me"))]);

    expect(one.id).toBe(other.id);
    expect((await get().harness.blobs.list({ spaceId: SPACE }, options)).items).toHaveLength(1);
    expect(await get().read(one.id, "elsewhere")).toBeUndefined();
    expect(await get().harness.blobs.stat({ spaceId: "elsewhere", id: one.id }, options)).toBeUndefined();
  });

  it("keeps an empty file too", async () => {
    const empty = await get().put(bytesOf(""));

    expect(empty.sizeBytes).toBe(0);
    expect(await get().read(empty.id)).toHaveLength(0);
  });

  it("knows nothing of ids that are none, whatever they try to name", async () => {
    for (const id of ["", "x", "../../etc/passwd", idOf("nobody"), idOf("x").toUpperCase()]) {
      expect(await get().read(id)).toBeUndefined();
      expect(await get().harness.blobs.renew({ spaceId: SPACE, id }, options)).toBeUndefined();
      await get().harness.blobs.delete({ spaceId: SPACE, id }, options);
    }
  });
}

function describeRefusing(get: () => Tried): void {
  it("refuses what is larger than allowed, in both directions, and leaves nothing of it", async () => {
    const kept = await get().put(bytesOf("12345"));

    expect(await codeOf(get().put(bytesOf("123456"), SPACE, 5))).toBe("request.too_large");
    expect(await codeOf(get().put(pieces("123", "456"), SPACE, 5))).toBe("request.too_large");
    expect(await codeOf(get().harness.blobs.get({ spaceId: SPACE, id: kept.id, maxBytes: 4 }, options))).toBe(
      "request.too_large",
    );
    expect((await get().harness.blobs.list({ spaceId: SPACE }, options)).items.map(({ id }) => id)).toEqual([
      kept.id,
    ]);
    expect(await get().harness.leftovers()).toEqual([]);
  });

  it("leaves nothing of what breaks off or is no longer wanted", async () => {
    const controller = new AbortController();
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield bytesOf("half");
      throw new Error("the sender went away");
    }
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield bytesOf("a");
      controller.abort(new Error("nobody waits"));
      yield bytesOf("b");
    }

    await expect(get().put(breaking())).rejects.toThrow("the sender went away");
    await expect(
      get().harness.blobs.put({ spaceId: SPACE, content: endless(), maxBytes: MAX }, controller),
    ).rejects.toThrow("nobody waits");
    await expect(get().harness.blobs.stat({ spaceId: SPACE, id: idOf("a") }, controller)).rejects.toThrow(
      "nobody waits",
    );

    expect((await get().harness.blobs.list({ spaceId: SPACE }, options)).items).toEqual([]);
    expect(await get().harness.leftovers()).toEqual([]);
  });
}

function describeUpkeep(get: () => Tried): void {
  it("may be deleted by several at once", async () => {
    const { id } = await get().put(bytesOf("gone"));
    const { blobs, leftovers } = get().harness;

    await Promise.all([1, 2, 3].map(() => blobs.delete({ spaceId: SPACE, id }, options)));

    expect(await blobs.stat({ spaceId: SPACE, id }, options)).toBeUndefined();
    expect(await leftovers()).toEqual([]);
  });

  it("counts as new again when it is renewed or put again, and is deleted only when nobody did", async () => {
    const first = await get().put(bytesOf("kept"));
    const bound = get().harness.now();
    await get().harness.pass(20);

    const renewed = await get().harness.blobs.renew({ spaceId: SPACE, id: first.id }, options);
    await get().harness.blobs.delete({ spaceId: SPACE, id: first.id, unlessRenewedSince: bound }, options);
    const still = await get().read(first.id);
    await get().harness.blobs.delete(
      { spaceId: SPACE, id: first.id, unlessRenewedSince: get().harness.now() },
      options,
    );

    expect(renewed?.renewedAt).toBeGreaterThan(first.renewedAt);
    expect(still).toHaveLength(4);
    expect(await get().read(first.id)).toBeUndefined();
  });

  it("lists page by page, in order, each once", async () => {
    const texts = Array.from({ length: 7 }, (_, n) => `file ${n}`);
    for (const text of texts) await get().put(bytesOf(text));

    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await get().harness.blobs.list(
        { spaceId: SPACE, limit: 3, ...(cursor === undefined ? {} : { cursor }) },
        options,
      );
      expect(page.items.length).toBeLessThanOrEqual(3);
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);

    expect(ids).toEqual(texts.map(idOf).toSorted());
    expect((await get().harness.blobs.list({ spaceId: "empty" }, options)).items).toEqual([]);
  });
}

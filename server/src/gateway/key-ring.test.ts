import type { KeyRecord } from "@troupe/contracts";
import { beforeEach, expect, test } from "vitest";
import { createStillClock } from "./fixtures.ts";
import { createKeyRing, hashKey, type KeyRing } from "./key-ring.ts";

const options = { signal: new AbortController().signal };
let clock: ReturnType<typeof createStillClock>;
let records: Map<string, KeyRecord>;
let lookups: number;
let held: Promise<void> | undefined;
let ring: KeyRing;

beforeEach(() => {
  clock = createStillClock();
  records = new Map();
  lookups = 0;
  held = undefined;
  const findByHash = async (hash: string): Promise<KeyRecord | undefined> => {
    lookups += 1;
    const found = records.get(hash);
    await held;
    return found;
  };
  ring = createKeyRing({ keys: { findByHash }, clock });
});

function add(key: string, revokedAt?: number): void {
  const hash = hashKey(key);
  const record = {
    id: key,
    spaceId: "default",
    name: key,
    kind: "key",
    hash,
    hint: "",
    createdAt: 0,
  } as const;
  records.set(hash, { ...record, revokedAt });
}

test("a known key is looked up once in a while, and answered at once in between", async () => {
  add("a");
  expect((await ring.find("a", options))?.id).toBe("a");
  expect(ring.find("a", options)).toMatchObject({ id: "a" });
  expect(lookups).toBe(1);

  clock.advance(30_000);
  await ring.find("a", options);
  expect(lookups).toBe(2);
});

test("unknown and revoked keys are remembered for a short time", async () => {
  add("revoked", 5);
  for (const key of ["unknown", "revoked"]) {
    expect(await ring.find(key, options)).toBeUndefined();
    expect(ring.find(key, options)).toBeUndefined();
  }
  expect(lookups).toBe(2);

  add("unknown");
  clock.advance(5_000);
  expect((await ring.find("unknown", options))?.id).toBe("unknown");
});

test("guessing many keys does not push out a real one", async () => {
  add("real");
  await ring.find("real", options);
  for (let i = 0; i < 3_000; i++) await ring.find(`guess-${i}`, options);
  const before = lookups;

  expect(ring.find("real", options)).toMatchObject({ id: "real" });
  expect(lookups).toBe(before);
});

test("at most so many keys are kept, and the one used longest ago goes first", async () => {
  for (let i = 0; i < 1_025; i++) add(`k${i}`);
  for (let i = 0; i < 1_024; i++) await ring.find(`k${i}`, options);
  await ring.find("k0", options);
  await ring.find("k1024", options);
  const before = lookups;

  expect(ring.find("k0", options)).toMatchObject({ id: "k0" });
  expect(lookups).toBe(before);
  await ring.find("k1", options);
  expect(lookups).toBe(before + 1);
});

test("an answer that was under way when a key was revoked is not remembered", async () => {
  add("a");
  let release: () => void = () => undefined;
  held = new Promise((resolve) => {
    release = resolve;
  });
  const asked = ring.find("a", options);
  add("a", 7);
  ring.clear();
  release();
  await asked;
  held = undefined;

  expect(await ring.find("a", options)).toBeUndefined();
});

test("many requests with one new key ask the store once", async () => {
  add("a");
  await Promise.all(Array.from({ length: 10 }, () => ring.find("a", options)));

  expect(lookups).toBe(1);
});

test("a key of absurd length is refused without asking", () => {
  expect(ring.find("x".repeat(10_000), options)).toBeUndefined();
  expect(lookups).toBe(0);
});

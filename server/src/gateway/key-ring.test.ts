import { type KeyRecord, TroupeError } from "@troupe/contracts";
import { beforeEach, expect, test } from "vitest";
import { hashApiKey } from "../kit/index.ts";
import { createStillClock } from "./fixtures.ts";
import { createKeyRing, type KeyRing } from "./key-ring.ts";

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

const find = (key: string, from = "192.0.2.1"): ReturnType<KeyRing["find"]> => ring.find(key, from, options);

function add(key: string, revokedAt?: number): void {
  const hash = hashApiKey(key);
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
  expect((await find("a"))?.id).toBe("a");
  expect(find("a")).toMatchObject({ id: "a" });
  expect(lookups).toBe(1);

  clock.advance(30_000);
  await find("a");
  expect(lookups).toBe(2);
});

test("unknown and revoked keys are remembered for a short time", async () => {
  add("revoked", 5);
  for (const key of ["unknown", "revoked"]) {
    expect(await find(key)).toBeUndefined();
    expect(find(key)).toBeUndefined();
  }
  expect(lookups).toBe(2);

  add("unknown");
  clock.advance(5_000);
  expect((await find("unknown"))?.id).toBe("unknown");
});

test("guessing many keys does not push out a real one", async () => {
  add("real");
  await find("real");
  for (let i = 0; i < 3_000; i++) await find(`guess-${i}`, `192.0.2.${i % 250}`);
  const before = lookups;

  expect(find("real")).toMatchObject({ id: "real" });
  expect(lookups).toBe(before);
});

test("at most so many keys are kept, and the one used longest ago goes first", async () => {
  for (let i = 0; i < 1_025; i++) add(`k${i}`);
  for (let i = 0; i < 1_024; i++) await find(`k${i}`);
  await find("k0");
  await find("k1024");
  const before = lookups;

  expect(find("k0")).toMatchObject({ id: "k0" });
  expect(lookups).toBe(before);
  await find("k1");
  expect(lookups).toBe(before + 1);
});

test("an answer that was under way when a key was revoked is not remembered", async () => {
  add("a");
  let release: () => void = () => undefined;
  held = new Promise((resolve) => {
    release = resolve;
  });
  const asked = find("a");
  add("a", 7);
  ring.clear();
  release();
  await asked;
  held = undefined;

  expect(await find("a")).toBeUndefined();
});

test("many requests with one new key ask the store once", async () => {
  add("a");
  await Promise.all(Array.from({ length: 10 }, () => find("a")));

  expect(lookups).toBe(1);
});

test("a key of absurd length is refused without asking", () => {
  expect(find("x".repeat(10_000))).toBeUndefined();
  expect(lookups).toBe(0);
});

async function refusalOf(ask: () => ReturnType<KeyRing["find"]>): Promise<TroupeError | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    return TroupeError.is(error) ? error : undefined;
  }
}

test("who tries many wrong keys is told to wait, and after that time may try once more", async () => {
  for (let i = 0; i < 60; i++) expect(await find(`guess-${i}`)).toBeUndefined();
  const refusal = await refusalOf(() => find("guess-60"));
  const before = lookups;

  expect(refusal).toMatchObject({ code: "rate.limited", retryable: true, retryAfterMs: 1_000 });
  expect(await refusalOf(() => find("guess-61"))).toMatchObject({ code: "rate.limited" });
  expect(lookups).toBe(before);

  clock.advance(1_000);
  expect(await find("guess-62")).toBeUndefined();
});

test("the same wrong key again and again counts like different ones", async () => {
  for (let i = 0; i < 60; i++) await find("wrong");

  expect(await refusalOf(() => find("wrong"))).toMatchObject({ code: "rate.limited" });
});

test("a key that was valid here is taken from an address that guesses, also after its record was looked up long ago", async () => {
  add("real");
  await find("real");
  for (let i = 0; i < 60; i++) await find(`guess-${i}`);
  clock.advance(40_000);
  for (let i = 60; i < 100; i++) await find(`guess-${i}`);
  expect(await refusalOf(() => find("guess-100"))).toMatchObject({ code: "rate.limited" });

  expect(await find("real")).toMatchObject({ id: "real" });
  ring.clear();
  expect(await find("real")).toMatchObject({ id: "real" });
});

test("a key that was revoked is a wrong key like any other", async () => {
  add("real");
  await find("real");
  add("real", 9);
  ring.clear();
  for (let i = 0; i < 61; i++) expect(await find("real")).toBeUndefined();

  expect(await refusalOf(() => find("real"))).toMatchObject({ code: "rate.limited" });
});

test("right keys count for nothing, however many come from one address", async () => {
  for (let i = 0; i < 200; i++) add(`k${i}`);
  for (let i = 0; i < 200; i++) expect(await find(`k${i}`)).toMatchObject({ id: `k${i}` });
});

test("addresses are counted apart, and those of one IPv6 network as one", async () => {
  for (let i = 0; i < 60; i++) await find(`guess-${i}`, `2001:db8:0:7::${(i + 1).toString(16)}`);

  expect(await refusalOf(() => find("more", "2001:db8::7:ffff:1:2:3"))).toMatchObject({
    code: "rate.limited",
  });
  expect(await refusalOf(() => find("more", "2001:db8:0:8::1"))).toBeUndefined();
  for (let i = 0; i < 60; i++) await find(`guess-${i}`, "::ffff:192.0.2.9");
  expect(await refusalOf(() => find("more", "192.0.2.9"))).toMatchObject({ code: "rate.limited" });
});

test("a store that cannot answer makes nobody a guesser", async () => {
  held = Promise.reject(new Error("The store is closed."));
  for (let i = 0; i < 70; i++) await expect(async () => find(`k${i}`)).rejects.toThrow("closed");
});

import { TroupeError } from "@troupe/contracts";
import { expect, it } from "vitest";
import { isStoreAway } from "./store-away.ts";

it("tells a store that is away from one that refuses, and from one where somebody else was quicker", () => {
  const of = (code: "store.busy" | "store.full" | "store.failed" | "store.conflict", retryable: boolean) =>
    isStoreAway(new TroupeError("No.", { code, retryable }));

  expect([of("store.busy", true), of("store.full", true)]).toEqual([true, true]);
  expect([of("store.failed", false), of("store.conflict", true)]).toEqual([false, false]);
  expect(isStoreAway(new Error("No."))).toBe(false);
});

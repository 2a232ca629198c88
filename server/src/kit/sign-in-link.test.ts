import { expect, test } from "vitest";
import { createIdGenerator, hashSignInCode, makeSignInLink, systemClock } from "./index.ts";

test("a code is eight letters that no one mistakes, good for ten minutes, and only its hash is kept", () => {
  const clock = systemClock();
  const { code, record } = makeSignInLink(
    { clock, ids: createIdGenerator(clock) },
    { spaceId: "default", principalKind: "operator", principalId: "operator", name: "start" },
  );

  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(record.codeHash).toBe(hashSignInCode(code));
  expect(record.codeUntil - record.createdAt).toBe(600_000);
  expect(JSON.stringify(record)).not.toContain(code);
});

test("a code may be typed as people type", () => {
  expect(hashSignInCode(" o1ab-c d2l ")).toBe(hashSignInCode("01AB-CD21"));
  expect(hashSignInCode("01AB-CD22")).not.toBe(hashSignInCode("01AB-CD21"));
});

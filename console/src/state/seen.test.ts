import { expect, test } from "vitest";
import { mergeSeen, readSeen, writeSeen } from "./seen.ts";

function memory(): Pick<Storage, "getItem" | "setItem"> {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => void kept.set(key, text) };
}

test("two pages of a browser do not forget what the other showed", () => {
  const storage = memory();
  writeSeen(storage, { since: 5, sessions: { a: 4, b: 2 } });
  writeSeen(storage, { since: 7, sessions: { a: 3, c: 1 } });
  expect(readSeen(storage)).toEqual({ since: 5, sessions: { a: 4, b: 2, c: 1 } });
});

test("what was shown last is kept longest, and what cannot be read is nothing", () => {
  expect(
    Object.keys(mergeSeen({ since: 1, sessions: { a: 1, b: 1 } }, { since: 1, sessions: { a: 2 } }).sessions),
  ).toEqual(["b", "a"]);
  expect(readSeen({ getItem: () => "not json" })).toEqual({ since: undefined, sessions: {} });
});

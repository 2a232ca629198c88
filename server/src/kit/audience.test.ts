import { expect, it } from "vitest";
import { isKnownToAll, sharedAudience } from "./audience.ts";

it("lets through what every reader knows, and nothing where nobody reads", () => {
  expect(isKnownToAll(["kate", "max"], ["max"])).toBe(true);
  expect(isKnownToAll(["kate", "max"], ["max", "kate"])).toBe(true);
  expect(isKnownToAll(["kate"], ["kate", "max"])).toBe(false);
  expect(isKnownToAll(["kate"], [])).toBe(false);
});

it("gives what is made from several records to those who know all of them, or to nobody", () => {
  expect(
    sharedAudience([
      ["max", "kate", "olena"],
      ["kate", "max"],
      ["max", "kate"],
    ]),
  ).toEqual(["kate", "max"]);
  expect(sharedAudience([["kate"]])).toEqual(["kate"]);
  expect(sharedAudience([["kate"], ["max"]])).toBeUndefined();
  expect(sharedAudience([])).toBeUndefined();
});

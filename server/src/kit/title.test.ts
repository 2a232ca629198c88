import { expect, it } from "vitest";
import { titleOf } from "./title.ts";

it.each([
  ["Did the mover write back? I asked on Monday.", "Did the mover write back?"],
  ["  \n# Moving to Lviv\nmore text", "Moving to Lviv"],
  ["Version 2.5 is out. Nice.", "Version 2.5 is out"],
  ["Hello", "Hello"],
  ["", ""],
  [" \n ", ""],
])("of %j is its first sentence: %j", (text, title) => {
  expect(titleOf(text)).toBe(title);
});

it("cuts a long sentence between words, at most 60 characters long", () => {
  const title = titleOf(
    "Please compare the three offers of the movers and tell me which of them is the cheapest for June",
  );

  expect(title).toBe("Please compare the three offers of the movers and tell me…");
});

it("cuts a single long word inside, and never through a character", () => {
  expect([...titleOf("🙂".repeat(100))]).toHaveLength(60);
});

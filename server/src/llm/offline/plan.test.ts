import { expect, test } from "vitest";
import { phrasesOf } from "./phrases.ts";
import { planOf } from "./plan.ts";

const english = phrasesOf("en");
const toolsIn = (text: string): readonly string[] =>
  planOf(text, english, "Ana").map((intent) => (intent.kind === "tool" ? intent.tool : intent.kind));

test("of very many requests in one sentence the first eight are read, in no time", () => {
  const text = Array(400).fill("roll 2d6").join(", ");

  expect(toolsIn(text)).toEqual(Array(8).fill("dice"));
});

test("requests between which nothing is understood are found all the same", () => {
  expect(toolsIn("roll 2d6, blorp, and what time is it, and flip a coin")).toEqual(["dice", "time", "dice"]);
});

test.each([
  ["joined by commas and words", "some words, and then ".repeat(50_000)],
  ["of questions", "who was number seven? ".repeat(50_000)],
  ["of brackets and white space", `${"(".repeat(500_000)}${" ".repeat(500_000)}`],
])("a message of a million characters %s holds nobody up", (_what, text) => {
  expect(planOf(text, english, "Ana").length).toBeGreaterThan(0);
});

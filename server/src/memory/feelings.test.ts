import type { SearchQuery } from "@troupe/contracts";
import { expect, it } from "vitest";
import { feelingOf, withFeelings } from "./feelings.ts";

it.each([
  ["I am so happy, we won!", "good"],
  ["I love my cat", "good"],
  ["Я дуже щаслива сьогодні", "good"],
  ["Ми святкували, було чудово", "good"],
  ["My grandfather died last week", "bad"],
  ["I hate Mondays and I am tired", "bad"],
  ["Мені так сумно і самотньо", "bad"],
  ["Я боюся літати", "bad"],
  ["I am not happy with it", "bad"],
  ["Це не страшно", "good"],
])("%s feels %s", (text, how) => {
  const { valence = 0, intensity = 0 } = feelingOf(text) ?? {};
  expect(how === "good" ? valence : -valence).toBeGreaterThan(0);
  expect([valence >= -1, valence <= 1, intensity > 0, intensity <= 1]).toEqual([true, true, true, true]);
});

it.each([
  "When does the train to Lviv leave?",
  "О котрій потяг до Львова?",
  "У лютому рада міста радить їхати потягом",
  "I am happy and sad and I laugh and cry",
  "",
])("%s says nothing of how it feels", (text) => {
  expect(feelingOf(text)).toBeUndefined();
});

it("is stronger where it is said more strongly, and weaker where it is denied", () => {
  const intensity = (text: string): number => feelingOf(text)?.intensity ?? 0;
  expect(intensity("I am very sad")).toBeGreaterThan(intensity("I am sad"));
  expect(intensity("I am sad!")).toBeGreaterThan(intensity("I am sad"));
  expect(intensity("I am not sad")).toBeLessThan(intensity("I am sad"));
});

it("tells a search how the asker feels while that is wanted, and changes nothing else of it", async () => {
  const asked: SearchQuery[] = [];
  let isOn = false;
  const search = {
    async search(query: SearchQuery) {
      asked.push(query);
      return [];
    },
  };
  const felt = withFeelings(search, () => isOn);
  const query = { spaceId: "s", agentId: "a", readers: ["kate"], words: ["sad"], text: "I am sad", limit: 3 };
  const options = { signal: new AbortController().signal };

  await felt.search(query, options);
  isOn = true;
  await felt.search(query, options);
  await felt.search({ ...query, text: "Which train?" }, options);

  expect(asked[0]).toBe(query);
  expect(asked[1]).toEqual({ ...query, mood: { valence: -0.6, intensity: 0.6 } });
  expect(asked[2]).not.toHaveProperty("mood");
});

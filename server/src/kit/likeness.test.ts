import { expect, it } from "vitest";
import { compareTexts, likenessKeys } from "./likeness.ts";

it("takes the same words for the same, whatever their case, signs and order", () => {
  expect(compareTexts("My cat is called Mia.", "my cat is called MIA")).toBe("same");
  expect(compareTexts("Kate lives in Lviv with Max", "With Max, Kate lives in Lviv")).toBe("same");
  expect(compareTexts("Мене звати Олена", "мене звати, Олена!")).toBe("same");
});

it("tells of two texts with nearly the same words which one says more", () => {
  const less = "Olena repairs violins in Uzhhorod, with her sister Daryna";
  const more = "Olena repairs old violins in Uzhhorod, with her sister Daryna";
  expect([compareTexts(less, more), compareTexts(more, less)]).toEqual(["less", "more"]);
  expect(
    compareTexts("My cat is called Mia.", "My black cat from the shelter is called Mia."),
  ).toBeUndefined();
});

it("keeps apart what differs in a word, denies, or counts otherwise", () => {
  const apart = [
    ["My cat is called Mia.", "My cat is called Max."],
    [
      "We meet at the big station in Lviv on Monday morning with Kate, Max and Olena",
      "We meet at the big station in Lviv on Tuesday morning with Kate, Max and Olena",
    ],
    [
      "I really like the big black noisy cats of Olena next door",
      "I really do not like the big black noisy cats of Olena next door",
    ],
    ["Я люблю каву вранці на балконі", "Я не люблю каву вранці на балконі"],
    ["The meeting of the choir is on May 3", "The meeting of the choir is on May 4"],
  ] as const;
  for (const [one, other] of apart) expect([one, compareTexts(one, other)]).toEqual([one, undefined]);
});

it("gives texts of which one says more a key in common, whichever word that is", () => {
  const words = "amber basil cedar dahlia ember fennel ginger hazel indigo juniper".split(" ");
  for (let at = 0; at < words.length; at++) {
    const one = words.join(" ");
    const other = words.toSpliced(at, 1).join(" ");
    const shared = likenessKeys(one).filter((key) => likenessKeys(other).includes(key));
    expect(compareTexts(one, other)).toBe("more");
    expect(shared).not.toEqual([]);
  }
});

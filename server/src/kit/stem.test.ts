import { expect, it } from "vitest";
import { stemOf } from "./stem.ts";

it.each([
  ["adopt adopted adopting adopts adoption"],
  ["paint paints painted painting paintings"],
  ["city cities"],
  ["run ran running runs"],
  ["go went gone goes going"],
  ["child children"],
  ["plan planned planning plans"],
  ["create created creating creates creation"],
  ["marry married marries marrying"],
  ["friend friends friendship"],
  ["кіт кота коту котом коти котів котами"],
  ["робота роботи роботу роботою роботах"],
  ["гітара гітари гітару гітарою"],
  ["зелений зелена зелене зелені зеленого зеленому зеленими"],
  ["рік року роком роки років"],
])("%s are one word", (forms) => {
  expect([...new Set(forms.split(" ").map(stemOf))]).toHaveLength(1);
});

it.each([
  ["show", "shower"],
  ["flow", "flower"],
  ["bus", "business"],
  ["їжак", "їжа"],
  ["гора", "горіх"],
])("%s and %s stay two", (one, other) => {
  expect(stemOf(one)).not.toBe(stemOf(other));
});

it.each(["x", "7", "b2b", "東京", "ґанок", "п", "the", "sing", "red", "is"])("%s is kept", (word) => {
  expect(stemOf(word)).toBe(word);
});

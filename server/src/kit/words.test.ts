import { expect, it } from "vitest";
import { wordsOf } from "./words.ts";

it.each([
  ["What is my cat's name?", ["cat", "name"]],
  ["Як звати мого кота?", ["звати", "кота"]],
  ["Don’t forget: 7 eggs, eggs and milk", ["forget", "7", "eggs", "milk"]],
  ["how are you", []],
  ["п'ять яблук", ["п'ять", "яблук"]],
  ["", []],
])("of %s keeps what says what it is about", (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

it("keeps the longest words of a long text, in their order", () => {
  expect(wordsOf("aa bbbb cc dddd ee ffff", 3)).toEqual(["bbbb", "dddd", "ffff"]);
});

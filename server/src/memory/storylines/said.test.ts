import { expect, it } from "vitest";
import { readSaid } from "./said.ts";

it("reads contractions as the words they stand for", () => {
  expect(readSaid("I don't know, it's what we've got").words).toEqual(
    "i do not know it is what we have got".split(" "),
  );
});

it("keeps the stems of words that carry meaning", () => {
  expect([...readSaid("The trains were running to Lviv").stems]).toEqual(["train", "run", "lviv"]);
});

it("knows a question by its mark or by how it begins", () => {
  expect(readSaid("where are you from").isQuestion).toBe(true);
  expect(readSaid("You like it?").endsAsking).toBe(true);
  expect(readSaid("Is it? I think so.").endsAsking).toBe(false);
});

it("reads Ukrainian greetings, questions and pointers", () => {
  const { signs, isQuestion } = readSaid("Привіт! Коли він приїде?");

  expect(signs.greets).toBe(true);
  expect(isQuestion).toBe(true);
});

it("reads an empty text as nothing said", () => {
  const said = readSaid(" \n ");

  expect(said.words).toEqual([]);
  expect(said.isQuestion).toBe(false);
});

it("reads a long text no further than it needs to", () => {
  expect(readSaid("word ".repeat(100_000)).words.length).toBeLessThanOrEqual(201);
});

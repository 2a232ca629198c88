import { expect, it } from "vitest";
import { correctedValue, plainCases } from "./plain-cases.ts";

const told = (text: string) =>
  plainCases(text).map(({ slot, value, rule }) => [slot ?? rule, ...(value === undefined ? [] : [value])]);

it.each([
  ["My name is Olena.", [["name", "Olena"]]],
  ["hi! my name's Olena Koval", [["name", "Olena Koval"]]],
  ["You can call me Max", [["called", "Max"]]],
  ["I live in Lviv.", [["home", "Lviv"]]],
  ["I've just moved to New York", [["home", "New York"]]],
  ["I'm from Ivano-Frankivsk", [["origin", "Ivano-Frankivsk"]]],
  [
    "My cat is called Mia. My sister's name is Daryna.",
    [
      ["named cat", "Mia"],
      ["named sister", "Daryna"],
    ],
  ],
  [
    "My name is Olena and I live in Lviv.",
    [
      ["name", "Olena"],
      ["home", "Lviv"],
    ],
  ],
  [
    "Мене звати Олена, і я живу у Львові",
    [
      ["name", "Олена"],
      ["home", "Львові"],
    ],
  ],
  ["My name is Olena and I wonder what to cook", []],
  ["My wife is Anna", [["named wife", "Anna"]]],
  ["My birthday is on May 3", [["birthday", "May 3"]]],
  ["I'm 34 years old", [["age", "34"]]],
  ["I work as a nurse", [["work", "a nurse"]]],
  ["I’m allergic to peanuts!", [["allergy", "peanuts"]]],
  ["I am vegetarian.", [["diet", "vegetarian"]]],
  ["My favourite colour is dark green", [["favourite colour", "dark green"]]],
  ["I really like green tea", [["taste green tea", "likes"]]],
  ["I can't stand loud music.", [["taste loud music", "dislikes"]]],
  ["Remember that the key is under the mat", [["remember"]]],
  ["Remember that my cat is called Mia", [["named cat", "Mia"]]],
  ["Мене звати Олена", [["name", "Олена"]]],
  ["Називай мене Сашко", [["called", "Сашко"]]],
  ["Привіт! Я живу у Львові.", [["home", "Львові"]]],
  ["Я переїхала до Одеси", [["home", "Одеси"]]],
  ["Мого кота звати Мурчик", [["named кота", "Мурчик"]]],
  ["Мій день народження 3 травня", [["birthday", "3 травня"]]],
  ["Мені 34 роки", [["age", "34"]]],
  ["Я працюю вчителем", [["work", "вчителем"]]],
  ["У мене алергія на горіхи", [["allergy", "горіхи"]]],
  ["Моя улюблена страва — вареники", [["favourite страва", "вареники"]]],
  ["Я дуже люблю каву", [["taste каву", "likes"]]],
  ["Я не люблю дощ", [["taste дощ", "dislikes"]]],
  ["Запам’ятай, що ключ під килимком", [["remember"]]],
])("%s", (text, expected) => {
  expect(told(text)).toEqual(expected);
});

it.each([
  "Is my name Olena?",
  "Call me later",
  "I live in hope",
  "I love you",
  "I like it. I like your idea! I hate when that happens.",
  "If I live in Lviv, do I need a visa",
  "I would like a coffee",
  "My computer is slow",
  "Maybe I work as a nurse one day",
  '"My name is Olena," she said.',
  "> I live in Lviv",
  "My name is on the list",
  "I work at home because my office is closed",
  "I was born in a barn",
  "What is my cat called?",
  "Remember the milk?",
  "Я працюю над цим",
  "Я люблю тебе",
  "Мені треба 3 роки",
  "Якщо я живу у Львові, то що",
  "Remember that my password is sk-abcdefghijklmnopqrstuvwxyz123456",
  "x".repeat(100_000),
])("learns nothing of: %.40s", (text) => {
  expect(told(text)).toEqual([]);
});

it("keeps the sentence as it was written, and knows a correction by its beginning", () => {
  expect(plainCases("Oh, and I live in Lviv! Nice, is it not?")).toEqual([
    {
      text: "I live in Lviv!",
      rule: "home",
      slot: "home",
      value: "Lviv",
      salience: 0.8,
      isCorrection: false,
    },
  ]);
  expect(plainCases("No, my name is Oleh.")[0]).toMatchObject({
    text: "My name is Oleh.",
    isCorrection: true,
  });
  expect(plainCases("Ні, мене звати Олег.")[0]).toMatchObject({ value: "Олег", isCorrection: true });
});

it("knows what took the place of what was said before", () => {
  expect(correctedValue("No, it's Oleh.")).toBe("Oleh");
  expect(correctedValue("Sorry, I meant May 4")).toBe("May 4");
  expect(correctedValue("Ні, це Олег")).toBe("Олег");
  expect(correctedValue("No, it's that one")).toBeUndefined();
  expect(correctedValue("No problem")).toBeUndefined();
  expect(correctedValue("No, that's all. Thank you.")).toBeUndefined();
  expect(correctedValue("Ні, це все")).toBeUndefined();
  expect(correctedValue("No, it's Allan")).toBe("Allan");
  expect(correctedValue("It's Oleh")).toBeUndefined();
  expect(correctedValue("No, it's sk-abcdefghijklmnopqrstuvwxyz123456")).toBeUndefined();
  // Looked for its end at each of its dots, it would hold everybody up for minutes.
  expect(correctedValue(`${".".repeat(300_000)}x`)).toBeUndefined();
});

it.each([
  ["I visited my sister Olha on Sunday", { person: "Olha", relation: "sister" }],
  ["My best friend Petro Koval is here.", { person: "Petro Koval", relation: "friend" }],
  ["Iryna is my boss", { person: "Iryna", relation: "boss" }],
  ["My wife is Anna", { person: "Anna", relation: "wife" }],
  ["Petro knows a lot about boats.", { person: "Petro", knows: "boats" }],
  ["By the way, ask Iryna about taxes", { person: "Iryna", knows: "taxes" }],
  ["Max is good at repairing bicycles", { person: "Max", knows: "repairing bicycles" }],
  ["I know a lot about old maps", { knows: "old maps" }],
  ["Remember that Petro knows about boats", { person: "Petro", knows: "boats" }],
  ["Це моя сестра Ольга", { person: "Ольга", relation: "сестра" }],
  ["Петро — мій брат", { person: "Петро", relation: "брат" }],
  ["Петро добре знається на човнах", { person: "Петро", knows: "човнах" }],
])("%s tells of people", (text, expected) => {
  const [found, ...more] = plainCases(text);

  expect(more).toEqual([]);
  expect(found?.kind).toBe("relationship");
  expect(Object.fromEntries(Object.entries(found?.of ?? {}).filter(([, one]) => one !== undefined))).toEqual(
    expected,
  );
});

it.each([
  "My cat is called Mia",
  "She knows about it",
  "Who knows about boats?",
  "Everybody knows about boats",
  "Ask Iryna about it",
  "Is my sister Olha there?",
  "If my brother Ivan comes, tell me",
  "My boss Said no",
  "Хто знається на човнах?",
  "Він знається на човнах",
])("%s tells nothing of people", (text) => {
  expect(plainCases(text).filter(({ kind }) => kind === "relationship")).toEqual([]);
});

it("two sentences that tell the same of people are the same in words", () => {
  const [one] = plainCases("Yesterday my sister Olha came");
  const [other] = plainCases("Olha is my older sister");

  expect(one?.text).toBe("Olha is my sister.");
  expect(other?.text).toBe(one?.text);
});

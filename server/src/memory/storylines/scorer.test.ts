import { expect, it } from "vitest";
import { loadMeaning } from "./meaning.ts";
import type { OpenLine } from "./place-features.ts";
import { createReplyWindow } from "./reply-window.ts";
import { readSaid } from "./said.ts";
import { createStorylineScorer } from "./scorer.ts";

const MINUTE_MS = 60_000;

const scorer = createStorylineScorer();
const meaningOf = await loadMeaning();
const read = (text: string) => readSaid(text, meaningOf);

/** An open storyline of these messages, the newest last. */
function line(id: string, ago: number, ...texts: string[]): OpenLine {
  const tail = texts.map(read);
  const stems = new Set(tail.flatMap((said) => [...said.stems]));
  return { id, tail, stems, ago, messages: texts.length, run: ago === 0 ? texts.length : 0 };
}

const bread = line("bread", 0, "How long does sourdough rise?", "At room temperature about eight hours.");
const train = line(
  "train",
  2,
  "Book me a train to Lviv on Friday",
  "The night train leaves at ten. Shall I?",
);

function chosen(text: string, ...lines: OpenLine[]): string {
  const shares = scorer.placeShares(read(text), lines, 0);
  return lines[shares.indexOf(Math.max(...shares))]?.id ?? "new";
}

it("continues the storyline that is talked of with what answers it", () => {
  expect(chosen("Eight hours is long. Can sourdough rise in the fridge?", bread, train)).toBe("bread");
});

it("resumes the storyline whose rare words come back", () => {
  expect(chosen("Is the night train to Lviv really on Friday?", bread, train)).toBe("train");
});

it("begins a storyline with a greeting and a question of its own", () => {
  expect(chosen("Hello! What do you do for a living?", bread, train)).toBe("new");
});

it("gives shares that sum to one, with nothing open as well", () => {
  const shares = scorer.placeShares(read("Hello"), [], -1);

  expect(shares).toEqual([1]);
  const three = scorer.placeShares(read("Hello"), [bread, train], 0);
  expect(three.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
});

it("takes a message of a group for an answer to whom it names", () => {
  const window = createReplyWindow();
  window.add({ at: 0, author: "maria", text: "how do I mount a usb disk?", isSystem: false });
  window.add({ at: 0, author: "petro", text: "the new release is out", isSystem: false });
  const context = window.add({
    at: MINUTE_MS,
    author: "olena",
    text: "maria: look at fstab",
    isSystem: false,
  });

  expect(scorer.chooseReply(context).answers).toBe(0);
});

it("takes coming and going in a group for no answer", () => {
  const window = createReplyWindow();
  window.add({ at: 0, author: "maria", text: "how do I mount a usb disk?", isSystem: false });
  const context = window.add({ at: 0, author: "petro", text: "petro has joined", isSystem: true });

  expect(scorer.chooseReply(context).answers).toBe(1);
});

it("finds no shift in the first message", () => {
  expect(scorer.isShift({ said: read("Do you have any pets?"), before: [], position: 0 })).toBe(false);
});

it("finds the shift to another subject, and none in an answer", () => {
  const before = ["i love to bake bread on sundays .", "that sounds tasty ! i like bread ."].map(read);

  expect(scorer.isShift({ said: read("do you have any kids ?"), before, position: 8 })).toBe(true);
  expect(scorer.isShift({ said: read("it is , bread with butter is the best ."), before, position: 8 })).toBe(
    false,
  );
});

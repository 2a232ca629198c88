import { expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { formatComparison, type SessionComparison } from "./comparison.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const usage = { inputTokens: 1_200, cachedInputTokens: 0, outputTokens: 88 };

function turn(question: string, answer: string): NonNullable<SessionComparison["rows"][number]["left"]> {
  return {
    ...{ turnId: "t", question, answer, tools: [], state: "replied", usage },
    ...{ costMicroUsd: 1_100, tookMs: 2_400 },
  };
}

const total = { turns: 1, usage, costMicroUsd: 1_100 };

test("two conversations stand beside each other, with what they share and what each cost", () => {
  const text = formatComparison(
    {
      left: { id: "one", title: "Tea" },
      right: { id: "two", title: "" },
      common: [turn("hello", "Hello.")],
      rows: [
        { left: turn("what now?", "Tea."), right: turn("what now?", "Coffee."), sameQuestion: true },
        { right: turn("sure?", "Yes, quite sure of that."), sameQuestion: false },
      ],
      totals: { left: total, right: { ...total, turns: 2 } },
      isCut: true,
    },
    { columns: 84, paint },
  );

  expect(text.split("\n")).toEqual([
    "Tea                                        two",
    "one                                        two",
    "",
    "Both begin with the same 1 turn, up to: hello",
    "",
    "> what now?",
    "Tea.                                       Coffee.",
    "1,200 in, 88 out, 0.0011 USD, 2.4 s        1,200 in, 88 out, 0.0011 USD, 2.4 s",
    "",
    "                                           > sure?",
    "(nothing)                                  Yes, quite sure of that.",
    "                                           1,200 in, 88 out, 0.0011 USD, 2.4 s",
    "",
    "together 1 turn, 1,200 in, 88 out,         together 2 turns, 1,200 in, 88 out,",
    "0.0011 USD                                 0.0011 USD",
    "Only the first messages of each were compared; there is more.",
  ]);
});

test("what was said cannot steer the terminal", () => {
  const text = formatComparison(
    {
      ...{ left: { id: "a", title: "" }, right: { id: "b", title: "" }, common: [], isCut: false },
      rows: [
        {
          left: turn("\u001b[2Jq", "plain"),
          right: turn("q", "\u001b[31mred\u001b[0m "),
          sameQuestion: false,
        },
      ],
      totals: { left: total, right: total },
    },
    { columns: 60, paint },
  );

  expect(text).not.toContain("\u001b");
  expect(text).toContain("They share no turn at their beginning.");
});

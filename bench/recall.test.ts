import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readConversations } from "./harness/locomo.ts";
import { meanReciprocalRank, recallAt } from "./harness/recall-score.ts";
import { run } from "./recall.ts";

const folder = mkdtempSync(join(tmpdir(), "troupe-recall-"));
const file = join(folder, "made.json");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MADE = [
  {
    sample_id: "made-1",
    conversation: {
      speaker_a: "Olha",
      speaker_b: "Max",
      session_1_date_time: "1:56 pm on 8 May, 2023",
      session_1: [
        { speaker: "Olha", dia_id: "D1:1", text: "I planted a pear tree yesterday." },
        { speaker: "Max", dia_id: "D1:2", text: "Nice!", blip_caption: "a photo of a kite" },
      ],
    },
    qa: [
      { question: "What did Olha plant?", evidence: ["D1:1"], category: 4 },
      { question: "What flies?", evidence: ["D9:9"], category: 1 },
    ],
  },
];

it("reads conversations with their dates, and leaves out questions whose evidence is nowhere", () => {
  writeFileSync(file, JSON.stringify(MADE));

  const [conversation] = readConversations(file);

  expect(conversation?.sessions[0]?.map(({ text, at }) => [text, at])).toEqual([
    ["I planted a pear tree yesterday.", Date.UTC(2023, 4, 8, 13, 56)],
    ["Nice! [shares a photo of a kite]", Date.UTC(2023, 4, 8, 13, 56, 30)],
  ]);
  expect(conversation?.questions).toEqual([
    { question: "What did Olha plant?", evidence: ["D1:1"], category: 4 },
  ]);
});

it("counts shares of evidence, and one over the place of the first", () => {
  const answered = [
    { category: 1, places: [2, undefined] },
    { category: 1, places: [7] },
  ];

  expect(recallAt(answered, 5)).toBe(25);
  expect(recallAt(answered, 10)).toBe(75);
  expect(meanReciprocalRank(answered)).toBeCloseTo((100 * (1 / 2 + 1 / 7)) / 2);
});

it("runs on the store as it is, and says in one sentence that it was given no file", async () => {
  const said: string[] = [];
  const options = { scale: 0.01, rounds: 1, progress: (line: string) => said.push(line) };
  writeFileSync(file, JSON.stringify(MADE));

  const nothing = await run(options);
  const figures = await run({ ...options, data: file });

  expect(nothing).toEqual([]);
  expect(said[0]).toContain("--data FILE");
  expect(figures.find(({ metric }) => metric === "all questions, R@5")?.value).toBe(100);
});

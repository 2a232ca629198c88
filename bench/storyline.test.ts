import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { interleave, readChats, readIrc, stretchesOf } from "./harness/storyline-data.ts";
import { measurePrevious, measureShifts } from "./harness/storyline-measures.ts";
import { run } from "./storyline.ts";

const folder = mkdtempSync(join(tmpdir(), "troupe-storyline-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chatsFile = join(folder, "chats.json");
const ircFolder = join(folder, "irc");

function writeData(): void {
  const chat = (subject: string) => [
    [`do you like ${subject} ?`, "-1"],
    [`yes , ${subject} is the best .`, "0"],
    ["what else do you do ?", "1"],
    ["i paint .", "0"],
  ];
  const subjects = ["bread", "trains", "chess", "snow", "tea", "maps", "birds"];
  writeFileSync(chatsFile, JSON.stringify(Object.fromEntries(subjects.map((one, at) => [at, chat(one)]))));
  mkdirSync(ircFolder, { recursive: true });
  const log = [
    "[23:58] <maria> how do I mount a disk?",
    "=== petro has joined #here",
    "[00:01] <olena> maria: by fstab",
  ];
  writeFileSync(join(ircFolder, "one.ascii.txt"), `${log.join("\n")}\n`);
  writeFileSync(join(ircFolder, "one.annotation.txt"), "0 0 -\n1 1 -\n0 2 -\n");
}

it("reads labels of chats, and the clock of a log past midnight", () => {
  writeData();

  expect(readChats(chatsFile)[0]?.map(({ isShift }) => isShift)).toEqual([false, false, true, false]);
  const [log] = readIrc(ircFolder);
  expect(log?.lines.map(({ author, at }) => [author, at / 60_000])).toEqual([
    ["maria", 1438],
    ["petro", 1438],
    ["olena", 1441],
  ]);
  expect(log?.answers.get(2)).toEqual([0]);
});

it("cuts chats where their subject shifts", () => {
  const chats = [["a", "b", "c"].map((text, at) => ({ text, isShift: at === 1 }))];

  expect(stretchesOf(chats, 1)).toEqual([["a"], ["b", "c"]]);
  expect(stretchesOf(chats, 2)).toEqual([["b", "c"]]);
});

it("interleaves six storylines in bursts, loses nothing, and makes the same of the same seed", () => {
  const lines = Array.from({ length: 6 }, (_, line) => Array.from({ length: 9 }, (_, at) => `${line}.${at}`));

  const [stream = []] = interleave(lines, 1, 3);

  expect(stream).toHaveLength(54);
  expect(new Set(stream.map(({ text }) => text)).size).toBe(54);
  expect(interleave(lines, 1, 3)).toEqual([stream]);
  expect(interleave(lines, 1, 4)).not.toEqual([stream]);
});

it("scores shifts that are all found as perfect", () => {
  const chats = [["a", "b", "c", "d"].map((text, at) => ({ text, isShift: at === 2 }))];
  const scorer = {
    isShift: ({ position }: { position: number }) => position === 2,
    chooseReply: () => ({ answers: 0, shares: [] }),
    placeShares: () => [],
  };

  expect(measureShifts(scorer, chats)).toEqual({ precision: 100, recall: 100, f1: 100, pk: 0 });
});

it("takes the line before that somebody said for the answered one in its baseline", () => {
  writeData();

  // Line 0 has nobody before it; line 1 is coming and going; line 2 answers line 0.
  expect(measurePrevious(readIrc(ircFolder)).f1).toBeCloseTo(200 / 3);
});

it("measures what it has data for and says what it leaves out", async () => {
  writeData();
  const said: string[] = [];
  const progress = (line: string) => said.push(line);

  expect(await run({ progress })).toEqual([]);
  expect(said).toHaveLength(3);
  const figures = await run({ progress, chats: { tiage: chatsFile, irc: ircFolder, dialogs: chatsFile } });

  expect(figures.map(({ metric }) => metric)).toContain("interleaved: balanced accuracy");
  expect(figures.map(({ metric }) => metric)).toContain("which message it answers: F1");
  for (const { metric, value } of figures) expect([metric, value >= 0]).toEqual([metric, true]);
});

it("says which path is not there", async () => {
  await expect(
    run({ progress: () => undefined, chats: { tiage: join(folder, "none.json") } }),
  ).rejects.toThrow("none.json is not there");
});

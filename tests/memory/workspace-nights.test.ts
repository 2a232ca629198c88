// What nights write into an agent's folder: what is held fast, for whom, beside what people wrote there.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { derivedId } from "../../server/src/kit/index.ts";
import { eraseFromNightFiles, eraseMemory, undoMemory } from "../../server/src/memory/index.ts";
import { createNights, episode, options } from "./night-stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const nights = createNights();
let workspaces: string;
let ana: string;
beforeEach(() => {
  workspaces = mkdtempSync(join(tmpdir(), "troupe-nights-"));
  ana = join(workspaces, "ana");
  mkdirSync(ana);
});
afterEach(async () => {
  await nights.close();
  rmSync(workspaces, { recursive: true, force: true });
});
afterAll(() => nights.end());

const HOME = derivedId("home");
const BOAT = derivedId("boat");
const read = (file = "DREAMS.md"): string => readFileSync(join(ana, file), "utf8");
const linesOf = (file?: string): readonly string[] =>
  read(file)
    .split("\n")
    .filter((line) => line.startsWith("- "));
const git = (...words: readonly string[]): string =>
  execFileSync("git", words, { cwd: ana, encoding: "utf8", stdio: "pipe" });
const versions = (): readonly string[] => git("log", "--format=%s", "--", "DREAMS.md").trim().split("\n");
async function setUp() {
  const stage = await nights.setUp({ workspaces });
  const { clock, put, show, stores } = stage;
  /** Files are written behind the night, by a real disk and a real git, while hours pass. */
  const soon = (check: () => unknown): Promise<void> =>
    vi.waitFor(
      async () => {
        await clock.advance(HOUR_MS);
        await check();
      },
      { timeout: 30_000 },
    );
  /** Asked for on three days for three questions. */
  const hold = async (
    id: string,
    text: string,
    audience: readonly string[] = ["operator"],
  ): Promise<void> => {
    await put(episode(id, text, { audience, recordedAt: clock.now() }));
    for (const asked of ["where", "home", "city"]) {
      await show(id, asked);
      await clock.advance(DAY_MS);
    }
    await soon(async () => expect((await stage.get(id))?.promotedAt).toEqual(expect.any(Number)));
  };
  const close = async (id: string): Promise<void> => {
    const closing = { spaceId: "default", id, at: clock.now(), reason: "forgotten" } as const;
    await stores.unit.commit([stores.memories.close(closing)], options);
  };
  return { ...stage, hold, close, soon };
}

test("what is held fast stands in the owner's file, as a version of its own, and others' in none but their own", async () => {
  mkdirSync(join(ana, "people/telegram+42"), { recursive: true });
  const { hold, soon } = await setUp();
  await hold(HOME, "The operator lives in Lviv");
  await soon(() => expect(linesOf()).toEqual([`- 2026-01-10: The operator lives in Lviv \`${HOME}\``]));
  await hold(derivedId("theirs"), "Olha sails on Sundays", ["telegram/42"]);
  await hold(derivedId("both"), "They met in Odesa", ["operator", "telegram/42"]);
  await hold(derivedId("nobody"), "Max hums", ["telegram/7"]);

  await soon(() => expect(linesOf("people/telegram+42/DREAMS.md")).toHaveLength(2));
  await soon(() => expect(linesOf()).toHaveLength(2));
  expect(linesOf()[1]).toContain("They met in Odesa");
  expect(read("people/telegram+42/DREAMS.md")).not.toContain("Lviv");
  expect(versions()).toContain("Held fast at night: DREAMS.md");
});

test("lines that a person changed, wrote or deleted stay so; those of what is forgotten go, and come back with it", async () => {
  const { hold, close, soon, clock, get, stores } = await setUp();
  await hold(HOME, "The operator lives in Lviv");
  await hold(BOAT, "The operator has a boat");
  await hold(derivedId("tea"), "The operator drinks tea");
  await soon(() => expect(linesOf()).toHaveLength(3));
  await soon(() => expect(git("status", "--porcelain")).toBe(""));
  const [home = "", boat = "", tea = ""] = linesOf();
  const byHand = `- The boat is red. \`${BOAT}\``;
  writeFileSync(join(ana, "DREAMS.md"), `${read().replace(boat, byHand).replace(`${tea}\n`, "")}\nMine.\n`);
  await close(HOME);
  await close(BOAT);
  await clock.advance(DAY_MS);

  await soon(() => expect(linesOf()).toEqual([byHand]));
  expect(read()).toContain("Mine.");
  await soon(() => expect(versions()).toContain("Changed by hand: DREAMS.md"));
  const forgotten = await get(HOME);
  if (forgotten === undefined) throw new Error("There is no record.");
  const undone = await undoMemory(stores.memories, forgotten, clock.now(), options);
  await stores.unit.commit(undone.writes, options);
  await clock.advance(DAY_MS);

  await soon(() => expect(linesOf()).toEqual([byHand, home]));
  await soon(() => expect(git("status", "--porcelain")).toBe(""));
  await clock.advance(2 * DAY_MS);
  expect(linesOf()).toEqual([byHand, home]);
});

test("what is erased is in no version of the file, and what stands there of others stays", async () => {
  const { hold, soon, get, stores, eraser, clock } = await setUp();
  writeFileSync(join(ana, "SOUL.md"), "Speak plainly.\n");
  await hold(HOME, "The operator lives in Lviv");
  await hold(BOAT, "The operator has a boat");
  await soon(() => expect(versions()).toHaveLength(2));
  const record = await get(HOME);
  if (record === undefined) throw new Error("There is no record.");

  const { erased, writes } = await eraseMemory(stores.memories, record, options);
  for (let times = 0; times < 2; times++)
    await eraseFromNightFiles(eraser, { agentId: "ana", ids: erased }, options);
  await stores.unit.commit(writes, options);
  await clock.advance(2 * DAY_MS);

  expect(linesOf()).toEqual([expect.stringContaining("has a boat")]);
  expect(versions()).toEqual(["Without what was erased: DREAMS.md"]);
  expect(git("cat-file", "--batch-all-objects", "--batch")).not.toContain("lives in Lviv");
  expect(git("log", "--format=%s", "--", "SOUL.md")).toContain("SOUL.md");
});

test("without a folder nothing is made, and without anything held fast no file", async () => {
  const first = await setUp();
  await first.put(episode("a", "Kate sailed"));
  await first.clock.advance(2 * DAY_MS);
  await first.soon(async () => expect((await first.dreams()).length).toBeGreaterThan(0));
  expect(existsSync(join(ana, "DREAMS.md"))).toBe(false);
  await nights.close();
  rmSync(ana, { recursive: true });

  const again = await setUp();
  await again.hold(HOME, "The operator lives in Lviv");
  await again.clock.advance(DAY_MS);
  expect(existsSync(ana)).toBe(false);
});

// An agent's own files are taken as they are, and made so again, with the real program git.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import {
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceBook,
  type WorkspaceBook,
} from "../../server/src/memory/index.ts";

const options = { signal: new AbortController().signal };
const takenAt = Date.UTC(2026, 10, 20);

let home: string;
let ana: string;
let book: WorkspaceBook;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-back-"));
  ana = join(home, "ana");
  mkdirSync(join(ana, "notes"), { recursive: true });
  book = bookWith(process.env.PATH);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function bookWith(searchPath: string | undefined): WorkspaceBook {
  const looksSecret = createSecretGuard((text) => text);
  const about = { folder: home, clock: createManualClock(), logger: createLogRecorder(), looksSecret };
  const deps = { ...about, metrics: createMetrics(), git: createGit(searchPath) };
  return createWorkspaceBook(deps, createVersions(deps));
}

const write = (file: string, text: string): void => writeFileSync(join(ana, file), text);
const read = (file: string): string => readFileSync(join(ana, file), "utf8");
const messages = async (): Promise<readonly string[]> =>
  (await book.history({ agentId: "ana", limit: 20 }, options)).map(({ message }) => message);

test("files become what they were, what was changed by hand meanwhile stays in the history, and a second time nothing changes", async () => {
  write("SOUL.md", "Kind.\n");
  write("notes/tea.md", "Green.\n");
  const files = await book.texts("ana");
  // What nights write follows the records.
  write("DREAMS.md", "# Dreams\n");
  write("SOUL.md", "Rude.\n");
  write("notes/new.md", "New.\n");
  rmSync(join(ana, "notes/tea.md"));

  const plan = await book.plan("ana", files);
  expect(read("SOUL.md")).toBe("Rude.\n");
  const done = await book.bringBack({ agentId: "ana", files, takenAt }, options);

  expect(done).toEqual(plan);
  expect(done).toEqual({
    ...{ added: ["notes/tea.md"], changed: ["SOUL.md"], removed: ["notes/new.md"], left: [] },
  });
  expect(await book.texts("ana")).toEqual(files);
  expect(read("DREAMS.md")).toBe("# Dreams\n");
  const history = await messages();
  expect(history.slice(0, 3).toSorted()).toEqual([
    "Brought back from a snapshot of 2026-11-20: SOUL.md",
    "Brought back from a snapshot of 2026-11-20: notes/new.md",
    "Brought back from a snapshot of 2026-11-20: notes/tea.md",
  ]);
  const hand = (await book.history({ agentId: "ana", file: "SOUL.md", limit: 5 }, options))[1];
  expect(hand?.message).toMatch(/by hand: SOUL\.md/);
  const { version = "" } = hand ?? {};
  expect(await book.text({ agentId: "ana", file: "SOUL.md", version }, options)).toBe("Rude.\n");
  const again = await book.bringBack({ agentId: "ana", files, takenAt }, options);
  expect(again).toEqual({ added: [], changed: [], removed: [], left: [] });
  expect(await messages()).toEqual(history);
});

test("what looks like a secret, is too long or a link is in no snapshot, and is neither overwritten nor deleted", async () => {
  const secret = "password: correct-horse-7-staple\n";
  write("MEMORY.md", secret);
  write("notes/long.md", "x".repeat(1024 * 1024 + 1));
  symlinkSync("/etc/hostname", join(ana, "USER.md"));
  write("SOUL.md", "Kind.\n");
  expect((await book.texts("ana")).map(({ file }) => file)).toEqual(["SOUL.md"]);
  const wanted = [
    { file: "MEMORY.md", text: "Tea.\n" },
    { file: "USER.md", text: "Kate.\n" },
  ];

  const done = await book.bringBack({ agentId: "ana", files: wanted, takenAt }, options);

  expect(done).toMatchObject({ added: [], changed: [], removed: ["SOUL.md"] });
  expect(done.left.map(({ file }) => file).toSorted()).toEqual(["MEMORY.md", "USER.md", "notes/long.md"]);
  expect(read("MEMORY.md")).toBe(secret);
});

test("an agent without a folder gets one, also without git", async () => {
  book = bookWith("/nowhere");
  rmSync(ana, { recursive: true });

  const done = await book.bringBack(
    { agentId: "ana", files: [{ file: "people/kate/USER.md", text: "Kate.\n" }], takenAt },
    options,
  );

  expect(done.added).toEqual(["people/kate/USER.md"]);
  expect(read("people/kate/USER.md")).toBe("Kate.\n");
});

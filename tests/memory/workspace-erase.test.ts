// Forgetting a person reaches the files about them and their whole history.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import {
  countOwnFiles,
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceBook,
  eraseOwnFiles,
  type Versions,
  type WorkspaceBook,
  type WorkspaceEraserDeps,
} from "../../server/src/memory/index.ts";

const options = { signal: new AbortController().signal };

let folder: string;
let versions: Versions;
let book: WorkspaceBook;
let owners: readonly string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-erase-"));
  mkdirSync(join(folder, "ana"));
  owners = ["operator"];
  ({ versions, book } = eraser(process.env.PATH));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function eraser(searchPath: string | undefined) {
  const git = createGit(searchPath);
  const logger = createLogRecorder();
  const looksSecret = createSecretGuard((text) => text);
  const about = { folder, clock: createManualClock(), logger, metrics: createMetrics(), looksSecret, git };
  const made = createVersions(about);
  const deps: WorkspaceEraserDeps = { folder, logger, git, versions: made, ownersOf: () => owners };
  return { deps, versions: made, book: createWorkspaceBook(about, made) };
}

async function put(name: string, text: string): Promise<void> {
  const path = join(folder, "ana", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  await versions.keep("ana", options);
}

const git = (...words: readonly string[]): string =>
  execFileSync("git", words, { cwd: join(folder, "ana"), encoding: "utf8" });
/** All that any object holds, and the bytes of every file: names of branches, messages, indexes. */
function everything(): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const bytes = files.map(
    ({ parentPath, name }) => name + readFileSync(join(parentPath, name)).toString("latin1"),
  );
  const isKept = existsSync(join(folder, "ana/.git/HEAD"));
  return bytes.join("\n") + (isKept ? git("cat-file", "--batch-all-objects", "--batch") : "");
}

async function fill(): Promise<void> {
  await put("SOUL.md", "Speak plainly.");
  await put("people/telegram+42/USER.md", "Olha likes zorabelle.");
  await put("people/telegram+42/notes/trip.md", "To qwertinsk.");
  await put("people/telegram+421/USER.md", "Somebody else.");
  await put("people/telegram+42/USER.md", "Olha likes vulpecular.");
  await put("SOUL.md", "Speak in verse.");
  git("branch", "mine");
  git("tag", "mine", "HEAD~3");
}
const WORDS = ["zorabelle", "vulpecular", "qwertinsk", "telegram+42/"];

test("files, versions, messages and branches that hold a person's words go, and those of others stay", async () => {
  await fill();
  for (const word of WORDS) expect([word, everything().includes(word)]).toEqual([word, true]);
  const { deps } = eraser(process.env.PATH);
  expect(await countOwnFiles(deps, "telegram/42")).toBe(2);

  expect(await eraseOwnFiles(deps, "telegram/42", options)).toEqual({
    ...{ files: 2, rewritten: ["ana"], dropped: [] },
  });

  for (const word of WORDS) expect([word, everything().includes(word)]).toEqual([word, false]);
  const history = await book.history({ agentId: "ana", limit: 20 }, options);
  expect(history.map(({ message }) => message)).toEqual([
    "Changed by hand: SOUL.md",
    "Added by hand: people/telegram+421/USER.md",
    "Added by hand: SOUL.md",
  ]);
  expect(git("status", "--porcelain")).toBe("");
  // A repetition finds nothing, and what comes after is kept on.
  expect(await eraseOwnFiles(deps, "telegram/42", options)).toEqual({ files: 0, rewritten: [], dropped: [] });
  await put("SOUL.md", "Speak.");
  expect(git("log", "--format=%s").split("\n")).toHaveLength(5);
});

test("what was deleted by hand long ago is in the history still, and goes from there", async () => {
  await fill();
  rmSync(join(folder, "ana/people/telegram+42"), { recursive: true });
  await versions.keep("ana", options);

  const erased = await eraseOwnFiles(eraser(process.env.PATH).deps, "telegram/42", options);

  expect(erased).toEqual({ files: 0, rewritten: ["ana"], dropped: [] });
  for (const word of WORDS) expect([word, everything().includes(word)]).toEqual([word, false]);
});

test("where the history cannot be written anew, all of it goes rather than stay", async () => {
  await fill();
  const without = eraser(folder);

  expect(await eraseOwnFiles(without.deps, "telegram/42", options)).toMatchObject({
    files: 2,
    dropped: ["ana"],
  });
  for (const word of WORDS) expect([word, everything().includes(word)]).toEqual([word, false]);
  await fill();
  git("checkout", "--quiet", "--detach");

  const { deps } = eraser(process.env.PATH);
  await eraseOwnFiles(deps, "telegram/42", options);
  for (const word of WORDS) expect([word, everything().includes(word)]).toEqual([word, false]);
  expect(readFileSync(join(folder, "ana/SOUL.md"), "utf8")).toBe("Speak in verse.");
});

test("the files right in the folder go with their only owner, and not with one of two", async () => {
  await put("SOUL.md", "soul");
  await put("USER.md", "of the owner");
  const { deps } = eraser(process.env.PATH);
  owners = ["operator", "telegram/42"];
  expect(await eraseOwnFiles(deps, "operator", options)).toMatchObject({ files: 0, rewritten: [] });
  owners = ["operator"];

  expect(await eraseOwnFiles(deps, "operator", options)).toMatchObject({ files: 1, rewritten: ["ana"] });
  expect(everything()).not.toContain("of the owner");
  expect(readFileSync(join(folder, "ana/SOUL.md"), "utf8")).toBe("soul");
});

test("files right in a folder that are for nobody stay, whoever is erased", async () => {
  await put("USER.md", "Nobody is told of this.\n");
  owners = [];

  const erased = await eraseOwnFiles(eraser(process.env.PATH).deps, "kate", options);

  expect(erased).toMatchObject({ files: 0, dropped: [] });
  expect(readFileSync(join(folder, "ana", "USER.md"), "utf8")).toBe("Nobody is told of this.\n");
});

test("the operator reads a file as it was, and makes it so again as a version of its own", async () => {
  await put("SOUL.md", "Speak plainly.");
  await put("SOUL.md", "Speak in verse.");
  const [, first] = await book.history({ agentId: "ana", file: "SOUL.md", limit: 5 }, options);
  const version = first?.version ?? "";
  writeFileSync(join(folder, "ana/SOUL.md"), "Not kept yet.");

  expect(await book.text({ agentId: "ana", file: "SOUL.md", version }, options)).toBe("Speak plainly.");
  expect(await book.restore({ agentId: "ana", file: "SOUL.md", version }, options)).toBe(true);
  expect(await book.restore({ agentId: "ana", file: "SOUL.md", version }, options)).toBe(false);

  expect(readFileSync(join(folder, "ana/SOUL.md"), "utf8")).toBe("Speak plainly.");
  const history = await book.history({ agentId: "ana", limit: 2 }, options);
  expect(history.map(({ message, by }) => [message, by])).toEqual([
    [`Restored as of ${version.slice(0, 7)}: SOUL.md`, "Troupe"],
    ["Changed by hand: SOUL.md", "Troupe"],
  ]);
  for (const bad of ["--help", "0000000", "HEAD"])
    await expect(book.text({ agentId: "ana", file: "SOUL.md", version: bad }, options)).rejects.toMatchObject(
      {
        code: "request.not_found",
      },
    );
  await expect(book.text({ agentId: "ana", file: ".git/config" }, options)).rejects.toThrow("There is no");
});

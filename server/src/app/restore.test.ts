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
import { DatabaseSync } from "node:sqlite";
import type { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeFile, type Manifest, writeBackup } from "../backup/index.ts";
import { migrations } from "../store/migrations/index.ts";
import { sqliteCapabilities } from "../store/sqlite/capabilities.ts";
import { backUpHome } from "./backup.ts";
import type { Environment } from "./config/index.ts";
import { openHome } from "./home.ts";
import { restoreHome } from "./restore.ts";

const { signal } = new AbortController();
const APPLICATION_ID = 0x54727065;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-restore-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function environmentOf(name: string): Environment {
  return { home: join(folder, name), runtimeDirectory: folder, noColor: true, variables: {} };
}

/** A home whose database was written by a Troupe that knew so many migrations. */
function homeOf(name: string, version: number): Environment {
  const environment = environmentOf(name);
  openHome(environment.home);
  const database = new DatabaseSync(join(environment.home, "data/troupe.db"));
  for (const { steps } of migrations.slice(0, version))
    for (const statement of steps(sqliteCapabilities)) database.exec(statement);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`);
  database.exec(
    "INSERT INTO keys (id, space_id, name, kind, hash, hint, created_at) VALUES ('k', 'default', 'n', 'key', 'h', 'i', 1)",
  );
  database.close();
  return environment;
}

const backUp = (environment: Environment, withMasterKey = false) =>
  backUpHome({
    environment,
    to: join(folder, "one.tar.zst"),
    withMasterKey,
    signal,
    onProgress: () => undefined,
  });

const restore = (to: string, file: string, force = false) =>
  restoreHome({ environment: environmentOf(to), file, force, signal, onProgress: () => undefined });

const refusal = (work: Promise<unknown>): Promise<TroupeError> =>
  work.then(
    () => expect.fail("It was not refused."),
    (error: TroupeError) => error,
  );

describe("a backup of another version", () => {
  test("that is older is brought up to date, with its rows, and held", async () => {
    const { file, manifest } = await backUp(homeOf("old", 2));

    const report = await restore("new", file);

    expect(manifest.store).toMatchObject({ schema: 2, rows: { keys: 1 } });
    expect(report.held).toEqual({ waiting: 0 });
    const database = new DatabaseSync(join(folder, "new/data/troupe.db"));
    const read = (query: string): unknown => database.prepare(query).get();
    expect(read("PRAGMA user_version")).toEqual({ user_version: migrations.length });
    expect(read("SELECT id FROM keys")).toEqual({ id: "k" });
    expect(read("SELECT space_id FROM holds")).toEqual({ space_id: "default" });
    database.close();
  });

  test("that is newer is refused before anything is unpacked", async () => {
    const text = join(folder, "troupe.yaml");
    writeFileSync(text, "version: 1\n");
    const source = { path: text, name: "home/troupe.yaml" };
    const manifest: Manifest = {
      ...{ kind: "troupe.backup", v: 1, troupe: "9.9.9", madeAt: 0, masterKey: false, leftOut: [] },
      store: { kind: "sqlite", schema: migrations.length + 1, rows: {} },
      files: [await describeFile(source, { signal })],
    };
    const file = join(folder, "newer.tar.zst");
    await writeBackup(file, { manifest, sources: [source] }, { signal, onProgress: () => undefined });

    const error = await refusal(restore("new", file));

    expect(error).toMatchObject({ code: "backup.invalid" });
    expect(error.message).toContain("made by a newer Troupe (9.9.9");
    expect(readdirSync(join(folder, "new"))).toEqual([]);
  });
});

describe("trouble with files", () => {
  test("is told in a sentence, and leaves nothing behind", async () => {
    const environment = homeOf("one", migrations.length);
    const to = join(folder, "nowhere/one.tar.zst");
    const nowhere = await refusal(
      backUpHome({ environment, to, withMasterKey: false, signal, onProgress: () => undefined }),
    );
    const missing = await refusal(restore("two", join(folder, "none.tar.zst")));
    const aFolder = await refusal(restore("two", folder));

    expect(nowhere.message).toBe(
      `The folder ${join(folder, "nowhere")} is not there. Make it first, or give another place.`,
    );
    expect(missing.message).toBe(`${join(folder, "none.tar.zst")} is not there. Nothing was restored.`);
    expect(aFolder.message).toContain("is a folder");
    expect(readdirSync(folder).toSorted()).toEqual(["one", "two"]);
    expect(readdirSync(join(folder, "two"))).toEqual([]);
  });
});

describe("what belongs to a home", () => {
  test("is packed, blobs and extensions included, and nothing of the process or of packages", async () => {
    const environment = homeOf("one", migrations.length);
    const { home } = environment;
    const write = (path: string, text = "x"): void => {
      mkdirSync(join(home, path, ".."), { recursive: true });
      writeFileSync(join(home, path), text);
    };
    for (const path of [
      ...[
        "data/blobs/ab/cdef",
        "extensions/mine/index.ts",
        "workspaces/ana/notes/one.md",
        "data/terminal.json",
      ],
      ...[
        "extensions/mine/node_modules/x/index.js",
        "data/home.lock",
        "data/holder.json",
        "data/troupe.db-wal.old",
      ],
      ...["workspaces/ana/.git/HEAD", "workspaces/ana/.git/index.lock"],
      ...["workspaces/ana/.git/troupe-index-1", "master.key", "unrelated.txt"],
    ])
      write(path);

    const { manifest, file } = await backUp(environment);
    const report = await restore("two", file);

    const packed = manifest.files.map(({ path }) => path.replace(/^home\//, ""));
    expect(packed).toEqual(
      expect.arrayContaining([
        ...["store.db", "troupe.yaml", "agents/ana.yaml", "data/blobs/ab/cdef", "extensions/mine/index.ts"],
        ...["workspaces/ana/notes/one.md", "workspaces/ana/.git/HEAD", "data/terminal.json"],
      ]),
    );
    expect(
      packed.filter((path) =>
        /node_modules|lock|holder|master|troupe-index|unrelated|data\/troupe\.db$/.test(path),
      ),
    ).toEqual([]);
    expect(readFileSync(join(report.home, "workspaces/ana/notes/one.md"), "utf8")).toBe("x");
    expect(report.setAside).toBeUndefined();
  });

  test("is found where the settings put the database, also when it is elsewhere in the home", async () => {
    const environment = homeOf("one", migrations.length);
    writeFileSync(
      join(environment.home, "troupe.yaml"),
      'version: 1\nstore: { url: "sqlite:kept/here.db" }\n',
    );
    mkdirSync(join(environment.home, "kept"));
    writeFileSync(
      join(environment.home, "kept/here.db"),
      readFileSync(join(environment.home, "data/troupe.db")),
    );

    const { file } = await backUp(environment);
    await restore("two", file);

    expect(existsSync(join(folder, "two/kept/here.db"))).toBe(true);
  });

  test("is packed without a database, too, where the home was never started", async () => {
    const environment = environmentOf("empty");
    openHome(environment.home);

    const { manifest, file } = await backUp(environment);
    const report = await restore("two", file);

    expect(manifest.store).toEqual({ kind: "none" });
    expect(report.held).toEqual({ waiting: 0 });
    expect(existsSync(join(folder, "two/agents/ana.yaml"))).toBe(true);
  });

  test("is not guessed where the settings cannot be read", async () => {
    const environment = environmentOf("broken");
    openHome(environment.home);
    writeFileSync(join(environment.home, "troupe.yaml"), "version: [\n");

    const broken = await refusal(backUp(environment));

    expect(broken).toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("troupe.yaml:2"),
    });
    expect(readdirSync(folder)).toEqual(["broken"]);
  });
});

describe("a restore that cannot go through", () => {
  test("is refused for a home that holds only agents, which nobody would find again", async () => {
    const { file } = await backUp(homeOf("one", migrations.length));
    mkdirSync(join(folder, "two/agents"), { recursive: true });
    writeFileSync(join(folder, "two/agents/mine.yaml"), "id: mine\n");

    expect(await refusal(restore("two", file))).toMatchObject({ code: "request.conflict" });
    const report = await restore("two", file, true);

    expect(readFileSync(join(report.setAside ?? "", "agents/mine.yaml"), "utf8")).toBe("id: mine\n");
    expect(existsSync(join(folder, "two/agents/mine.yaml"))).toBe(false);
  });

  test("a database outside the home goes aside with the log beside it, which is not of the new one", async () => {
    const environment = homeOf("one", migrations.length);
    const outside = join(folder, "elsewhere/troupe.db");
    mkdirSync(join(folder, "elsewhere"));
    writeFileSync(outside, readFileSync(join(environment.home, "data/troupe.db")));
    writeFileSync(join(environment.home, "troupe.yaml"), `version: 1\nstore: { url: "sqlite:${outside}" }\n`);
    const { file } = await backUp(environment);
    writeFileSync(`${outside}-wal`, "of the old one");

    expect(await refusal(restore("two", file))).toMatchObject({ code: "request.conflict" });
    expect(existsSync(outside)).toBe(true);
    const report = await restore("two", file, true);

    const names = readdirSync(join(folder, "elsewhere")).map((name) => name.replace(/\d{8}-\d{6}/, "TIME"));
    expect(names.toSorted()).toEqual(["troupe.db", "troupe.db.replaced-TIME", "troupe.db.replaced-TIME-wal"]);
    expect(report.held).toEqual({ waiting: 0 });
  });
});

test("a master key that the environment puts into a folder of the home is packed only when asked for", async () => {
  const environment = homeOf("one", migrations.length);
  const keyFile = join(environment.home, "data/keys/master");
  mkdirSync(join(keyFile, ".."));
  writeFileSync(keyFile, "the key");
  const given = { ...environment, variables: { TROUPE_MASTER_KEY_FILE: keyFile } };

  const { manifest } = await backUp(given);

  expect(manifest.leftOut).toEqual(["data/keys/master"]);
  expect(manifest.files.map(({ path }) => path)).not.toContain("home/data/keys/master");
  expect(manifest.masterKey).toBe(false);
});

test("a home without a master key is not said to have packed one", async () => {
  expect((await backUp(homeOf("one", migrations.length), true)).manifest.masterKey).toBe(false);
});

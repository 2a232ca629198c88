import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Stores, TroupeError } from "@troupe/contracts";
import {
  createLogRecorder,
  findPgvector,
  findPostgres,
  NO_POSTGRES,
  type TestDatabase,
} from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { type OpenStores, openPostgresStores, openSqliteStores } from "../store/index.ts";
import { readEnvironment } from "./config/index.ts";
import { checkDatabase } from "./doctor/database.ts";
import { openHome } from "./home.ts";
import { migrateHome, moveHome } from "./migrate.ts";

const postgres = await findPostgres();
const options = { signal: new AbortController().signal };
const CONFIG = `# Ours.
version: 1
server: { port: 0 }   # any
`;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-migrate-"));
  openHome(home);
  writeFileSync(join(home, "troupe.yaml"), CONFIG);
});
afterEach(() => rmSync(home, { recursive: true }));

const environment = () => readEnvironment({ TROUPE_HOME: home });
const databaseFile = () => join(home, "data", "troupe.db");
const quiet = () => undefined;

function deps() {
  const clock = systemClock();
  return { clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() };
}

/** A home with one conversation in it, a memory and a key; texts that need care. */
async function fill(): Promise<void> {
  await using store = await opened(openSqliteStores({ mode: "inline", path: databaseFile(), ...deps() }));
  const { stores } = store;
  const ids = { spaceId: "default", sessionId: "s-1", turnId: "t-1" };
  await stores.unit.commit(
    [
      stores.sessions.touch({
        ...{ id: "s-1", spaceId: "default", agentId: "ana", channel: "api", key: "k", peerId: "peer" },
        ...{ ownerId: "o", audience: ["peer"], stateless: false, at: 5, count: 1 },
      }),
      stores.sessions.append({
        ...{ ...ids, id: "m-1", turnSeq: "same", role: "user", audience: ["peer"], outcome: "ok" },
        ...{
          createdAt: 5,
          fromLast: 0,
          parts: [{ type: "text", text: 'Їжак "loves" quinces \\ \u0000 👩‍🚀' }],
        },
      }),
      stores.memories.put({
        ...{
          id: "mem-1",
          spaceId: "default",
          agentId: "ana",
          audience: ["peer"],
          text: "Quinces ripen in October.",
        },
        ...{ turnId: "t-1", recordedAt: 6 },
      }),
      stores.keys.put({
        ...{ id: "k-1", spaceId: "default", name: "mine", kind: "operator", hash: "h", hint: "trp_" },
        ...{ createdAt: 7, revokedAt: undefined },
      }),
    ],
    options,
  );
}

async function opened(promise: Promise<OpenStores>): Promise<OpenStores & AsyncDisposable> {
  const store = await promise;
  return { ...store, [Symbol.asyncDispose]: () => store.close() };
}

async function messagesOf(stores: Stores): Promise<unknown> {
  return (await stores.sessions.messages({ sessionId: "s-1" }, options)).items;
}

it("says what a database lacks without touching it, and applies it when asked", async () => {
  const before = await migrateHome(environment(), { isDry: true });
  const done = await migrateHome(environment(), { isDry: false });
  const after = await migrateHome(environment(), { isDry: true });

  expect(before.pending).toContain("0001-first");
  expect(done.pending).toEqual(before.pending);
  expect(after.pending).toEqual([]);
  expect(after.applied).toEqual(before.pending);
});

it("refuses to move to what is no PostgreSQL database", async () => {
  await fill();
  const failure = await moveHome(environment(), { to: "mysql://h/d", isDry: false, onTable: quiet }).catch(
    (error: unknown) => error,
  );

  expect(TroupeError.is(failure, "request.invalid")).toBe(true);
});

describe.skipIf(postgres === undefined)(
  `moving a home to PostgreSQL${postgres === undefined ? ` (${NO_POSTGRES})` : ""}`,
  () => {
    let database: TestDatabase;
    beforeEach(async () => {
      database = (await postgres?.create()) as TestDatabase;
      await fill();
    });
    afterEach(() => database[Symbol.asyncDispose]());

    const move = (change: { readonly isDry?: boolean } = {}) =>
      moveHome(environment(), { to: database.url, isDry: false, onTable: quiet, ...change });
    const hashOf = () => createHash("sha256").update(readFileSync(databaseFile())).digest("hex");

    it("brings every row, in order and searchable, leaves the file alone and the comments of troupe.yaml", async () => {
      await using source = await opened(
        openSqliteStores({ mode: "inline", path: databaseFile(), ...deps() }),
      );
      const sent = await messagesOf(source.stores);
      await source.close();
      const before = hashOf();

      const report = await move();

      await using target = await opened(openPostgresStores({ url: database.url, ...deps() }));
      const { stores } = target;
      expect(await messagesOf(stores)).toEqual(sent);
      expect(await stores.keys.findByHash("h", options)).toMatchObject({ id: "k-1", name: "mine" });
      const query = { spaceId: "default", agentId: "ana", readers: ["peer"], words: ["quinces"], limit: 5 };
      expect((await stores.search.search(query, options)).map(({ id }) => id)).toEqual(["mem-1"]);
      await stores.search.indexNew(100, options);
      expect((await stores.search.search(query, options)).map(({ id }) => id)).toEqual(["mem-1", "m-1"]);
      expect(report.tables.find(({ name }) => name === "messages")).toMatchObject({ rows: 1 });
      expect(report.isSettingChanged).toBe(true);
      expect(readFileSync(join(home, "troupe.yaml"), "utf8")).toBe(
        `${CONFIG}store:\n  url: "${database.url}"\n`,
      );
      expect(hashOf()).toBe(before);
    });

    it("goes on numbering rows where the file ended", async () => {
      await move();
      await using target = await opened(openPostgresStores({ url: database.url, ...deps() }));
      const { stores } = target;
      const memory = { spaceId: "default", agentId: "ana", audience: ["peer"], text: "More.", turnId: "t-1" };
      await stores.unit.commit([stores.memories.put({ ...memory, id: "mem-2", recordedAt: 1 })], options);

      const { items } = await stores.memories.list(
        { spaceId: "default", agentId: "ana", readers: ["peer"] },
        options,
      );
      expect(items.map(({ id }) => id)).toEqual(["mem-2", "mem-1"]);
    });

    it("counts and changes nothing when asked only to look", async () => {
      const report = await move({ isDry: true });

      expect(report.tables.find(({ name }) => name === "keys")).toMatchObject({ rows: 1 });
      expect(readFileSync(join(home, "troupe.yaml"), "utf8")).toBe(CONFIG);
      expect(await database.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    });

    it("refuses a database that holds a Troupe, and the same home a second time", async () => {
      await move();
      writeFileSync(join(home, "troupe.yaml"), CONFIG);

      const failure = await move().catch((error: unknown) => error);

      expect(TroupeError.is(failure, "store.conflict")).toBe(true);
      expect(String(failure)).toContain("nothing was moved");
    });

    it("leaves nothing behind when it fails half-way, and succeeds the next time", async () => {
      await migrateHome(environment(), { isDry: false });
      const blocked = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$`;
      await (await openPostgresStores({ url: database.url, ...deps() })).close();
      await database.query(blocked);
      await database.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()",
      );

      const failure = await move().catch((error: unknown) => error);
      const left = await database.query("SELECT count(*)::int AS n FROM keys");
      await database.query("DROP TRIGGER refuse ON messages");

      expect(TroupeError.is(failure, "store.failed")).toBe(true);
      expect(left).toEqual([{ n: 0 }]);
      expect(readFileSync(join(home, "troupe.yaml"), "utf8")).toBe(CONFIG);
      expect((await move()).isSettingChanged).toBe(true);
    });

    it("writes the new address over the old one and touches nothing around it", async () => {
      writeFileSync(
        join(home, "troupe.yaml"),
        `${CONFIG}store:   { url: "sqlite:data/troupe.db" }  # here\n`,
      );

      await move();

      expect(readFileSync(join(home, "troupe.yaml"), "utf8")).toBe(
        `${CONFIG}store:   { url: "${database.url}" }  # here\n`,
      );
    });

    it("leaves a placeholder in troupe.yaml to whoever wrote it", async () => {
      const text = `${CONFIG}store: { url: "\${STORE_URL:-sqlite:data/troupe.db}" }\n`;
      writeFileSync(join(home, "troupe.yaml"), text);

      const report = await move();

      expect(report.isSettingChanged).toBe(false);
      expect(readFileSync(join(home, "troupe.yaml"), "utf8")).toBe(text);
    });

    it("lets the doctor look at the server: version, distance, rights, size, tables", async () => {
      const config = (url: string, index = "resident") =>
        ({ home, store: { url }, recall: { index } }) as Parameters<typeof checkDatabase>[0];
      const good = await checkDatabase(config(database.url));
      const url = new URL(database.url);
      url.pathname = "/troupe_not_there";
      const [bad] = await checkDatabase(config(url.href));
      const indexed = (await checkDatabase(config(database.url, "pgvector"))).at(-1);
      const hasVectors = (await findPgvector()) !== undefined;

      expect(good.map(({ verdict }) => verdict)).toEqual(["good", "good", "good", "good", "good"]);
      expect(good[0]?.what).toMatch(/PostgreSQL \d+\.\d+, troupe_\w+ on /);
      expect(bad).toMatchObject({ verdict: "bad" });
      expect(bad?.what).toContain("There is no database troupe_not_there");
      expect(indexed).toMatchObject({ name: "Vector index", verdict: hasVectors ? "good" : "warning" });
      expect(indexed?.remedy ?? "").toMatch(hasVectors ? /^$/ : /pgvector.*recall\.index: resident\.$/);
    });
  },
);

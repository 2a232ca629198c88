/** PostgreSQL in trouble: connections that break at the worst moments, other processes, databases that are not right. */
import { setTimeout as wait } from "node:timers/promises";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import {
  createLogRecorder,
  findPostgres,
  NO_POSTGRES,
  openTcpProxy,
  type TcpProxy,
  type TestDatabase,
} from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdGenerator, createMetrics, type Metrics, systemClock } from "../kit/index.ts";
import { type OpenStores, openPostgresStores, type PostgresOptions } from "./index.ts";

const postgres = await findPostgres();
const options = { signal: new AbortController().signal };

describe.skipIf(postgres === undefined)(
  `PostgreSQL in trouble${postgres === undefined ? ` (${NO_POSTGRES})` : ""}`,
  () => {
    let database: TestDatabase;
    let proxy: TcpProxy;
    let opened: OpenStores[] = [];
    beforeEach(async () => {
      database = (await postgres?.create()) as TestDatabase;
      const { hostname, port } = new URL(database.url);
      proxy = await openTcpProxy({ host: hostname, port: Number(port || "5432") });
      opened = [];
    });
    afterEach(async () => {
      proxy.set("open");
      await Promise.all(opened.map((store) => store.close()));
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    });

    /** Through the proxy, unless told otherwise. */
    async function open(
      change: Partial<PostgresOptions> & { readonly direct?: boolean } = {},
    ): Promise<OpenStores> {
      const clock = systemClock();
      const url = new URL(database.url);
      if (change.direct !== true) url.port = String(proxy.port);
      const store = await openPostgresStores({
        ...{ url: url.href, clock, ids: createIdGenerator(clock), random: () => 0.5 },
        ...{ logger: createLogRecorder(), metrics: createMetrics(), ...change },
      });
      opened.push(store);
      return store;
    }

    function touch({ stores }: OpenStores, id = "s-1"): Promise<string> {
      const session = {
        ...{ id, spaceId: DEFAULT_SPACE_ID, agentId: "ana", channel: "api", key: id, peerId: "p" },
        ...{ ownerId: "o", audience: ["p"], stateless: false, at: 1, count: 1 },
      };
      return stores.unit.commit([stores.sessions.touch(session)], options).then(
        () => "kept",
        (error: TroupeError) => error.code,
      );
    }

    const seqOf = async (id = "s-1"): Promise<number> =>
      Number((await database.query("SELECT last_seq FROM sessions WHERE id = $1", [id]))[0]?.last_seq ?? 0);

    it("makes the index anew, stretch by stretch, that was made of words as an older version made them", async () => {
      const before = await open({ direct: true });
      const who = { spaceId: DEFAULT_SPACE_ID, agentId: "ana", audience: ["p"] };
      const memory = { ...who, turnId: "t", recordedAt: 1, text: "adopted a parrot" };
      const ids = Array.from({ length: 5 }, (_, n) => `memory-${n}`);
      const puts = ids.map((id) => before.stores.memories.put({ ...memory, id }));
      await before.stores.unit.commit(puts, options);
      await before.close();
      await database.query(
        "INSERT INTO search_cursor (name, row) VALUES ('words', 1), ('renewal/memories', 4)",
      );
      await database.query("UPDATE memory_terms SET term = 'otherwise'||term WHERE term LIKE '%adopt%'");

      const { stores } = await open({ direct: true });
      const query = { spaceId: who.spaceId, agentId: "ana", readers: ["p"], words: ["adopting"], limit: 10 };
      const found = async () => (await stores.search.search(query, options)).length;
      const counts = [await found()];
      while ((await stores.search.indexNew(2, options)) === 2) counts.push(await found());

      expect(counts).toEqual([0, 2, 4, 5]);
      expect(await database.query("SELECT row FROM search_cursor WHERE name = 'words'")).toEqual([
        { row: "2" },
      ]);
    });

    it("belongs to one process at a time: a second is refused and told who has it, until the first lets go", async () => {
      const first = await open();

      const refused = await open().catch((error: unknown) => error);
      await first.close();
      const second = await open();

      expect(TroupeError.is(refused, "home.locked")).toBe(true);
      expect(String(refused)).toMatch(/troupe \w{26}, from .*, since .* UTC/);
      expect(await touch(second)).toBe("kept");
    });

    it("takes nothing more from a process that lost it to another, however late its words come", async () => {
      const first = await open();
      await touch(first);
      proxy.set("closed");
      const second = await open({ direct: true });
      proxy.set("open");

      expect(await touch(first)).toBe("store.failed");
      expect(first.health().error?.message).toContain("Another Troupe has taken the database");
      expect(await touch(second)).toBe("kept");
      expect(await seqOf()).toBe(2);
    });

    it("sends a commit again that a broken connection lost on the way, and keeps it once", async () => {
      const store = await open();
      await touch(store);

      for (let round = 0; round < 5; round++) {
        const outcome = touch(store);
        proxy.cut();
        expect(await outcome).toBe("kept");
      }

      expect(await seqOf()).toBe(6);
    });

    it("comes back though the server still believes in the connection that broke", async () => {
      const store = await open();
      await touch(store);

      proxy.cutUnnoticed();

      expect(await touch(store)).toBe("kept");
      expect(await seqOf()).toBe(2);
    });

    it("tells what a commit came to when the connection broke between the answers and the commit", async () => {
      const store = await open();
      await touch(store);
      // The server answers, and then takes its time to commit.
      await database.query(`CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$`);
      await database.query(`CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slowly()`);

      const before = proxy.answers;
      const outcome = touch(store);
      await until(() => proxy.answers > before);
      // Cut off at once, the line would take with it what lies unread at its end.
      await wait(700);
      proxy.cut();

      expect(await outcome).toBe("kept");
      expect(await seqOf()).toBe(2);
    });

    it("says when a commit was kept and nobody heard what came of it, and gives back what it had claimed", async () => {
      const store = await open();
      const { stores } = store;
      await touch(store);
      const turn = {
        ...{ id: "t-1", spaceId: DEFAULT_SPACE_ID, agentId: "ana", sessionId: "s-1" },
        ...{ payload: {}, dueAt: 0, deadlineAt: 1, reservedMicroUsd: 0, createdAt: 1 },
        ...{ trigger: "chat" as const, lane: "realtime" as const, owner: undefined },
      };
      const register = stores.leases.register({ id: "me", pid: 1, role: "up", leaseMs: 60_000 });
      await stores.unit.commit([register, stores.turns.open(turn)], options);

      proxy.swallowAnswers();
      const unheard = stores.unit
        .commit([stores.turns.claim({ owner: "me", limit: 1 })], options)
        .catch((error: unknown) => error);
      await until(async () => (await database.query("SELECT state FROM turns"))[0]?.state === "running");
      proxy.cut();
      const failure = await unheard;
      const again = stores.turns.claim({ owner: "me", limit: 1 });
      const claimed = (await stores.unit.commit([again], options)).read(again);

      expect(TroupeError.is(failure, "store.failed")).toBe(true);
      expect(String(failure)).toContain("It was kept");
      expect(claimed.map(({ turn: one }) => [one.id, one.attempt])).toEqual([["t-1", 2]]);
    });

    it("waits for a server that is away, says so, and goes on when it is back", async () => {
      const store = await open();
      await touch(store);
      proxy.set("closed");
      const waiting = touch(store);
      const reading = store.stores.sessions.get("s-1", options);
      await until(() => !store.health().ok);
      const during = store.health();
      proxy.set("open");

      expect(await waiting).toBe("kept");
      expect((await reading)?.id).toBe("s-1");
      expect(during.ok).toBe(false);
      expect(during.error?.message).toMatch(/cannot be reached .* Check that its server runs/);
      expect(store.health().ok).toBe(true);
      expect(await seqOf()).toBe(2);
    });

    it("asks again on another connection when the answers to reads are swallowed, and nobody is told of a break", {
      timeout: 60_000,
    }, async () => {
      const store = await open({ statementTimeoutMs: 1_000 });
      await touch(store);
      await store.stores.sessions.get("s-1", options);

      proxy.swallowAnswers();

      expect((await store.stores.sessions.get("s-1", options))?.id).toBe("s-1");
    });

    it("gives up a connection whose server falls silent while it is made, and makes another", {
      timeout: 60_000,
    }, async () => {
      const store = await open({ statementTimeoutMs: 1_000 });
      await touch(store);
      // What the server says to whoever comes next is lost after its first words.
      const before = proxy.connections;
      proxy.swallowNext();
      proxy.cut();

      expect(await touch(store)).toBe("kept");
      expect(proxy.connections).toBeGreaterThan(before + 1);
    });

    it("brings the tables up to date however long a step of that takes", async () => {
      await database.query(`CREATE FUNCTION slowly() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(1.5); END $$`);
      await database.query(
        "CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION slowly()",
      );

      const store = await open({ statementTimeoutMs: 1_000 });

      expect(await touch(store)).toBe("kept");
    });

    it("refuses after a while what could not even be sent, so that nobody waits for ever", async () => {
      const store = await open({ patienceMs: 400 });
      proxy.set("closed");
      await until(() => !store.health().ok);

      const outcomes = await Promise.all([touch(store), touch(store, "s-2")]);

      expect(outcomes).toEqual(["store.busy", "store.busy"]);
      proxy.set("open");
      expect(await touch(store)).toBe("kept");
      expect(await seqOf()).toBe(1);
    });

    it("closes soon though the server is away, and tells what was not kept", async () => {
      const store = await open();
      proxy.set("closed");
      const waiting = touch(store);
      const startedMs = performance.now();
      await store.close();

      // Refused unsent, or of unknown outcome: what arrived before the line was cut.
      expect(["store.busy", "store.failed"]).toContain(await waiting);
      expect(performance.now() - startedMs).toBeLessThan(15_000);
    });

    it("refuses a database of another program, and one of a newer Troupe", async () => {
      await database.query("CREATE TABLE songs (name text)");
      const foreign = await open().catch((error: unknown) => error);
      await database.query("DROP TABLE songs");
      await (await open()).close();
      await database.query("INSERT INTO troupe_migrations VALUES ('9999-later', 1)");
      const newer = await open().catch((error: unknown) => error);

      expect(TroupeError.is(foreign, "store.corrupt")).toBe(true);
      expect(TroupeError.is(newer, "store.version")).toBe(true);
      expect(String(newer)).toContain("9999-later");
    });

    it("names server and database when they cannot be had, and never the password", async () => {
      const url = new URL(database.url);
      url.password = "sekret";
      url.pathname = "/troupe_not_there";

      const missing = await openPostgresStores({
        ...{ url: url.href, clock: systemClock(), ids: createIdGenerator(systemClock()) },
        ...{ logger: createLogRecorder(), metrics: createMetrics() },
      }).catch((error: unknown) => error);

      expect(String(missing)).toContain("There is no database troupe_not_there on");
      expect(String(missing)).not.toContain("sekret");
    });

    it("spends one round trip on a commit, whatever it holds, and one on all that arrive together", async () => {
      const metrics = createMetrics();
      const store = await open({ metrics });
      const before = writesOf(metrics);
      await touch(store);
      const one = writesOf(metrics) - before;
      await Promise.all(Array.from({ length: 64 }, (_, n) => touch(store, `s-${n}`)));

      expect(one).toBe(1);
      expect(writesOf(metrics) - before).toBe(2);
    });
  },
);

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(10);
}

function writesOf(metrics: Metrics): number {
  return Number(/store_round_trips_total\{kind="write"\} (\d+)/.exec(metrics.render())?.[1] ?? 0);
}

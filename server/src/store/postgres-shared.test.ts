/** Several processes on one PostgreSQL: they share it, take turns at committing, and survive each other. */
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import {
  createLogRecorder,
  findPostgres,
  NO_POSTGRES,
  openTcpProxy,
  type TestDatabase,
} from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { migrations, type OpenStores, openPostgresStores, type PostgresOptions } from "./index.ts";

const postgres = await findPostgres();
const options = { signal: new AbortController().signal };

describe.skipIf(postgres === undefined)(
  `PostgreSQL shared by processes${postgres === undefined ? ` (${NO_POSTGRES})` : ""}`,
  () => {
    let database: TestDatabase;
    let opened: OpenStores[] = [];
    beforeEach(async () => {
      database = (await postgres?.create()) as TestDatabase;
      opened = [];
    });
    afterEach(async () => {
      await Promise.all(opened.map((store) => store.close()));
      await database[Symbol.asyncDispose]();
    });

    async function open(change: Partial<PostgresOptions> = {}): Promise<OpenStores> {
      const clock = systemClock();
      const store = await openPostgresStores({
        ...{ url: database.url, clock, ids: createIdGenerator(clock), sharing: "shared" },
        ...{ logger: createLogRecorder(), metrics: createMetrics(), ...change },
      });
      opened.push(store);
      return store;
    }

    const touchOf = ({ stores }: OpenStores, id: string) =>
      stores.sessions.touch({
        ...{ id, spaceId: DEFAULT_SPACE_ID, agentId: "ana", channel: "api", key: id, peerId: "p" },
        ...{ ownerId: "o", audience: ["p"], stateless: false, at: 1, count: 1 },
      });

    it("lets those in that share it, and none that wants it alone, until all have let go", async () => {
      const [first, second] = [await open(), await open()];

      const alone = await open({ sharing: "alone" }).catch((error: unknown) => error);
      await Promise.all([first, second].map((store) => store.close()));
      const later = await open({ sharing: "alone" });
      const shared = await open().catch((error: unknown) => error);

      expect(TroupeError.is(alone, "home.locked")).toBe(true);
      expect(later.health().ok).toBe(true);
      expect(TroupeError.is(shared, "home.locked")).toBe(true);
    });

    it("keeps every commit of three that write the same rows crosswise, none of them waiting for another's rows", async () => {
      const stores = [await open(), await open(), await open()];
      const sessions = Array.from({ length: 8 }, (_, at) => `s-${at}`);

      await Promise.all(
        stores.flatMap((store, at) =>
          Array.from({ length: 40 }, async (_, round) => {
            const mine = at === 1 ? sessions.toReversed() : sessions;
            const writes = mine.map((id) => touchOf(store, id));
            await store.stores.unit.commit(writes, options);
            return round;
          }),
        ),
      );

      const rows = await database.query("SELECT DISTINCT last_seq FROM sessions", []);
      expect(rows.map(({ last_seq }) => Number(last_seq))).toEqual([120]);
      const server = await database.query(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        [],
      );
      expect(Number(server[0]?.deadlocks)).toBe(0);
    });

    it("serves tables that a newer Troupe only added to, tells of it, and refuses what it changed beyond that", async () => {
      const old = await open();
      const newer = {
        name: "9000-moods",
        expands: true,
        steps: () => ["ALTER TABLE sessions ADD COLUMN mood text", "CREATE TABLE moods (id text)"],
      };
      const upgraded = await open({ migrations: [...migrations, newer] });

      await Promise.all([old, upgraded].map((one) => one.stores.unit.commit([touchOf(one, "s")], options)));
      const restarted = await open();
      await database.query(
        "INSERT INTO troupe_migrations (name, at, expands) VALUES ('9001-other', 1, 0)",
        [],
      );
      const refused = await open().catch((error: unknown) => error);

      expect(await old.stores.sessions.get("s", options)).toMatchObject({ lastSeq: 2 });
      expect([upgraded.ahead, restarted.ahead]).toEqual([[], ["9000-moods"]]);
      expect(TroupeError.is(refused, "store.version")).toBe(true);
      expect(String(refused)).toContain("9001-other");
    });

    it("resumes as the same writer after its connection broke, while others go on", async () => {
      const { hostname, port } = new URL(database.url);
      await using proxy = await openTcpProxy({ host: hostname, port: Number(port || "5432") });
      const url = new URL(database.url);
      url.port = String(proxy.port);
      const [through, other] = [await open({ url: url.href }), await open()];
      const once = (store: OpenStores) => store.stores.unit.commit([touchOf(store, "s")], options);
      await once(through);

      for (let round = 0; round < 3; round++) {
        const broken = once(through);
        proxy.cut();
        await Promise.all([broken, once(other)]);
      }
      const unnoticed = once(through);
      proxy.cutUnnoticed();
      await unnoticed;

      const [row] = await database.query("SELECT last_seq FROM sessions", []);
      expect(Number(row?.last_seq)).toBe(8);
    });
  },
);

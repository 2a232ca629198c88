/** Searching by meaning through pgvector, on a real server: what only an index in the database has to do. */
import type { VectorModel } from "@troupe/contracts";
import { findPgvector, NO_PGVECTOR, openTcpProxy, type TestDatabase } from "@troupe/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMetrics, systemClock } from "../../server/src/kit/index.ts";
import { loadVectors } from "../../server/src/memory/index.ts";
import { clustered } from "../../server/src/memory/vectors/fixture-vectors.ts";
import { cosine } from "../../server/src/memory/vectors/quantise.ts";
import { createPostgresVectorIndex } from "../../server/src/store/postgres/vector-index.ts";
import { vectorSearchContract } from "./vector-contract.ts";
import {
  ask,
  MODEL,
  memoryOf,
  openIndexed,
  options,
  remember,
  SPACE,
  type VectorStage,
} from "./vector-stage.ts";

const { createIndexedSearch } = await loadVectors();
const pgvector = await findPgvector();

describe.skipIf(pgvector === undefined)(
  `a database with pgvector${pgvector === undefined ? ` (${NO_PGVECTOR})` : ""}`,
  () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = (await pgvector?.create()) as TestDatabase;
    });
    afterAll(async () => {
      await database[Symbol.asyncDispose]();
    });

    vectorSearchContract("by pgvector", async () => {
      await database.empty();
      return openIndexed(database);
    });
  },
);

describe.skipIf(pgvector === undefined)(
  `pgvector${pgvector === undefined ? ` (${NO_PGVECTOR})` : ""}`,
  () => {
    let database: TestDatabase;
    const opened: VectorStage[] = [];
    const open = async (at: Pick<TestDatabase, "url"> = database): Promise<VectorStage> => {
      const stage = await openIndexed(at);
      opened.push(stage);
      return stage;
    };
    beforeEach(async () => {
      database = (await pgvector?.create()) as TestDatabase;
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((stage) => stage.close()));
      await database[Symbol.asyncDispose]();
    });

    /** Tables of the index, with how many vectors each has. */
    async function kept(): Promise<Readonly<Record<string, number>>> {
      const tables = await database.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^vectors_near_'",
      );
      const counts: Record<string, number> = {};
      for (const { relname } of tables) {
        const [row] = await database.query(`SELECT count(*) AS n FROM ${relname}`);
        counts[String(relname).replace(/_[0-9a-f]+$/, "")] = Number(row?.n);
      }
      return counts;
    }

    const erase = ({ stores }: VectorStage, id: string) =>
      stores.unit.commit([stores.memories.erase(SPACE, id)], options);

    it("what is erased has left the index when the commit is told of, also in the eyes of another process", async () => {
      const [stage, other] = [await open(), await open()];
      for (const id of ["puppy", "kitten"]) await remember(stage, id, `We adopted a ${id}`);
      await stage.filler.flush(options);
      const before = [await kept(), await ask(other, "a puppy")];

      await erase(stage, "puppy");

      expect(before).toEqual([{ vectors_near_128: 2 }, ["puppy", "kitten"]]);
      expect([await kept(), await ask(other, "a puppy")]).toEqual([{ vectors_near_128: 1 }, ["kitten"]]);
    });

    it("what is embedded anew takes the place of what was, and names of any length are told apart", async () => {
      const stage = await open();
      const [long, other] = ["x".repeat(9_000), `${"x".repeat(9_000)}y`];
      await remember(stage, "puppy", "We adopted a puppy", { audience: [long] });
      await remember(stage, "kitten", "We adopted a kitten", { audience: [other] });
      await stage.filler.flush(options);
      const { unit, vectors } = stage.stores;

      await unit.commit([vectors.renew({ spaceId: SPACE, model: MODEL, at: Date.now() + 1_000 })], options);
      await stage.filler.step(options);
      const between = await kept();
      await stage.filler.flush(options);

      expect([between, await kept()]).toEqual([{ vectors_near_128: 0 }, { vectors_near_128: 2 }]);
      expect([await ask(stage, "a pet", [long]), await ask(stage, "a pet", [other])]).toEqual([
        ["puppy"],
        ["kitten"],
      ]);
    });

    it("two processes that take in at once, and one that broke off, leave each vector there once", async () => {
      const [one, two] = [await open(), await open()];
      const { stores } = one;
      const texts = Array.from({ length: 450 }, (_, n) => memoryOf(`m${n}`, `Note ${n} about the garden`));
      await stores.unit.commit(
        texts.map((memory) => stores.memories.put(memory)),
        options,
      );
      const embedding = await one.filler.step(options);
      while ((await one.filler.step(options)).isMore);
      const controller = new AbortController();
      const left = one.stores.vectorIndex?.take({ model: MODEL, limit: 100 }, controller);
      controller.abort(new Error("left"));

      await expect(left).rejects.toThrow("left");
      await Promise.all([one.filler.flush(options), two.filler.flush(options)]);

      expect(embedding.embedded).toBe(100);
      expect(await kept()).toEqual({ vectors_near_128: 450 });
      expect(await ask(two, "the garden", ["kate"], 450)).toHaveLength(450);
    });

    it("where the extension is dropped, search goes by words and says so once; mended, all is found again", async () => {
      const stage = await open();
      await remember(stage, "puppy", "We adopted a puppy");
      await remember(stage, "pasta", "Dinner was pasta and salad");
      await stage.filler.flush(options);
      await database.query("DROP EXTENSION vector CASCADE");

      const during = [await ask(stage, "a dog"), await ask(stage, "a dog")];
      await erase(stage, "pasta");
      const told = stage.logger.troubles();
      // Others who start make it anew.
      const later = await open();
      await later.filler.flush(options);

      expect([during, told]).toEqual([[[], []], ["vectors.index_away"]]);
      expect(await ask(later, "a dog")).toEqual(["puppy"]);
      expect(await kept()).toEqual({ vectors_near_128: 1 });
    });

    it("a server that lost the extension's files still deletes and embeds, and the index is swept when it is mended", async () => {
      const stage = await open();
      for (const id of ["puppy", "kitten"]) await remember(stage, id, `We adopted a ${id}`);
      await stage.filler.flush(options);
      // As where the package was removed: whatever the table's index is asked for fails.
      const handler = (name: string) =>
        database.query("UPDATE pg_proc SET probin = $1 WHERE probin LIKE '$libdir/vecto%'", [
          `$libdir/${name}`,
        ]);
      await handler("vectorx");
      const through = await open();

      await erase(through, "puppy");
      const embedded = await remember(through, "bird", "We adopted a bird").then(() =>
        through.filler.step(options),
      );
      const during = await ask(through, "a dog");
      await handler("vector");
      const mended = await open();
      await mended.filler.flush(options);

      expect([embedded.embedded, during, through.logger.troubles()]).toEqual([1, [], ["vectors.index_away"]]);
      expect([await kept(), (await ask(mended, "pets")).toSorted()]).toEqual([
        { vectors_near_128: 2 },
        ["bird", "kitten"],
      ]);
    });

    it("a connection that breaks is opened anew, and the search that was under way is answered", async () => {
      const { hostname, port } = new URL(database.url);
      await using proxy = await openTcpProxy({ host: hostname, port: Number(port || "5432") });
      const url = new URL(database.url);
      url.port = String(proxy.port);
      const stage = await open({ url: url.href });
      await remember(stage, "puppy", "We adopted a puppy");
      await stage.filler.flush(options);
      await ask(stage, "a dog");

      const asked = ask(stage, "a dog");
      proxy.cut();

      expect([await asked, await ask(stage, "a dog")]).toEqual([["puppy"], ["puppy"]]);
      expect(stage.logger.troubles()).not.toContain("vectors.index_away");
    });

    it("indexes of other models go when the index is pruned, and what is kept up to date by them too", async () => {
      const stage = await open();
      await remember(stage, "puppy", "We adopted a puppy");
      await stage.filler.flush(options);
      stage.model = "embedded/hash-256";
      await stage.filler.flush(options);
      const both = await kept();

      await stage.stores.vectorIndex?.prune({ keep: stage.model }, options);
      const one = await kept();
      await stage.stores.vectorIndex?.prune({ keep: undefined }, options);
      const triggers = await database.query("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal");
      await stage.filler.flush(options);

      expect([both, one, triggers]).toEqual([
        { vectors_near_128: 1, vectors_near_256: 1 },
        { vectors_near_256: 1 },
        [],
      ]);
      expect(await ask(stage, "puppies")).toEqual(["puppy"]);
    });

    it("pruning gives up behind somebody who reads the vectors for long, for all others wait behind it", async () => {
      const stage = await open();
      await remember(stage, "puppy", "We adopted a puppy");
      await stage.filler.flush(options);
      const reading = database.query("SELECT pg_sleep(7) FROM vectors LIMIT 1");
      const isReading =
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
      await expect.poll(async () => (await database.query(isReading)).length).toBe(1);

      const pruning = stage.stores.vectorIndex?.prune({ keep: undefined }, options);

      await expect(pruning).rejects.toMatchObject({ code: "store.busy" });
      await reading;
      await stage.stores.vectorIndex?.prune({ keep: undefined }, options);
      expect(await kept()).toEqual({});
    });

    it("a user who may not make the extension is told what to do, and nothing else is held up", async () => {
      const role = `${new URL(database.url).pathname.slice(1)}_owner`;
      await database.query(`CREATE ROLE ${role} LOGIN`);
      await database.query(`GRANT ALL ON SCHEMA public TO ${role}`);
      const url = new URL(database.url);
      url.username = role;
      try {
        const stage = await openIndexed({ url: url.href });
        await remember(stage, "puppy", "We adopted a puppy");
        await stage.filler.flush(options);
        const taking = stage.stores.vectorIndex?.take({ model: MODEL, limit: 1 }, options);

        await expect(taking).rejects.toThrow(/Let a superuser run CREATE EXTENSION vector there/);
        expect([await ask(stage, "a dog"), stage.logger.troubles()]).toEqual([[], ["vectors.index_away"]]);
        await stage.close();
      } finally {
        await database.query(`DROP OWNED BY ${role}`);
        await database.query(`DROP ROLE ${role}`);
      }
    });

    describe("among thousands", () => {
      const of: VectorModel = { model: "made/tiny", dimensions: 32 };
      const vectors = clustered(3_000, of.dimensions, 5);
      /** Everybody knows most of them, one person every two hundredth. */
      const audienceOf = (n: number) => (n % 200 === 0 ? ["few", "kate"] : ["kate"]);

      async function filled(): Promise<VectorStage> {
        const stage = await open();
        const { unit, memories, vectors: store } = stage.stores;
        for (let from = 0; from < vectors.length; from += 500) {
          const some = vectors
            .slice(from, from + 500)
            .map((vector, n) => ({ vector, id: `m${from + n}`, n: from + n }));
          const memory = (id: string, n: number) => memoryOf(id, "x", { audience: audienceOf(n) });
          await unit.commit(
            some.map(({ id, n }) => memories.put(memory(id, n))),
            options,
          );
          const owned = some.map(({ id, vector }) => ({
            ...{
              spaceId: SPACE,
              ownerKind: "memory" as const,
              ownerId: id,
              model: of.model,
              vector,
              createdAt: 1,
            },
          }));
          const span = { from: 0, upTo: 0 };
          await unit.commit(
            [store.fill({ spaceId: SPACE, ownerKind: "memory", model: of.model, vectors: owned, span })],
            options,
          );
        }
        while ((await stage.stores.vectorIndex?.take({ model: of.model, limit: 500 }, options))?.isMore);
        return stage;
      }

      it("the nearest ten are found, by the graph for one who knows all and exactly for one who knows few", async () => {
        const stage = await filled();
        const { vectors: store } = stage.stores;
        const common = { clock: systemClock(), metrics: createMetrics(), logger: stage.logger };
        await using stack = new AsyncDisposableStack();
        const index = createPostgresVectorIndex({
          ...{ ...common, url: database.url, where: "under test", random: Math.random, vectors: store },
          ...{ statementTimeoutMs: 15_000, connectTimeoutMs: 5_000, patienceMs: 5_000 },
          ...{ applicationName: "troupe-vectors test", mostCompared: 500 },
        });
        stack.defer(() => index.close());
        const indexed = createIndexedSearch({ ...common, index, vectors: store });
        const exact = (vector: Float32Array, isKnown: (n: number) => boolean) =>
          vectors
            .flatMap((one, n) => (isKnown(n) ? [{ id: `m${n}`, score: cosine(vector, one) }] : []))
            .sort((a, b) => b.score - a.score)
            .slice(0, 10);
        let [all, few] = [0, 0];
        const queries = vectors.filter((_, n) => n % 120 === 7);
        for (const vector of queries) {
          const search = async (reader: string) =>
            (
              await indexed.search(
                { spaceId: SPACE, agentId: "ana", readers: [reader], vector, limit: 10, model: of.model },
                options,
              )
            ).map(({ ownerId }) => ownerId);
          const wanted = exact(vector, () => true).map(({ id }) => id);
          all += (await search("kate")).filter((id) => wanted.includes(id)).length;
          expect(await search("few")).toEqual(exact(vector, (n) => n % 200 === 0).map(({ id }) => id));
          few += 1;
        }
        const plan = async (reader: string): Promise<string> => {
          const known = `'{"[\\"default\\",\\"ana\\",\\"${reader}\\"]"}'`;
          const [table] = await database.query(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^vectors_near_32'",
          );
          const rows = await database.query(
            `EXPLAIN SELECT "row" FROM ${table?.relname} WHERE known @> ${known} OR known @> '{x}' ORDER BY embedding <=> '[${vectors[0]?.join(",")}]' LIMIT 20`,
          );
          return rows.map((row) => row["QUERY PLAN"]).join(" ");
        };

        expect(all / (10 * few)).toBeGreaterThan(0.97);
        expect(await plan("kate")).toContain("_embedding");
        expect(await plan("few")).toContain("_known");
      }, 60_000);
    });
  },
);

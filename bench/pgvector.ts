// Vectors in the database: pgvector beside the index in memory, over the same store.
import type { Stores } from "@troupe/contracts";
import { createLogRecorder, findPgvector, NO_PGVECTOR, type TestDatabase } from "@troupe/testing";
import { createIdGenerator, createMetrics, systemClock } from "../server/src/kit/index.ts";
import { type IndexedSearch, loadVectors } from "../server/src/memory/index.ts";
import { openPostgresStores } from "../server/src/store/index.ts";
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median } from "./harness/statistics.ts";
import { exactNearest, madeVectors } from "./harness/vector-data.ts";

const SUBJECT = "pgvector";
const LIMIT = 10;
const QUERIES = 40;
const BATCH = 2_000;
const MODEL = "made/up";
const DIMENSIONS = 128;
const options = { signal: new AbortController().signal };

export interface PgvectorBenchOptions extends Pick<BenchOptions, "scale" | "rounds" | "progress"> {
  /** Vectors in each search. Default 10,000, and 100,000 at full scale. */
  readonly sizes?: readonly number[];
}

export async function run(bench: PgvectorBenchOptions): Promise<Figure[]> {
  const lab = await findPgvector();
  const figures = [figure(SUBJECT, "load average before", loadAverage(), "processes")];
  if (lab === undefined) {
    bench.progress(`pgvector: ${NO_PGVECTOR}`);
    return figures;
  }
  for (const size of bench.sizes ?? (bench.scale < 1 ? [10_000] : [10_000, 100_000])) {
    await using database = await lab.create();
    figures.push(...(await figuresOf(database, size, bench)));
  }
  return figures;
}

async function figuresOf(
  database: TestDatabase,
  size: number,
  { rounds, progress }: PgvectorBenchOptions,
): Promise<Figure[]> {
  const { createIndexedSearch, createVectorSearch } = await loadVectors();
  const clock = systemClock();
  const common = { clock, logger: createLogRecorder(), metrics: createMetrics() };
  const { stores, close } = await openPostgresStores({
    url: database.url,
    ids: createIdGenerator(clock),
    ...common,
  });
  try {
    progress(`pgvector: keeping ${size}`);
    const { queries, all, few } = await keep(database, size);
    progress(`pgvector: taking ${size} in`);
    const takenMs = await timed(() => takeAll(stores));
    const indexed = createIndexedSearch({ ...common, ...need(stores) });
    await using resident = createVectorSearch({ vectors: stores.vectors, logger: common.logger });
    const name = `${size / 1000}k × ${DIMENSIONS}`;
    const readMs = await timed(() => ask(resident, queries[0] as Float32Array, "all"));
    const figures = [
      figure(SUBJECT, `taking one of ${name} in, pgvector`, takenMs / size, "ms"),
      figure(SUBJECT, `taking one of ${name} in, memory`, readMs / size, "ms"),
      figure(SUBJECT, `${name} in the database`, (await sizeOf(database)) / 1e6, "MB"),
      figure(SUBJECT, `${name} in memory, each process`, resident.bytes / 1e6, "MB"),
    ];
    for (const [way, search] of [
      ["pgvector", indexed],
      ["memory", resident],
    ] as const) {
      for (const [reader, exact] of [
        ["all", all],
        ["few", few],
      ] as const) {
        progress(`pgvector: asking ${way} of ${size} as ${reader}`);
        const found: { readonly key: number }[][] = [];
        const wall: number[] = [];
        for (let round = 0; round <= rounds; round++) {
          for (const [at, query] of queries.entries()) {
            const begunMs = performance.now();
            found[at] = await ask(search, query, reader);
            if (round > 0) wall.push(performance.now() - begunMs);
          }
        }
        const of = `${name}, ${way}, who knows ${reader === "all" ? "all" : "one in a hundred"}`;
        figures.push(
          figure(SUBJECT, `top ${LIMIT} of ${of}, p50`, median(wall), "ms"),
          figure(SUBJECT, `recall of ${of}`, exact.shareOf(found), "share", { atLeast: 0.95 }),
        );
      }
    }
    return figures;
  } finally {
    await close();
  }
}

interface Search {
  readonly search: IndexedSearch["search"];
}

async function ask(
  { search }: Search,
  vector: Float32Array,
  reader: string,
): Promise<{ readonly key: number }[]> {
  const asked = { spaceId: "default", agentId: "ana", readers: [reader], model: MODEL, vector, limit: LIMIT };
  return (await search(asked, options)).map(({ ownerId }) => ({ key: Number(ownerId) }));
}

/** Straight into the tables: how they are kept is not what is measured. */
async function keep(database: TestDatabase, size: number) {
  const { queries, each } = madeVectors(size, DIMENSIONS, QUERIES, 7);
  const [all, few] = [exactNearest(queries, LIMIT), exactNearest(queries, LIMIT)];
  await database.query(
    `INSERT INTO memories (id, space_id, agent_id, audience, text, turn_id, created_at)
    SELECT n, 'default', 'ana', CASE n % 100 WHEN 0 THEN '["all","few"]' ELSE '["all"]' END, 'x', 't', 1 FROM generate_series(0, $1 - 1) n`,
    [size],
  );
  const rows: { readonly id: number; readonly numbers: string }[] = [];
  each((key, vector) => {
    all.offer(key, vector);
    if (key % 100 === 0) few.offer(key, vector);
    rows.push({ id: key, numbers: Buffer.from(vector.buffer).toString("base64") });
  });
  for (let from = 0; from < size; from += BATCH) {
    await database.query(
      `INSERT INTO vectors ("row", space_id, owner_kind, owner_id, model, session_id, seq, dimensions, numbers, created_at)
      SELECT CAST(v ->> 'id' AS bigint) + 1, 'default', 'memory', v ->> 'id', $2, '', 0, $3, v ->> 'numbers', 1
      FROM jsonb_array_elements(CAST($1 AS jsonb)) v`,
      [JSON.stringify(rows.slice(from, from + BATCH)), MODEL, DIMENSIONS],
    );
  }
  await database.query("ANALYZE");
  return { queries, all, few };
}

function need({ vectors, vectorIndex: index }: Stores) {
  if (index === undefined) throw new Error("This store has no index of vectors.");
  return { vectors, index };
}

async function takeAll(stores: Stores): Promise<void> {
  const { index } = need(stores);
  while ((await index.take({ model: MODEL, limit: 200 }, options)).isMore);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now();
  await work();
  return performance.now() - begunMs;
}

async function sizeOf(database: TestDatabase): Promise<number> {
  const [row] = await database.query(
    "SELECT sum(pg_total_relation_size(oid)) AS size FROM pg_class WHERE relkind = 'r' AND relname ~ '^vectors_near_'",
  );
  return Number(row?.size);
}

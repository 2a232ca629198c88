import type { DatabaseSync } from "node:sqlite";
import type { Clock, IdGenerator, Logger, Stores, Write } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { assembleStores, healthOf, type OpenStores } from "../assemble.ts";
import { sqliteDialect } from "../dialect.ts";
import { createReadBound, createReads, type Reader } from "../reads.ts";
import { createStatements } from "../statement.ts";
import { TABLE_NAMES } from "../tables.ts";
import { type BatchTransport, createWriter, type Writer } from "../writer.ts";
import { createBesideReader } from "./beside.ts";
import { guarded, MEMORY_PATH, openDatabase } from "./database.ts";
import { createEngine, type Engine } from "./engine.ts";
import { migrate } from "./migrate.ts";
import { createThreadReader } from "./reader.ts";
import { scrubDatabase } from "./scrub.ts";
import { SEARCH, searchProcedures } from "./search-index.ts";
import { createSqliteWordIndex } from "./word-index.ts";
import { createThreadTransport } from "./writer-thread.ts";

export interface SqliteOptions {
  /** File of the database; its folder exists. Absent with `memory`. */
  readonly path?: string;
  /** Keeps everything in memory; inline mode only. */
  readonly memory?: boolean;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The database's clock, UTC milliseconds, which leases and due times go by. Default: the machine's. Inline mode only. */
  readonly leaseClock?: () => number;
  /** Transactions that may wait before commits are refused with `store.busy`. Default 8192. */
  readonly queueLimit?: number;
  readonly busyTimeoutMs?: number;
  /** Largest size of the file in pages; for tests of a full disk. */
  readonly maxPages?: number;
}

export interface InlineStores extends OpenStores {
  /** Commits at once on this thread and gives the results of `writes` through `read`. Throws what `commit` rejects with. */
  applySync(writes: readonly Write<unknown>[]): { read<Result>(write: Write<Result>): Result };
  /** Empties every table. */
  reset(): void;
}

const QUEUE_LIMIT = 8192;

/** The store on SQLite: `threads` for a running Troupe, `inline` for tests and tools. Throws the store's error codes. */
export async function openSqliteStores(
  options: SqliteOptions & { readonly mode: "threads" | "inline" },
): Promise<OpenStores> {
  return options.mode === "inline" ? openInlineStores(options) : openThreadedStores(options);
}

/** Everything on this thread and one connection; nothing happens but by calls and `clock`. For tests and the simulator. */
export function openInlineStores(options: SqliteOptions): InlineStores {
  const path = options.memory === true ? MEMORY_PATH : pathOf(options);
  const database = openDatabase({ ...options, path, access: "write", now: options.leaseClock ?? Date.now });
  migrate(database, path);
  let engine: Engine | undefined;
  const engineNow = (): Engine => {
    engine ??= createEngine({
      database,
      path,
      statements: statements.texts,
      procedures: searchProcedures(database),
    });
    return engine;
  };
  const transport: BatchTransport = {
    send: (batch, answered) => answered(engineNow().apply(batch)),
    afterTick: (post) => queueMicrotask(post),
  };
  const { stores, statements, writer } = assemble(options, path, transport, engineNow, undefined);
  return {
    stores,
    health: () => healthOf(writer),
    applySync: (writes) => writer.applySync(writes),
    reset: () => reset(database),
    async close() {
      await writer.close();
      if (database.isOpen) database.close();
    },
  };
}

async function openThreadedStores(options: SqliteOptions): Promise<OpenStores> {
  const path = pathOf(options);
  // Opening for writing here migrates and finds a damaged or foreign file before any thread starts.
  using first = openDatabase({ ...options, path, access: "write", now: Date.now });
  migrate(first, path);
  const reading = openDatabase({ ...options, path, access: "read", now: Date.now });
  let engine: Engine | undefined;
  const near = (): Engine => {
    engine ??= createEngine({
      database: reading,
      path,
      statements: statements.texts,
      procedures: searchProcedures(reading),
    });
    return engine;
  };
  const here = nearReader(path, near);
  const far = createThreadReader({ path, near: here, clock: options.clock, texts: () => statements.texts });
  const thread = createThreadTransport({ ...options, path, texts: () => statements.texts });
  const mayStay = (index: number): boolean => statements.texts[index]?.sql === SEARCH;
  const beside = createBesideReader({ outgoing: thread, near: here, far, clock: options.clock, mayStay });
  const { stores, statements, writer } = assemble(options, path, thread, near, beside);
  await thread.ready();
  return {
    stores,
    health: () => healthOf(writer),
    async close() {
      await writer.close();
      // The writer closes last: the last connection writes the log back and removes it.
      await far.close();
      if (reading.isOpen) reading.close();
      await thread.close();
    },
  };
}

/** Answers on this thread. */
function nearReader(path: string, engine: () => Engine): Reader {
  return {
    async query(index, values, { signal }) {
      signal.throwIfAborted();
      return guarded(path, () => engine().query(index, values));
    },
  };
}

function assemble(
  options: SqliteOptions,
  path: string,
  transport: BatchTransport,
  near: () => Engine,
  far: Reader | undefined,
): {
  readonly stores: Stores;
  readonly statements: ReturnType<typeof createStatements>;
  readonly writer: Writer;
} {
  const statements = createStatements(sqliteDialect);
  const { clock, logger, metrics, queueLimit = QUEUE_LIMIT } = options;
  const writer = createWriter({ transport, clock, logger, metrics, queueLimit });
  const here = nearReader(path, near);
  // What is answered on this thread waits for nobody.
  const reads = createReads({ near: here, far: far === undefined ? here : createReadBound(metrics)(far) });
  const stores = assembleStores({
    ...{ dialect: sqliteDialect, statements, reads, unit: writer, logger },
    wordIndex: createSqliteWordIndex,
    scrub: (call) => scrubDatabase(path, call),
  });
  return { stores, statements, writer };
}

function pathOf({ path }: SqliteOptions): string {
  if (path === undefined) throw new TypeError("A store needs a path, or memory in inline mode.");
  return path;
}

function reset(database: DatabaseSync): void {
  const deletes = TABLE_NAMES.map((table) => `DELETE FROM ${table};`).join("");
  const terms = ["message_terms", "memory_terms"]
    .map((table) => `INSERT INTO ${table} (${table}) VALUES ('delete-all');`)
    .join("");
  database.exec(`BEGIN; ${deletes} DELETE FROM search_cursor; DELETE FROM search_scopes; ${terms} COMMIT`);
}

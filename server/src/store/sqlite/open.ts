import type { DatabaseSync } from "node:sqlite";
import type { Clock, IdGenerator, Logger, Stores, TroupeError, Write } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { MEMORY_PATH, openDatabase } from "./database.ts";
import { createEngine, type Engine } from "./engine.ts";
import { migrate } from "./migrate.ts";
import { createAgentStore } from "./ports/agents.ts";
import { createEffectStore } from "./ports/effects.ts";
import { createInboxStore } from "./ports/inbox.ts";
import { createKeyStore } from "./ports/keys.ts";
import type { PortDeps } from "./ports/kit.ts";
import { createLeases } from "./ports/leases.ts";
import { createLedger } from "./ports/ledger.ts";
import { createMemoryStore } from "./ports/memories.ts";
import { createOutboxStore } from "./ports/outbox.ts";
import { createSearchStore } from "./ports/search.ts";
import { createSessionStore } from "./ports/sessions.ts";
import { createStorylineStore } from "./ports/storylines.ts";
import { createTurnStore } from "./ports/turns.ts";
import { createThreadReader } from "./reader.ts";
import { createReads, type FarReader } from "./reads.ts";
import { searchProcedures } from "./search-index.ts";
import { createStatements } from "./statement.ts";
import { TABLE_NAMES } from "./tables.ts";
import { type BatchTransport, createWriter, type Writer } from "./writer.ts";
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
  /** Largest size of the file in pages of 4 KiB; for tests of a full disk. */
  readonly maxPages?: number;
}

export interface StoreHealth {
  readonly ok: boolean;
  /** What failed last, until something is kept again. */
  readonly error: TroupeError | undefined;
  readonly queued: number;
}

export interface SqliteStores {
  readonly stores: Stores;
  health(): StoreHealth;
  /** Waits for what was handed over, then closes. Later commits are refused with `store.closed`. Repeating is harmless. */
  close(): Promise<void>;
}

export interface InlineStores extends SqliteStores {
  /** Commits at once on this thread and gives the results of `writes` through `read`. Throws what `commit` rejects with. */
  applySync(writes: readonly Write<unknown>[]): { read<Result>(write: Write<Result>): Result };
  /** Empties every table. */
  reset(): void;
}

const QUEUE_LIMIT = 8192;

/** The store on SQLite: `threads` for a running Troupe, `inline` for tests and tools. Throws the store's error codes. */
export async function openSqliteStores(
  options: SqliteOptions & { readonly mode: "threads" | "inline" },
): Promise<SqliteStores> {
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

async function openThreadedStores(options: SqliteOptions): Promise<SqliteStores> {
  const path = pathOf(options);
  // Opening for writing here migrates and finds a damaged or foreign file before any thread starts.
  using first = openDatabase({ ...options, path, access: "write", now: Date.now });
  migrate(first, path);
  const reading = openDatabase({ ...options, path, access: "read", now: Date.now });
  let engine: Engine | undefined;
  const near = (): Engine => {
    engine ??= createEngine({ database: reading, path, statements: statements.texts, procedures: {} });
    return engine;
  };
  const far = createThreadReader({ path, texts: () => statements.texts });
  const thread = createThreadTransport({ ...options, path, texts: () => statements.texts });
  const { stores, statements, writer } = assemble(options, path, thread, near, far);
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

function assemble(
  options: SqliteOptions,
  path: string,
  transport: BatchTransport,
  near: () => Engine,
  far: FarReader | undefined,
): {
  readonly stores: Stores;
  readonly statements: ReturnType<typeof createStatements>;
  readonly writer: Writer;
} {
  const statements = createStatements();
  const { clock, logger, metrics, queueLimit = QUEUE_LIMIT } = options;
  const writer = createWriter({ transport, clock, logger, metrics, queueLimit });
  const deps: PortDeps = { statements, logger, reads: createReads({ path, near, far }) };
  const stores: Stores = {
    unit: writer,
    sessions: createSessionStore(deps),
    storylines: createStorylineStore(deps),
    turns: createTurnStore(deps),
    inbox: createInboxStore(deps),
    outbox: createOutboxStore(deps),
    effects: createEffectStore(deps),
    leases: createLeases(deps),
    ledger: createLedger(deps),
    keys: createKeyStore(deps),
    agents: createAgentStore(deps),
    memories: createMemoryStore(deps),
    search: createSearchStore(deps, writer),
  };
  return { stores, statements, writer };
}

function pathOf({ path }: SqliteOptions): string {
  if (path === undefined) throw new TypeError("A store needs a path, or memory in inline mode.");
  return path;
}

function healthOf(writer: Writer): StoreHealth {
  const error = writer.lastFailure();
  return { ok: error === undefined, error, queued: writer.queued() };
}

function reset(database: DatabaseSync): void {
  const deletes = TABLE_NAMES.map((table) => `DELETE FROM ${table};`).join("");
  const terms = ["message_terms", "memory_terms"]
    .map((table) => `INSERT INTO ${table} (${table}) VALUES ('delete-all');`)
    .join("");
  database.exec(`BEGIN; ${deletes} DELETE FROM search_cursor; ${terms} COMMIT`);
}

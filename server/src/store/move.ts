import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { TroupeError } from "@troupe/contracts";
import type { Client } from "pg";
import { troupeErrorOf } from "./failure.ts";
import { migrations } from "./migrations/index.ts";
import { connect, encodeValue, placeOf } from "./postgres/connection.ts";
import { failureOf } from "./postgres/errors.ts";
import { migrate, migrationState } from "./postgres/migrate.ts";
import { openDatabase } from "./sqlite/database.ts";
import { schemaVersionOf } from "./sqlite/migrate.ts";
import type { Value } from "./statement.ts";
import { scopesOf, termsOf } from "./words.ts";

/** How one table was moved. */
export interface MovedTable {
  readonly name: string;
  readonly rows: number;
  /** Of all rows, whatever their order; the same on both sides. */
  readonly checksum: string;
}

export interface MoveOptions {
  /** File of the SQLite database, which nobody has open for writing. */
  readonly path: string;
  /** An empty database. */
  readonly url: string;
  /** Looks at everything, counts, and changes nothing. */
  readonly isDry: boolean;
  readonly onTable: (table: MovedTable) => void;
}

/** Made anew: the search index is a consequence of the rows, built when Troupe starts. */
const NOT_MOVED = /^(sqlite_|message_terms|memory_terms|search_scopes$|search_cursor$)/;
const ROWS_A_BATCH = 500;
const TIMEOUT_MS = 10 * 60_000;

/**
 * Moves all rows of a SQLite database into an empty PostgreSQL one: in one transaction, so that a failure leaves nothing
 * behind, and compared by count and checksum before it is kept. The source is only read. Throws the store's error codes.
 */
export async function moveToPostgres(options: MoveOptions): Promise<readonly MovedTable[]> {
  const where = placeOf(options.url);
  const source = openSource(options.path);
  const client = await connectTo(options.url, where);
  try {
    await refuseUsed(client, where);
    const tables = tablesOf(source);
    source.exec("BEGIN");
    if (options.isDry) return tables.map((name) => told(options, countOf(source, name)));
    await migrate(client, where);
    await client.query("BEGIN");
    const moved: MovedTable[] = [];
    for (const name of tables) moved.push(told(options, await moveTable(source, client, name)));
    await indexMemories(source, client);
    await client.query("COMMIT");
    return moved;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw TroupeError.is(error) ? error : troupeErrorOf(failureOf(error, where), error);
  } finally {
    await client.end();
    source.close();
  }
}

function told({ onTable }: MoveOptions, table: MovedTable): MovedTable {
  onTable(table);
  return table;
}

function openSource(path: string): DatabaseSync {
  const source = openDatabase({ path, access: "read", now: Date.now });
  const version = schemaVersionOf(source, path);
  if (version === migrations.length) return source;
  source.close();
  throw new TroupeError(
    `The database ${path} is of an older version (${version} of ${migrations.length} steps). Bring it up to date first: ./troupe migrate.`,
    { code: "store.version" },
  );
}

async function connectTo(url: string, where: string): Promise<Client> {
  try {
    return await connect({
      ...{ url, applicationName: "troupe migrate", pipeline: false, onEnd: () => undefined },
      ...{ connectTimeoutMs: 10_000, statementTimeoutMs: TIMEOUT_MS },
    });
  } catch (error) {
    throw troupeErrorOf(failureOf(error, where), error);
  }
}

/** A database that a move has emptied by failing holds tables and no rows, and is as good as new. */
async function refuseUsed(client: Client, where: string): Promise<void> {
  const { applied } = await migrationState(client, where);
  if (applied.length === 0) return;
  const { rows } = await client.query<{ used: number }>(
    "SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM keys) AS used",
  );
  if (rows[0]?.used !== 1) return;
  throw new TroupeError(
    `The database ${where} holds a Troupe already; nothing was moved. Give an empty one: createdb NAME.`,
    { code: "store.conflict" },
  );
}

function tablesOf(source: DatabaseSync): readonly string[] {
  const rows = source.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return rows.map(({ name }) => String(name)).filter((name) => !NOT_MOVED.test(name));
}

function columnsOf(source: DatabaseSync, table: string): readonly string[] {
  return source
    .prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid")
    .all(table)
    .map(({ name }) => String(name));
}

function* rowsOf(
  source: DatabaseSync,
  table: string,
  columns: readonly string[],
): Generator<readonly Value[]> {
  const select = source.prepare(`SELECT ${quoted(columns)} FROM ${table}`);
  select.setReturnArrays(true);
  for (const row of select.iterate()) yield (row as unknown as readonly Value[]).map(asKept);
}

/** As the other side gives it back: its texts hold no NUL. */
function asKept(value: Value): Value {
  return typeof value === "string" ? encodeValue(value) : value;
}

function countOf(source: DatabaseSync, name: string): MovedTable {
  const sum = createChecksum();
  for (const row of rowsOf(source, name, columnsOf(source, name))) sum.add(row);
  return { name, ...sum.result() };
}

async function moveTable(source: DatabaseSync, client: Client, name: string): Promise<MovedTable> {
  const columns = columnsOf(source, name);
  const insert = `INSERT INTO ${name} (${quoted(columns)}) SELECT ${quoted(columns)} FROM json_populate_recordset(NULL::${name}, $1)`;
  const sum = createChecksum();
  let batch: Record<string, Value>[] = [];
  const send = async (): Promise<void> => {
    if (batch.length > 0) await client.query(insert, [JSON.stringify(batch)]);
    batch = [];
  };
  for (const row of rowsOf(source, name, columns)) {
    sum.add(row);
    batch.push(Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])));
    if (batch.length >= ROWS_A_BATCH) await send();
  }
  await send();
  if (columns.includes("row")) {
    const next = `SELECT setval(pg_get_serial_sequence('${name}', 'row'), greatest(1, (SELECT max("row") FROM ${name})))`;
    await client.query(next);
  }
  const moved = { name, ...sum.result() };
  await compare(client, moved, columns);
  return moved;
}

/** Reads back what was written, as it will be read later. */
async function compare(client: Client, moved: MovedTable, columns: readonly string[]): Promise<void> {
  const sum = createChecksum();
  await client.query(`DECLARE moved NO SCROLL CURSOR FOR SELECT ${quoted(columns)} FROM ${moved.name}`);
  for (;;) {
    const { rows } = await client.query<Value[]>({
      text: `FETCH ${ROWS_A_BATCH} FROM moved`,
      rowMode: "array",
    });
    if (rows.length === 0) break;
    for (const row of rows) sum.add(row);
  }
  await client.query("CLOSE moved");
  const { rows, checksum } = sum.result();
  if (rows === moved.rows && checksum === moved.checksum) return;
  throw new TroupeError(
    `The table ${moved.name} did not arrive as it was sent: ${moved.rows} rows (${moved.checksum}) became ${rows} (${checksum}). Nothing was kept there; the source is as it was.`,
    { code: "store.failed" },
  );
}

/** What `MemoryStore.put` indexes with each memory; messages are indexed by whoever starts next. */
async function indexMemories(source: DatabaseSync, client: Client): Promise<void> {
  const memories = source
    .prepare('SELECT "row", space_id, agent_id, audience, text FROM memories WHERE closed_at IS NULL')
    .iterate();
  for (const memory of memories as Iterable<Record<string, Value>>) {
    const record = {
      spaceId: String(memory.space_id),
      agentId: String(memory.agent_id),
      audience: JSON.parse(String(memory.audience)) as string[],
    };
    await client.query(
      `INSERT INTO memory_terms (term, "row") SELECT term, $2 FROM unnest(string_to_array($1, ' ')) AS word(term) ON CONFLICT DO NOTHING`,
      [termsOf({ ...record, text: String(memory.text) }), memory.row],
    );
    await client.query(
      `INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row) SELECT scope, '', 0, 0 FROM unnest($1::text[]) AS scope ON CONFLICT DO NOTHING`,
      [scopesOf(record)],
    );
  }
}

function quoted(columns: readonly string[]): string {
  return columns.map((column) => `"${column}"`).join(", ");
}

interface Checksum {
  add(row: readonly Value[]): void;
  result(): { readonly rows: number; readonly checksum: string };
}

/** The sum of the rows' hashes, so that no order is needed. */
function createChecksum(): Checksum {
  let rows = 0;
  let sum = 0n;
  return {
    add(row) {
      rows += 1;
      sum += createHash("sha256").update(JSON.stringify(row)).digest().readBigUInt64BE();
    },
    result: () => ({ rows, checksum: BigInt.asUintN(64, sum).toString(16).padStart(16, "0") }),
  };
}

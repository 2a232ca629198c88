import type { Client } from "pg";
import { LOCK_CLASS } from "./migrate.ts";

/** Who may work with the database beside this process: nobody, or other processes that share it as this one does. */
export type Sharing = "alone" | "shared";

/** This process as a writer of the database. */
export interface WriterRow {
  /** Rises with each connection; a connection of an older one is refused by the first statement that it sends. */
  readonly generation: number;
  /** The last transaction that was kept. */
  readonly mark: number;
}

/** A session of ours that the server still believes in has so many times 50 ms to end what it does, then it is ended. */
const ENDING_TRIES = 40;
const MOST_TRIES = 120;

export function applicationName(writerId: string): string {
  return `troupe ${writerId}`;
}

/**
 * Takes the database for this connection, until it ends: for itself, or beside others that share it. Resolves with
 * undefined when it has it, else with whose it is. What this writer left behind on a connection that broke may still be
 * committing; it is waited for, then ended.
 */
export async function tryTakeDatabase(
  client: Client,
  writerId: string,
  sharing: Sharing,
): Promise<string | undefined> {
  const name = applicationName(writerId);
  // A shared lock does not tell of a session of ours that the server still believes in.
  if (sharing === "shared") await outliveOwnSessions(client, name);
  for (let tries = 1; ; tries++) {
    const { isTaken, holder } = await tryLock(client, sharing);
    if (isTaken) return undefined;
    // Nobody: whoever had it let go between the two questions.
    if (tries === MOST_TRIES) return holder ?? "another process";
    if (holder !== undefined && !holder.startsWith(name)) return holder;
    if (tries === ENDING_TRIES) await endOwnSessions(client, name);
    await client.query("SELECT pg_sleep(0.05)");
  }
}

async function endOwnSessions(client: Client, name: string): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = $1 AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()`,
    [name],
  );
}

async function outliveOwnSessions(client: Client, name: string): Promise<void> {
  for (let tries = 1; tries <= ENDING_TRIES; tries++) {
    const busy = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()
         AND pid <> pg_backend_pid() AND state <> 'idle'`,
      [name],
    );
    if (busy.rows.length === 0) return;
    await client.query("SELECT pg_sleep(0.05)");
  }
  await endOwnSessions(client, name);
}

async function tryLock(
  client: Client,
  sharing: Sharing,
): Promise<{ readonly isTaken: boolean; readonly holder: string | undefined }> {
  const taken = await client.query<{ taken: number }>(
    `SELECT pg_try_advisory_lock${sharing === "shared" ? "_shared" : ""}($1, hashtext(current_schema())) AS taken`,
    [LOCK_CLASS],
  );
  if (taken.rows[0]?.taken === 1) return { isTaken: true, holder: undefined };
  const found = await client.query<{ holder: string }>(
    `SELECT a.application_name || ', from ' || coalesce(host(a.client_addr), 'this machine') || ', since '
       || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' AS holder
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid::int8 = (hashtext(current_schema())::int8 & 4294967295)
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [LOCK_CLASS],
  );
  return { isTaken: false, holder: found.rows[0]?.holder };
}

/** Rows of processes that were killed are of no use; one of a living process is needed only while it is away. */
const FORGOTTEN_AFTER_MS = 7 * 24 * 3_600_000;

/**
 * Makes this a writer. Alone, the only one: whatever others had begun ends before, and what they send later is refused.
 */
export async function becomeWriter(client: Client, writerId: string, sharing: Sharing): Promise<WriterRow> {
  if (sharing === "alone") await client.query("DELETE FROM troupe_writers WHERE id <> $1", [writerId]);
  else
    await client.query(
      `DELETE FROM troupe_writers w WHERE id <> $1 AND since < now_ms() - ${FORGOTTEN_AFTER_MS}
         AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'troupe ' || w.id)`,
      [writerId],
    );
  await client.query(
    "INSERT INTO troupe_writers (id, generation, mark, since) VALUES ($1, 1, 0, now_ms()) ON CONFLICT (id) DO NOTHING",
    [writerId],
  );
  return { generation: 1, mark: 0 };
}

/**
 * Goes on as the same writer on a new connection; undefined when another has taken the database meanwhile. Waits for a
 * transaction of the old connection that the server still works on, so the mark says for certain what was kept. What
 * `undelivered` claimed for this process, which will never hear of it, is given back in the same transaction.
 */
export async function resumeWriter(
  client: Client,
  writerId: string,
  undelivered: number | undefined,
): Promise<WriterRow | undefined> {
  await client.query("BEGIN");
  try {
    const found = await client.query<{ generation: number; mark: number; xid: string }>(
      "SELECT generation, mark, xmin::text AS xid FROM troupe_writers WHERE id = $1 FOR UPDATE",
      [writerId],
    );
    const row = found.rows[0];
    if (row !== undefined) {
      if (row.mark === undelivered) await giveBack(client, row.xid);
      await client.query("UPDATE troupe_writers SET generation = generation + 1 WHERE id = $1", [writerId]);
    }
    await client.query("COMMIT");
    return row === undefined ? undefined : { generation: row.generation + 1, mark: row.mark };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Rows whose newest version is of the transaction `xid`, and that it claimed: their owner does not know of them. */
async function giveBack(client: Client, xid: string): Promise<void> {
  await client.query("UPDATE turns SET owner = '' WHERE state = 'running' AND xmin::text = $1", [xid]);
  await client.query("UPDATE outbox SET lease_until = 0 WHERE state = 'sending' AND xmin::text = $1", [xid]);
  await client.query("UPDATE effects SET lease_until = 0 WHERE state = 'running' AND xmin::text = $1", [xid]);
}

import type { NewOutbox, OutboxRecord, OutboxState, OutboxStore } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { type Row, type Statement, write, writeRows } from "../statement.ts";
import type { OutboxTable, TupleOf } from "../tables.ts";
import { NOT_HELD } from "./holds.ts";
import { dueByStore, mayTakeOver, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { troubleOf, troublesOf, troubleText } from "./troubles.ts";
import { waitingReader } from "./waiting.ts";

const COLUMNS = [
  "row",
  "id",
  "space_id",
  "turn_id",
  "session_id",
  "channel",
  "target",
  "text",
  "state",
  "begun",
  "attempt",
  "epoch",
  "owner",
  "due_at",
  "platform_id",
  "error",
  "created_at",
  "ended_at",
  "errors",
] as const satisfies readonly (keyof OutboxTable)[];

interface SettleInput {
  readonly id: string;
  readonly epoch: number;
  readonly state: OutboxState;
  readonly dueAt: number | undefined;
  readonly platformId: string | undefined;
  readonly error: string | undefined;
  readonly trouble: string | undefined;
  readonly endedAt: number | undefined;
}

interface ListInput {
  readonly spaceId: string;
  readonly states: string;
  readonly before: number | undefined;
  readonly limit: number;
}

export function createOutboxStore(deps: PortDeps): OutboxStore {
  const { reads } = deps;
  const writes = outboxWrites(deps);
  const selects = outboxSelects(deps);

  return {
    waiting: waitingReader(deps),
    put: ({ address, ...row }) => write(writes.put, { ...row, ...address }),
    claim: (query) =>
      writeRows(writes.claim, query, (rows) =>
        rows.toSorted((a, b) => Number(a[0]) - Number(b[0])).map(recordOf),
      ),
    begin: (row) => write(writes.begin, row),
    settle: ({ id, epoch }, outcome, at) =>
      write(writes.settle, {
        id,
        epoch,
        state: outcome.kind === "retry" ? "pending" : outcome.kind,
        dueAt: outcome.kind === "retry" ? outcome.dueAt : undefined,
        platformId: outcome.kind === "delivered" ? outcome.platformId : undefined,
        error: outcome.kind === "delivered" ? undefined : outcome.error,
        trouble: outcome.kind === "delivered" ? undefined : troubleText(outcome.error, at),
        endedAt: outcome.kind === "retry" ? undefined : at,
      }),
    discard: (query) => writeRows(writes.discard, query, (rows) => ({ count: rows.length })),
    async ofTurn(turnId, options) {
      return (await reads.rows(selects.ofTurn, { turnId }, options)).map(recordOf);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const input = {
        spaceId: query.spaceId,
        states: JSON.stringify(query.states),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(selects[listOf(query.states)], input, options);
      return pageOf(rows, limit, recordOf, (row) => String(row[0]));
    },
    async nextDue(options) {
      const rows = await reads.rows(selects.nextDue, {}, options);
      return rows.map(([channel, dueAt]) => ({ channel: String(channel), dueAt: Number(dueAt) }));
    },
  };
}

interface OutboxWrites {
  readonly put: Statement<Omit<NewOutbox, "address"> & { readonly channel: string; readonly target: string }>;
  readonly claim: Statement<Parameters<OutboxStore["claim"]>[0]>;
  readonly begin: Statement<{ readonly id: string; readonly epoch: number }>;
  readonly settle: Statement<SettleInput>;
  readonly discard: Statement<Parameters<OutboxStore["discard"]>[0]>;
}

/** A row that no older open one of its target stands before. */
const IS_FIRST = sql`NOT EXISTS (
            SELECT 1 FROM outbox o WHERE o.channel = t.channel AND o.target = t.target AND o.space_id = t.space_id
              AND o.state IN ('pending', 'sending') AND o."row" < t."row")`;

/** A claim ends with its own lease, or earlier with that of its process, where one is known. */
const HAS_ENDED = sql`(t.lease_until <= (SELECT now_ms()) OR t.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms())))`;

function outboxWrites({ statements, dialect }: PortDeps): OutboxWrites {
  return {
    put: statements.add(
      "outbox.put",
      {},
      (_db, p) => sql`
      INSERT INTO outbox (id, space_id, turn_id, session_id, channel, target, text, state, begun, attempt, epoch, lease_until, due_at, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.turnId}, ${p.sessionId}, ${p.channel}, ${p.target}, ${p.text}, 'pending', 0, 0, 0, 0, ${dueByStore(dialect, { dueAt: p.createdAt, at: p.createdAt })}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    claim: statements.add(
      "outbox.claim",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE outbox SET state = 'sending', attempt = attempt + 1, epoch = epoch + 1, owner = ${p.owner}, lease_until = (SELECT now_ms()) + ${p.leaseMs}
      WHERE ${dialect.among(
        sql.ref("row"),
        sql`SELECT "row" FROM (
        SELECT * FROM (SELECT t."row" FROM outbox t WHERE t.state = 'pending' AND t.channel = ${p.channel}
            AND t.due_at <= (SELECT now_ms()) AND ${NOT_HELD} AND ${IS_FIRST} ORDER BY t.due_at, t."row" LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS due
        UNION ALL
        SELECT * FROM (SELECT t."row" FROM outbox t ${dialect.indexedBy("outbox_sending")} WHERE t.state = 'sending'
            AND t.channel = ${p.channel} AND ${NOT_HELD} AND ${HAS_ENDED} AND ${mayTakeOver(p.owner)} ORDER BY t."row" LIMIT ${p.limit} ${dialect.skipLocked("t")}) AS orphaned
        ORDER BY "row" LIMIT ${p.limit}) AS claimable`,
      )}
      RETURNING ${sql.join(COLUMNS.map((column) => sql.ref(column)))}`,
    ),
    begin: statements.add(
      "outbox.begin",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE outbox SET begun = 1 WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'sending'`,
    ),
    settle: statements.add(
      "outbox.settle",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE outbox SET state = ${p.state}, begun = CASE ${p.state} WHEN 'pending' THEN 0 ELSE begun END, due_at = coalesce(${p.dueAt}, due_at), platform_id = ${p.platformId}, error = ${p.error},
        errors = ${troubleOf(p.trouble)}, ended_at = ${p.endedAt}, owner = NULL, lease_until = 0
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'sending'`,
    ),
    // A blind send that had begun may have arrived, and stays what it is.
    discard: statements.add(
      "outbox.discard",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE outbox SET state = CASE begun WHEN 1 THEN 'unknown' ELSE 'dead' END, error = ${p.reason}, ended_at = ${p.at}, owner = NULL, lease_until = 0
      WHERE space_id = ${p.spaceId} AND state IN ('pending', 'sending') AND created_at < ${p.before}
        AND space_id IN (SELECT space_id FROM holds)
      RETURNING id`,
    ),
  };
}

interface OutboxSelects {
  readonly ofTurn: Statement<{ readonly turnId: string }>;
  readonly list: Statement<ListInput>;
  readonly listOpen: Statement<ListInput>;
  readonly listLost: Statement<ListInput>;
  readonly nextDue: Statement<object>;
}

function outboxSelects({ statements, dialect }: PortDeps): OutboxSelects {
  const list = (name: string, index: RawBuilder<unknown>, condition: string): Statement<ListInput> =>
    statements.add(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(column)))} FROM outbox ${index}
      WHERE space_id = ${p.spaceId} ${sql.raw(condition)} AND state IN (SELECT state.value FROM ${dialect.texts(p.states, "state")})
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    );
  return {
    ofTurn: statements.add("outbox.of-turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("outbox").select(COLUMNS).where("turn_id", "=", p.turnId).orderBy("row"),
    ),
    list: list("outbox.list", sql``, ""),
    listOpen: list(
      "outbox.list-open",
      dialect.indexedBy("outbox_open"),
      "AND state IN ('pending', 'sending')",
    ),
    listLost: list("outbox.list-lost", dialect.indexedBy("outbox_lost"), "AND state IN ('unknown', 'dead')"),
    // Channel by channel, each by one look into the index. Rows behind an older open one of their target cannot go yet.
    nextDue: statements.add(
      "outbox.next-due",
      { returns: "rows" },
      () => sql`
      WITH RECURSIVE waiting(channel) AS (
        SELECT min(channel) FROM outbox WHERE state = 'pending'
        UNION ALL
        SELECT (SELECT min(channel) FROM outbox WHERE state = 'pending' AND channel > waiting.channel)
          FROM waiting WHERE waiting.channel IS NOT NULL)
      SELECT channel, min(due_at) FROM (
        SELECT channel, (SELECT t.due_at FROM outbox t WHERE t.state = 'pending' AND t.channel = waiting.channel AND ${NOT_HELD} AND ${IS_FIRST}
          ORDER BY t.due_at LIMIT 1) AS due_at FROM waiting
        UNION ALL
        SELECT t.channel, CASE WHEN ${HAS_ENDED} THEN 0 ELSE t.lease_until END FROM outbox t WHERE t.state = 'sending' AND ${NOT_HELD}) AS next
      GROUP BY channel HAVING min(due_at) IS NOT NULL`,
    ),
  };
}

/** Open and lost rows have indexes of their own; delivered ones are most of all rows. */
function listOf(states: readonly OutboxState[]): "list" | "listOpen" | "listLost" {
  if (states.every((state) => state === "unknown" || state === "dead")) return "listLost";
  return states.every((state) => state === "pending" || state === "sending") ? "listOpen" : "list";
}

function recordOf(row: Row): OutboxRecord {
  const [
    ,
    id,
    spaceId,
    turnId,
    sessionId,
    channel,
    target,
    text,
    state,
    begun,
    attempt,
    epoch,
    owner,
    dueAt,
    platformId,
    error,
    createdAt,
    endedAt,
    errors,
  ] = row as unknown as TupleOf<OutboxTable, typeof COLUMNS>;
  return {
    id,
    spaceId,
    turnId,
    sessionId,
    address: { channel, target },
    text,
    state: state as OutboxState,
    begun: begun === 1,
    attempt,
    epoch,
    owner: owner ?? undefined,
    dueAt,
    platformId: platformId ?? undefined,
    error: error ?? undefined,
    createdAt,
    endedAt: endedAt ?? undefined,
    errors: troublesOf(errors),
  };
}

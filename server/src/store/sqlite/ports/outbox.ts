import type { NewOutbox, OutboxRecord, OutboxState, OutboxStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, type Statement, write, writeRows } from "../statement.ts";
import type { OutboxTable, TupleOf } from "../tables.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

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
] as const satisfies readonly (keyof OutboxTable)[];

interface SettleInput {
  readonly id: string;
  readonly epoch: number;
  readonly state: OutboxState;
  readonly dueAt: number | undefined;
  readonly platformId: string | undefined;
  readonly error: string | undefined;
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
        endedAt: outcome.kind === "retry" ? undefined : at,
      }),
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
      const row = await reads.row(selects.nextDue, {}, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
  };
}

interface OutboxWrites {
  readonly put: Statement<Omit<NewOutbox, "address"> & { readonly channel: string; readonly target: string }>;
  readonly claim: Statement<Parameters<OutboxStore["claim"]>[0]>;
  readonly begin: Statement<{ readonly id: string; readonly epoch: number }>;
  readonly settle: Statement<SettleInput>;
}

function outboxWrites({ statements }: PortDeps): OutboxWrites {
  return {
    put: statements.add(
      "outbox.put",
      {},
      (_db, p) => sql`
      INSERT INTO outbox (id, space_id, turn_id, session_id, channel, target, text, state, begun, attempt, epoch, lease_until, due_at, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.turnId}, ${p.sessionId}, ${p.channel}, ${p.target}, ${p.text}, 'pending', 0, 0, 0, 0, ${p.createdAt}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    // A claim ends with its own lease, or earlier with that of its process, where one is known.
    claim: statements.add(
      "outbox.claim",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE outbox SET state = 'sending', attempt = attempt + 1, epoch = epoch + 1, owner = ${p.owner}, lease_until = (SELECT now_ms()) + ${p.leaseMs}
      WHERE row IN (SELECT row FROM (
        SELECT * FROM (SELECT t.row FROM outbox t WHERE t.state = 'pending' AND t.due_at <= (SELECT now_ms()) AND NOT EXISTS (
            SELECT 1 FROM outbox o WHERE o.channel = t.channel AND o.target = t.target AND o.space_id = t.space_id
              AND o.state IN ('pending', 'sending') AND o.row < t.row)
          ORDER BY t.due_at, t.row LIMIT ${p.limit})
        UNION ALL
        SELECT t.row FROM outbox t INDEXED BY outbox_sending WHERE t.state = 'sending' AND (t.lease_until <= (SELECT now_ms())
          OR t.owner IN (SELECT id FROM processes WHERE lease_until <= (SELECT now_ms())))
        ORDER BY row LIMIT ${p.limit}))
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
      UPDATE outbox SET state = ${p.state}, begun = CASE ${p.state} WHEN 'pending' THEN 0 ELSE begun END, due_at = ifnull(${p.dueAt}, due_at), platform_id = ${p.platformId}, error = ${p.error},
        ended_at = ${p.endedAt}, owner = NULL, lease_until = 0
      WHERE id = ${p.id} AND epoch = ${p.epoch} AND state = 'sending'`,
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

function outboxSelects({ statements }: PortDeps): OutboxSelects {
  const list = (name: string, index: string, condition: string): Statement<ListInput> =>
    statements.add(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(column)))} FROM outbox ${sql.raw(index)}
      WHERE space_id = ${p.spaceId} ${sql.raw(condition)} AND state IN (SELECT value FROM json_each(${p.states}))
        AND (${p.before} IS NULL OR row < ${p.before})
      ORDER BY row DESC LIMIT ${p.limit}`,
    );
  return {
    ofTurn: statements.add("outbox.of-turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("outbox").select(COLUMNS).where("turn_id", "=", p.turnId).orderBy("row"),
    ),
    list: list("outbox.list", "", ""),
    listOpen: list("outbox.list-open", "INDEXED BY outbox_open", "AND state IN ('pending', 'sending')"),
    listLost: list("outbox.list-lost", "INDEXED BY outbox_lost", "AND state IN ('unknown', 'dead')"),
    // Rows behind an older open one of their target cannot go yet: their time is that of the older one.
    nextDue: statements.add(
      "outbox.next-due",
      { returns: "row" },
      () => sql`
      SELECT t.due_at FROM outbox t WHERE t.state = 'pending' AND NOT EXISTS (
        SELECT 1 FROM outbox o WHERE o.channel = t.channel AND o.target = t.target AND o.space_id = t.space_id
          AND o.state IN ('pending', 'sending') AND o.row < t.row)
      ORDER BY t.due_at LIMIT 1`,
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
  };
}

import type { InboxEntry, InboxItem, InboxItemStore, InboxOwners } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Dialect } from "../dialect.ts";
import type { InboxItemTable } from "../inbox-item-table.ts";
import { type Row, type Statement, write, writeRow, writeRows } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";

const ABOUT = [
  "row",
  "id",
  "space_id",
  "owner_id",
  "kind",
  "agent_id",
  "session_id",
  "turn_id",
  "title",
  "created_at",
  "read_at",
] as const satisfies readonly (keyof InboxItemTable)[];

const EXCERPT_CHARACTERS = 240;
/** More than any owner has: SQLite knows no OFFSET without a LIMIT. */
const ALL = 1_000_000;

interface Owned {
  readonly spaceId: string;
  /** JSON. */
  readonly owners: string;
}

interface ListInput extends Owned {
  readonly before: number | undefined;
  readonly limit: number;
}

export function createInboxItemStore(deps: PortDeps): InboxItemStore {
  const { reads } = deps;
  const { put, trim, forget, mark, markAll, remove } = itemWrites(deps);
  const { get, list, listUnread, countUnread } = itemSelects(deps);
  const counted = (rows: readonly Row[]) => ({ count: rows.length });
  return {
    put(item, keep) {
      const { spaceId, ownerId } = item;
      const bound = { spaceId, ownerId, keep };
      return writeRow(put, item, (row) => ({ isNew: row?.[0] === item.id }), [
        write(trim, bound),
        write(forget, bound),
      ]);
    },
    mark({ id, readAt, ...owners }) {
      const isRead = readAt !== undefined;
      const input = { ...owned(owners), readAt, isRead };
      return id === undefined
        ? writeRows(markAll, input, counted)
        : writeRows(mark, { ...input, id }, counted);
    },
    remove: ({ id, at, ...owners }) => writeRows(remove, { ...owned(owners), id, at }, counted),
    async get({ id, ...owners }, options) {
      const row = await reads.row(get, { ...owned(owners), id }, options);
      return row === undefined ? undefined : { ...aboutOf(row), text: String(row[ABOUT.length]) };
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const input = { ...owned(query), before: numberCursor(query), limit: limit + 1 };
      const rows = await reads.farRows(query.unreadOnly ? listUnread : list, input, options);
      return pageOf(rows, limit, entryOf, (row) => String(row[0]));
    },
    async countUnread(owners, options) {
      const row = await reads.row(countUnread, owned(owners), options);
      return Number(row?.[0] ?? 0);
    },
  };
}

function owned({ spaceId, ownerIds }: InboxOwners): Owned {
  return { spaceId, owners: JSON.stringify(ownerIds) };
}

/** An item of one of these owners that was not removed. */
function isOwned(
  { texts }: Dialect,
  p: { readonly spaceId: unknown; readonly owners: unknown },
): RawBuilder<boolean> {
  return sql`space_id = ${p.spaceId} AND owner_id IN (SELECT owner.value FROM ${texts(p.owners, "owner")}) AND removed_at IS NULL`;
}

function itemWrites({ statements, dialect }: PortDeps) {
  type Bound = { readonly spaceId: string; readonly ownerId: string; readonly keep: number };
  type Marking = Owned & { readonly readAt: number | undefined; readonly isRead: boolean };
  const changes = (p: { readonly isRead: unknown }): RawBuilder<boolean> =>
    sql`(CASE WHEN read_at IS NULL THEN 0 ELSE 1 END) <> CAST(${p.isRead} AS BIGINT)`;
  return {
    put: statements.add<Omit<InboxItem, "readAt">>(
      "inbox-item.put",
      { returns: "row" },
      (_db, p) => sql`
      INSERT INTO inbox_items (id, space_id, owner_id, kind, agent_id, session_id, turn_id, title, text, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.ownerId}, ${p.kind}, ${p.agentId}, ${p.sessionId}, ${p.turnId}, ${p.title}, ${p.text}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING RETURNING id`,
    ),
    trim: statements.add<Bound>(
      "inbox-item.trim",
      {},
      (_db, p) => sql`
      DELETE FROM inbox_items WHERE "row" IN (
        SELECT "row" FROM inbox_items WHERE space_id = ${p.spaceId} AND owner_id = ${p.ownerId} AND removed_at IS NULL
        ORDER BY CASE WHEN read_at IS NULL THEN 0 ELSE 1 END, "row" DESC LIMIT ${sql.lit(ALL)} OFFSET ${p.keep})`,
    ),
    forget: statements.add<Bound>(
      "inbox-item.forget",
      {},
      (_db, p) => sql`
      DELETE FROM inbox_items WHERE "row" IN (
        SELECT "row" FROM inbox_items WHERE space_id = ${p.spaceId} AND owner_id = ${p.ownerId} AND removed_at IS NOT NULL
        ORDER BY "row" DESC LIMIT ${sql.lit(ALL)} OFFSET ${p.keep})`,
    ),
    mark: statements.add<Marking & { readonly id: string }>(
      "inbox-item.mark",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE inbox_items SET read_at = ${p.readAt} WHERE id = ${p.id} AND ${isOwned(dialect, p)} AND ${changes(p)} RETURNING id`,
    ),
    markAll: statements.add<Marking>(
      "inbox-item.mark-all",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE inbox_items SET read_at = ${p.readAt} WHERE ${isOwned(dialect, p)} AND ${changes(p)} RETURNING id`,
    ),
    remove: statements.add<Owned & { readonly id: string; readonly at: number }>(
      "inbox-item.remove",
      { returns: "rows" },
      (_db, p) => sql`
      UPDATE inbox_items SET removed_at = ${p.at}, title = '', text = '' WHERE id = ${p.id} AND ${isOwned(dialect, p)} RETURNING id`,
    ),
  };
}

function itemSelects({ statements, dialect }: PortDeps) {
  const about = sql.join(ABOUT.map((column) => sql.ref(column)));
  const list = (name: string, condition: string): Statement<ListInput> =>
    statements.add<ListInput>(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${about}, substr(text, 1, ${sql.lit(EXCERPT_CHARACTERS)}) FROM inbox_items
      WHERE ${isOwned(dialect, p)} ${sql.raw(condition)} AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
      ORDER BY "row" DESC LIMIT ${p.limit}`,
    );
  return {
    get: statements.add<Owned & { readonly id: string }>(
      "inbox-item.get",
      { returns: "row" },
      (_db, p) => sql`SELECT ${about}, text FROM inbox_items WHERE id = ${p.id} AND ${isOwned(dialect, p)}`,
    ),
    list: list("inbox-item.list", ""),
    listUnread: list("inbox-item.list-unread", "AND read_at IS NULL"),
    countUnread: statements.add<Owned>(
      "inbox-item.count-unread",
      { returns: "row" },
      (_db, p) => sql`SELECT count(*) FROM inbox_items WHERE ${isOwned(dialect, p)} AND read_at IS NULL`,
    ),
  };
}

function entryOf(row: Row): InboxEntry {
  return { ...aboutOf(row), excerpt: String(row[ABOUT.length]) };
}

function aboutOf(row: Row): Omit<InboxItem, "text"> {
  const [, id, spaceId, ownerId, kind, agentId, sessionId, turnId, title, createdAt, readAt] =
    row as unknown as TupleOf<InboxItemTable, typeof ABOUT>;
  return {
    ...{ id, spaceId, ownerId, title, createdAt },
    kind: kind as InboxItem["kind"],
    agentId: agentId ?? undefined,
    sessionId: sessionId ?? undefined,
    turnId: turnId ?? undefined,
    readAt: readAt ?? undefined,
  };
}

import type { NewMessage, Session, SessionStore, SessionSummary, SessionTouch } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, writeRow } from "../statement.ts";
import { PAYLOAD_VERSION, type SessionTable, type TupleOf } from "../tables.ts";
import { attachmentWrites } from "./attachments.ts";
import { handoffs } from "./handoffs.ts";
import { historyRead } from "./history.ts";
import {
  badCursor,
  knownToAll,
  namesText,
  numberCursor,
  type PortDeps,
  pageLimit,
  pageOf,
  parseAudience,
} from "./kit.ts";
import { MESSAGE_COLUMNS, messageOf } from "./messages.ts";
import { sessionChanges } from "./session-changes.ts";

const SESSION_COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "channel",
  "key",
  "peer_id",
  "owner_id",
  "audience",
  "stateless",
  "last_seq",
  "created_at",
  "updated_at",
  "name",
  "parent_id",
  "parent_message_id",
  "handed_to",
] as const satisfies readonly (keyof SessionTable)[];

export function createSessionStore(deps: PortDeps): SessionStore {
  const { reads } = deps;
  const writes = { ...sessionWrites(deps), ...sessionChanges(deps), ...handoffs(deps) };
  const selects = sessionSelects(deps);

  return {
    ...writes,
    async get(sessionId, options) {
      const row = await reads.row(selects.get, { sessionId }, options);
      return row === undefined ? undefined : sessionOf(row);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const [at, id] = listCursor(query.cursor);
      const { spaceId, ownerId, agentId } = query;
      const input = { spaceId, ownerId, agentId, at, id, limit: limit + 1 };
      const statement = query.includeStateless === true ? selects.listAll : selects.list;
      const rows = await reads.farRows(statement, input, options);
      return pageOf(rows, limit, summaryOf, (row) => `${row[11]}.${row[0]}`);
    },
    async messages(query, options) {
      const limit = pageLimit(query);
      const cursor = numberCursor(query);
      const input = { sessionId: query.sessionId, seq: cursor, limit: limit + 1 };
      const statement = query.newest === true ? selects.newest : selects.oldest;
      const rows = await reads.farRows(statement, input, options);
      return pageOf(
        rows,
        limit,
        (row) => messageOf(deps, row),
        (row) => String(row[4]),
      );
    },
    async find({ spaceId, readers, references }, options) {
      if (references.length === 0) return [];
      const input = { spaceId, readers: namesText(readers), references: JSON.stringify(references) };
      const rows = await reads.rows(selects.find, input, options);
      return rows.map((row) => messageOf(deps, row)).filter((message) => message !== undefined);
    },
    history: historyRead(deps),
  };
}

function sessionWrites(deps: PortDeps): Pick<SessionStore, "touch" | "take" | "append"> {
  const { statements, dialect } = deps;
  const attached = attachmentWrites(deps);
  const touch = statements.add<Omit<SessionTouch, "audience"> & { audience: string }>(
    "session.touch",
    { returns: "row", guard: "store.conflict" },
    (db, p) =>
      db
        .insertInto("sessions")
        .values((eb) => ({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          channel: p.channel,
          key: p.key,
          peer_id: p.peerId,
          owner_id: p.ownerId,
          audience: p.audience,
          stateless: eb.val<number>(p.stateless as never),
          last_seq: p.count,
          touches: sql.lit(1),
          created_at: p.at,
          updated_at: p.at,
        }))
        .onConflict((conflict) =>
          conflict
            .column("id")
            .doUpdateSet((eb) => ({
              last_seq: eb("sessions.last_seq", "+", eb.ref("excluded.last_seq")),
              touches: sql<number>`sessions.touches + 1`,
              audience: eb.ref("excluded.audience"),
              updated_at: dialect.greatest(sql.ref("sessions.updated_at"), sql.ref("excluded.updated_at")),
            }))
            .where(
              sql<boolean>`(CAST(${p.handedTo} AS TEXT) IS NULL OR coalesce(sessions.handed_to, '') = ${p.handedTo})`,
            ),
        )
        .returning(["last_seq", "touches"]),
  );

  const take = statements.add<{ id: string; at: number; count: number }>(
    "session.take",
    { returns: "row", guard: "store.conflict" },
    (_db, p) => sql`
      UPDATE sessions SET last_seq = last_seq + ${p.count}, touches = touches + 1, updated_at = ${dialect.greatest(sql`updated_at`, sql`${p.at}`)}
      WHERE id = ${p.id} RETURNING last_seq`,
  );

  const append = statements.add<MessageRow>(
    "message.append",
    { returns: "row", guard: "store.conflict" },
    (_db, p) => sql`
      INSERT INTO messages (id, space_id, session_id, turn_id, seq, turn_seq, role, v, parts, audience, outcome, created_at,
        author, author_name)
      SELECT ${p.id}, ${p.spaceId}, id, ${p.turnId}, last_seq - ${p.fromLast}, coalesce(${p.turnSeq}, last_seq - ${p.fromLast}),
        ${p.role}, ${sql.lit(PAYLOAD_VERSION)}, ${p.parts}, ${p.audience}, ${p.outcome}, ${p.createdAt},
        CAST(${p.author} AS TEXT), CAST(${p.authorName} AS TEXT)
      FROM sessions WHERE id = ${p.sessionId}
      RETURNING seq`,
  );

  return {
    touch: (session) =>
      writeRow(touch, { ...session, audience: namesText(session.audience) }, (row) => ({
        lastSeq: row?.[0] as number,
        created: row?.[1] === 1,
      })),
    take: (session) => writeRow(take, session, (row) => ({ lastSeq: row?.[0] as number })),
    append: (message) =>
      writeRow(append, toRow(message), (row) => ({ seq: row?.[0] as number }), attached(message)),
  };
}

type MessageRow = Omit<NewMessage, "parts" | "audience" | "turnSeq" | "author"> & {
  parts: string;
  audience: string;
  author: string | undefined;
  authorName: string | undefined;
  turnSeq: number | undefined;
};

function toRow(message: NewMessage): MessageRow {
  return {
    ...message,
    turnSeq: message.turnSeq === "same" ? undefined : message.turnSeq,
    parts: JSON.stringify(message.parts),
    audience: namesText(message.audience),
    author: message.author?.peerId,
    authorName: message.author?.name,
  };
}

interface ListInput {
  spaceId: string;
  ownerId: string | undefined;
  agentId: string | undefined;
  at: number | undefined;
  id: string | undefined;
  limit: number;
}

function sessionSelects({ statements, dialect }: PortDeps) {
  const list = (name: string, scope: string) =>
    statements.add<ListInput>(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(SESSION_COLUMNS.map((column) => sql.ref(`s.${column}`)))},
        coalesce(s.name, (SELECT l.title FROM storylines l WHERE l.session_id = s.id
          AND ${knownToAll(dialect, sql.ref("s.audience"), sql.ref("l.audience"))})), (SELECT count(*) FROM turns WHERE session_id = s.id)
      FROM sessions s
      WHERE s.space_id = ${p.spaceId} ${sql.raw(scope)}
        AND (CAST(${p.ownerId} AS TEXT) IS NULL OR s.owner_id = ${p.ownerId}) AND (CAST(${p.agentId} AS TEXT) IS NULL OR s.agent_id = ${p.agentId})
        AND (CAST(${p.at} AS BIGINT) IS NULL OR (s.updated_at, s.id) < (${p.at}, ${p.id}))
      ORDER BY s.updated_at DESC, s.id DESC LIMIT ${p.limit}`,
    );

  const messages = (name: string, comparison: string, direction: "asc" | "desc") =>
    statements.add<{ sessionId: string; seq: number | undefined; limit: number }>(
      name,
      { returns: "rows" },
      (db, p) =>
        db
          .selectFrom("messages")
          .select(MESSAGE_COLUMNS)
          .where("session_id", "=", p.sessionId)
          .where(
            sql<boolean>`seq ${sql.raw(comparison)} coalesce(${p.seq}, ${sql.lit(direction === "asc" ? 0 : Number.MAX_SAFE_INTEGER)})`,
          )
          .orderBy("seq", direction)
          .limit(p.limit),
    );

  return {
    get: statements.add<{ sessionId: string }>("session.get", { returns: "row" }, (db, p) =>
      db.selectFrom("sessions").select(SESSION_COLUMNS).where("id", "=", p.sessionId),
    ),
    list: list("session.list", "AND s.stateless = 0"),
    listAll: list("session.list-all", ""),
    oldest: messages("message.list", ">", "asc"),
    newest: messages("message.list-newest", "<", "desc"),
    find: statements.add<{ spaceId: string; readers: string; references: string }>(
      "message.find",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(MESSAGE_COLUMNS.map((column) => sql.ref(`m.${column}`)))} FROM ${dialect.objects(p.references, "asked")}
      JOIN messages m ON m.session_id = asked.value ->> 'sessionId' AND m.turn_seq = CAST(asked.value ->> 'turnSeq' AS BIGINT)
      WHERE m.id = asked.value ->> 'id' AND m.space_id = ${p.spaceId}
        AND ${knownToAll(dialect, p.readers, sql.ref("m.audience"))}`,
    ),
  };
}

function listCursor(cursor: string | undefined): [number | undefined, string | undefined] {
  if (cursor === undefined) return [undefined, undefined];
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, dot));
  if (dot < 1 || !Number.isSafeInteger(at)) throw badCursor(cursor);
  return [at, cursor.slice(dot + 1)];
}

function sessionOf(row: Row): Session {
  const [
    id,
    spaceId,
    agentId,
    channel,
    key,
    peerId,
    ownerId,
    audience,
    stateless,
    lastSeq,
    createdAt,
    updatedAt,
    name,
    parentId,
    parentMessageId,
    handedTo,
  ] = row as unknown as TupleOf<SessionTable, typeof SESSION_COLUMNS>;
  return {
    id,
    spaceId,
    agentId,
    channel,
    key,
    peerId,
    ownerId,
    audience: parseAudience(audience),
    stateless: stateless === 1,
    lastSeq,
    createdAt,
    updatedAt,
    ...(name === null ? {} : { name }),
    ...(parentId === null ? {} : { parent: { sessionId: parentId, messageId: parentMessageId ?? "" } }),
    ...(handedTo === null ? {} : { handedTo }),
  };
}

function summaryOf(row: Row): SessionSummary {
  const [title, turns] = row.slice(SESSION_COLUMNS.length);
  return { ...sessionOf(row), title: String(title ?? ""), turns: Number(turns) };
}

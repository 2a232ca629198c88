import type {
  HistoryQuery,
  NewMessage,
  Session,
  SessionStore,
  SessionSummary,
  SessionTouch,
} from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, writeRow } from "../statement.ts";
import { PAYLOAD_VERSION, type SessionTable, type TupleOf } from "../tables.ts";
import { badCursor, numberCursor, type PortDeps, pageLimit, pageOf, parseAudience } from "./kit.ts";
import { MESSAGE_COLUMNS, messageOf } from "./messages.ts";

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
] as const satisfies readonly (keyof SessionTable)[];

export function createSessionStore(deps: PortDeps): SessionStore {
  const { reads } = deps;
  const writes = sessionWrites(deps);
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
    async history(query, options) {
      const rows = await reads.farRows(selects.history, { ...query, rows: query.maxMessages + 1 }, options);
      return wholeTurns(rows, query)
        .map((row) => messageOf(deps, row))
        .filter((message) => message !== undefined)
        .reverse();
    },
  };
}

function sessionWrites({ statements }: PortDeps): Pick<SessionStore, "touch" | "append"> {
  const touch = statements.add<Omit<SessionTouch, "audience"> & { audience: string }>(
    "session.touch",
    { returns: "row" },
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
          conflict.column("id").doUpdateSet((eb) => ({
            last_seq: eb("sessions.last_seq", "+", eb.ref("excluded.last_seq")),
            touches: sql<number>`sessions.touches + 1`,
            audience: eb.ref("excluded.audience"),
            updated_at: sql<number>`max(sessions.updated_at, excluded.updated_at)`,
          })),
        )
        .returning(["last_seq", "touches"]),
  );

  const append = statements.add<
    Omit<NewMessage, "parts" | "audience" | "turnSeq"> & {
      parts: string;
      audience: string;
      turnSeq: number | undefined;
    }
  >(
    "message.append",
    { returns: "row", guard: "store.conflict" },
    (_db, p) => sql`
      INSERT INTO messages (id, space_id, session_id, turn_id, seq, turn_seq, role, v, parts, audience, outcome, created_at)
      SELECT ${p.id}, ${p.spaceId}, id, ${p.turnId}, last_seq - ${p.fromLast}, ifnull(${p.turnSeq}, last_seq - ${p.fromLast}),
        ${p.role}, ${sql.lit(PAYLOAD_VERSION)}, ${p.parts}, ${p.audience}, ${p.outcome}, ${p.createdAt}
      FROM sessions WHERE id = ${p.sessionId}
      RETURNING seq`,
  );

  return {
    touch: (session) =>
      writeRow(touch, { ...session, audience: JSON.stringify(session.audience) }, (row) => ({
        lastSeq: row?.[0] as number,
        created: row?.[1] === 1,
      })),
    append: (message) =>
      writeRow(
        append,
        {
          ...message,
          turnSeq: message.turnSeq === "same" ? undefined : message.turnSeq,
          parts: JSON.stringify(message.parts),
          audience: JSON.stringify(message.audience),
        },
        (row) => ({ seq: row?.[0] as number }),
      ),
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

function sessionSelects({ statements }: PortDeps) {
  const list = (name: string, scope: string) =>
    statements.add<ListInput>(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(SESSION_COLUMNS.map((column) => sql.ref(`s.${column}`)))},
        (SELECT title FROM storylines WHERE session_id = s.id), (SELECT count(*) FROM turns WHERE session_id = s.id)
      FROM sessions s
      WHERE s.space_id = ${p.spaceId} ${sql.raw(scope)}
        AND (${p.ownerId} IS NULL OR s.owner_id = ${p.ownerId}) AND (${p.agentId} IS NULL OR s.agent_id = ${p.agentId})
        AND (${p.at} IS NULL OR (s.updated_at, s.id) < (${p.at}, ${p.id}))
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
            sql<boolean>`seq ${sql.raw(comparison)} ifnull(${p.seq}, ${sql.lit(direction === "asc" ? 0 : Number.MAX_SAFE_INTEGER)})`,
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
    // The row that passes a bound is given too: it tells whether the oldest turn is whole.
    history: statements.add<HistoryQuery & { rows: number }>(
      "message.history",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(MESSAGE_COLUMNS.map((column) => sql.ref(column)))}, bytes FROM (
        SELECT *, sum(octet_length(parts)) OVER (ORDER BY turn_seq DESC, seq DESC) AS bytes FROM (
          SELECT * FROM messages
          WHERE session_id = ${p.sessionId} AND turn_seq < ${p.beforeTurnSeq} AND role <> 'notice'
          ORDER BY turn_seq DESC, seq DESC LIMIT ${p.rows})
      ) WHERE bytes - octet_length(parts) <= ${p.maxBytes}`,
    ),
  };
}

/** Rows come newest first, with their running size last. A turn that does not fit whole is left out with all before it. */
function wholeTurns(rows: readonly Row[], query: HistoryQuery): readonly Row[] {
  const over = rows.findIndex(
    (row, i) => i >= query.maxMessages || (row[MESSAGE_COLUMNS.length] as number) > query.maxBytes,
  );
  if (over < 0) return rows;
  const cutTurn = rows[over]?.[5];
  return rows.slice(0, over).filter((row) => row[5] !== cutTurn);
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
  };
}

function summaryOf(row: Row): SessionSummary {
  const [title, turns] = row.slice(SESSION_COLUMNS.length);
  return { ...sessionOf(row), title: String(title ?? ""), turns: Number(turns) };
}

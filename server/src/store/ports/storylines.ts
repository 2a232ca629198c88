import { type NewStoryline, type Storyline, type StorylineStore, SUBJECTS } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, ringing, write } from "../statement.ts";
import type { StorylineTable } from "../storyline-tables.ts";
import type { TupleOf } from "../tables.ts";
import { badCursor, knownToAll, namesText, type PortDeps, pageLimit, pageOf, parseAudience } from "./kit.ts";
import { storylineTurnStatements } from "./storyline-turns.ts";

const COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "session_id",
  "audience",
  "title",
  "summary",
  "summary_turn_seq",
  "updated_at",
  "peer_id",
  "begun_in",
  "name",
  "merged_into",
] as const satisfies readonly (keyof StorylineTable)[];

export function createStorylineStore(deps: PortDeps): StorylineStore {
  const { reads } = deps;
  const statements = storylineStatements(deps);
  const turns = storylineTurnStatements(deps);

  return {
    open: (storyline) => write(statements.open, { ...storyline, audience: namesText(storyline.audience) }),
    summarise: (update) => write(statements.summarise, { ...update, audience: namesText(update.audience) }),
    touch: (update) => write(statements.touch, update),
    rename: (update) => ringing(write(statements.rename, update), SUBJECTS.storylinesChanged),
    merge: (update) => ringing(write(statements.merge, update), SUBJECTS.storylinesChanged),
    placeTurn: ({ sideIds, ...turn }) => write(turns.place, { ...turn, sideIds: JSON.stringify(sideIds) }),
    reassign: ({ fromTurn, turnId, ...change }) => {
      const { sessionId, turnSeq } = fromTurn ?? {};
      return ringing(
        write(turns.reassign, { ...change, turnId, sessionId, turnSeq }),
        SUBJECTS.storylinesChanged,
      );
    },
    async ofSession(sessionId, options) {
      const row = await reads.row(statements.ofSession, { sessionId }, options);
      return row === undefined ? undefined : storylineOf(row);
    },
    async get(id, options) {
      const row = await reads.row(statements.get, { id }, options);
      return row === undefined ? undefined : storylineOf(row);
    },
    async ofPeer({ limit, ...query }, options) {
      const rows = await reads.rows(statements.ofPeer, { ...query, limit }, options);
      return rows.map(storylineOf);
    },
    async placedIn(sessionId, fromTurnSeq, options) {
      const rows = await reads.rows(turns.placedIn, { sessionId, fromTurnSeq }, options);
      return rows.toReversed().map((row) => {
        const [turnSeq, storylineId, title, audience] = row as [number, string, string, string];
        return { turnSeq, storylineId, title, audience: parseAudience(audience) };
      });
    },
    compact: (compaction) =>
      write(turns.compact, { ...compaction, audience: namesText(compaction.audience) }),
    async compactions(sessionId, options) {
      const rows = await reads.rows(turns.compactions, { sessionId }, options);
      return rows.map((row) => {
        const [storylineId, uptoTurnSeq, summary, audience, at] = row as [
          string,
          number,
          string,
          string,
          number,
        ];
        return { sessionId, storylineId, uptoTurnSeq, summary, audience: parseAudience(audience), at };
      });
    },
    async turnsOf(id, limit, options) {
      const rows = await reads.rows(turns.turnsOf, { id, limit }, options);
      return rows.map((row) => {
        const [turnId, sessionId, at] = row as [string, string, number];
        return { turnId, sessionId, at };
      });
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const [at, id] = cursorOf(query.cursor);
      const { spaceId, agentId, peerId } = query;
      // Whoever asks for one peer's alone walks by all others: not on this thread.
      const input = { spaceId, agentId, peerId, at, id, limit: limit + 1 };
      const rows = await reads.farRows(statements.list, input, options);
      return pageOf(rows, limit, storylineOf, (row) => {
        const last = storylineOf(row);
        return `${last.updatedAt}.${last.id}`;
      });
    },
  };
}

type OpenInput = Omit<NewStoryline, "audience"> & { audience: string };
type Update<Name extends "summarise" | "touch" | "rename" | "merge"> = Parameters<StorylineStore[Name]>[0];
type SummaryInput = Omit<Update<"summarise">, "audience"> & { audience: string };

function storylineStatements(deps: PortDeps) {
  return { ...storylineChanges(deps), ...storylineSelects(deps) };
}

function storylineChanges({ statements, dialect }: PortDeps) {
  return {
    open: statements.add<OpenInput>("storyline.open", {}, (db, p) =>
      db
        .insertInto("storylines")
        .values({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          session_id: sql`coalesce(${p.laterId}, ${p.sessionId})`,
          audience: p.audience,
          title: p.title,
          summary: sql.lit(""),
          summary_turn_seq: sql.lit(0),
          updated_at: p.updatedAt,
          peer_id: p.peerId,
          begun_in: sql`CASE WHEN CAST(${p.laterId} AS TEXT) IS NULL THEN NULL ELSE ${p.sessionId} END`,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    summarise: statements.add<SummaryInput>("storyline.summarise", {}, (db, p) =>
      db
        .updateTable("storylines")
        .set({
          title: p.title,
          summary: p.summary,
          summary_turn_seq: p.summaryTurnSeq,
          updated_at: p.at,
          audience: p.audience,
          name: sql`CASE WHEN ${knownToAll(dialect, p.audience, sql.ref("audience"))} THEN name END`,
        })
        .where("id", "=", p.id)
        .where("summary_turn_seq", "<=", p.summaryTurnSeq),
    ),
    touch: statements.add<Update<"touch">>("storyline.touch", {}, (db, p) =>
      db.updateTable("storylines").set({ updated_at: p.at }).where("id", "=", p.id),
    ),
    rename: statements.add<Update<"rename">>("storyline.rename", {}, (db, p) =>
      db.updateTable("storylines").set({ name: p.name, updated_at: p.at }).where("id", "=", p.id),
    ),
    merge: statements.add<Update<"merge">>("storyline.merge", {}, (db, p) =>
      db.updateTable("storylines").set({ merged_into: p.into, updated_at: p.at }).where("id", "=", p.id),
    ),
  };
}

interface ListInput {
  readonly spaceId: string;
  readonly agentId: string | undefined;
  readonly peerId: string | undefined;
  readonly at: number | undefined;
  readonly id: string | undefined;
  readonly limit: number;
}

function storylineSelects({ statements }: PortDeps) {
  return {
    ofSession: statements.add<{ sessionId: string }>("storyline.of-session", { returns: "row" }, (db, p) =>
      db.selectFrom("storylines").select(COLUMNS).where("session_id", "=", p.sessionId),
    ),
    get: statements.add<{ id: string }>("storyline.get", { returns: "row" }, (db, p) =>
      db.selectFrom("storylines").select(COLUMNS).where("id", "=", p.id),
    ),
    ofPeer: statements.add<{ spaceId: string; agentId: string; peerId: string; limit: number }>(
      "storyline.of-peer",
      { returns: "rows" },
      (db, p) =>
        db
          .selectFrom("storylines")
          .select(COLUMNS)
          .where("space_id", "=", p.spaceId)
          .where("agent_id", "=", p.agentId)
          .where("peer_id", "=", p.peerId)
          .where("merged_into", "is", null)
          .orderBy("updated_at", "desc")
          .limit(p.limit),
    ),
    list: statements.add<ListInput>("storyline.list", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("storylines")
        .select(COLUMNS)
        .where("space_id", "=", p.spaceId)
        .where(sql<boolean>`(CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})`)
        .where(sql<boolean>`(CAST(${p.peerId} AS TEXT) IS NULL OR peer_id = ${p.peerId})`)
        .where(sql<boolean>`(CAST(${p.at} AS BIGINT) IS NULL OR (updated_at, id) < (${p.at}, ${p.id}))`)
        .where("merged_into", "is", null)
        .orderBy("updated_at", "desc")
        .orderBy("id", "desc")
        .limit(p.limit),
    ),
  };
}

/** `updatedAt.id` of the last one of the page before. */
function cursorOf(cursor: string | undefined): [number | undefined, string | undefined] {
  if (cursor === undefined) return [undefined, undefined];
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, dot));
  if (dot < 1 || !Number.isSafeInteger(at)) throw badCursor(cursor);
  return [at, cursor.slice(dot + 1)];
}

function storylineOf(row: Row): Storyline {
  const [
    id,
    spaceId,
    agentId,
    sessionId,
    audience,
    title,
    summary,
    summaryTurnSeq,
    updatedAt,
    peerId,
    begunIn,
    name,
    mergedInto,
  ] = row as unknown as TupleOf<StorylineTable, typeof COLUMNS>;
  return {
    id,
    spaceId,
    agentId,
    sessionId: begunIn ?? sessionId,
    audience: parseAudience(audience),
    title: name ?? title,
    summary,
    summaryTurnSeq,
    updatedAt,
    ...(peerId === null ? {} : { peerId }),
    ...(mergedInto === null ? {} : { mergedInto }),
  };
}

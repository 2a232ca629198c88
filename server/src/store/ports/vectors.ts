import type {
  MessagePlace,
  NewVector,
  StoredVector,
  VectorOwner,
  VectorOwnerKind,
  VectorStore,
} from "@troupe/contracts";
import { sql } from "kysely";
import { base64Of, vectorOf } from "../ranking/vector-text.ts";
import { type Row, write, writeRows } from "../statement.ts";
import { type PortDeps, parseAudience } from "./kit.ts";
import { createVectorFilling } from "./vector-filling.ts";

export function createVectorStore(deps: PortDeps): VectorStore {
  const { reads, logger } = deps;
  const writes = vectorWrites(deps);
  const selects = vectorSelects(deps);
  const vectorsOf = (rows: readonly Row[]): StoredVector[] =>
    rows.flatMap((row) => {
      const vector = storedOf(row);
      // Nothing of ours writes such a row; what cannot be compared is not found, and the rest is.
      if (vector === undefined)
        logger.error("store.payload-unreadable", { what: "vector", id: String(row[0]) });
      return vector === undefined ? [] : [vector];
    });

  return {
    ...createVectorFilling(deps),
    put: ({ vector, place, ...of }) => {
      const { spaceId, ownerKind, ownerId, model } = of;
      const { sessionId = "", seq = 0 } = place ?? {};
      const input = { ...of, sessionId, seq, dimensions: vector.length, numbers: base64Of(vector) };
      return write(writes.removeOne, { spaceId, ownerKind, ownerId, model }, [
        write(writes.count, {}),
        write(writes.insert, input),
      ]);
    },
    remove: ({ spaceId, ownerKind, ownerId }) => write(writes.remove, { spaceId, ownerKind, ownerId }),
    prune: (query) => writeRows(writes.prune, query, (rows) => ({ count: rows.length })),
    async after(query, options) {
      return vectorsOf(await reads.farRows(selects.after, query, options));
    },
    async find({ model, dimensions, rows }, options) {
      if (rows.length === 0) return [];
      const input = { model, dimensions, rows: JSON.stringify(rows.map(String)) };
      return vectorsOf(await reads.rows(selects.find, input, options));
    },
    async counts(spaceId, options) {
      const rows = await reads.farRows(selects.counts, { spaceId }, options);
      return rows.map(([model, dimensions, count]) => ({
        ...{ model: String(model), dimensions: Number(dimensions), count: Number(count) },
      }));
    },
  };
}

function vectorWrites({ statements }: PortDeps) {
  type Insert = Omit<NewVector, "vector" | "place"> &
    MessagePlace & { readonly dimensions: number; readonly numbers: string };
  return {
    removeOne: statements.add<VectorOwner & { model: string }>("vector.remove-one", {}, (db, p) =>
      db
        .deleteFrom("vectors")
        .where("space_id", "=", p.spaceId)
        .where("owner_kind", "=", p.ownerKind)
        .where("owner_id", "=", p.ownerId)
        .where("model", "=", p.model),
    ),
    // A database without a counter has one from what its rows, perhaps brought from elsewhere, have reached.
    count: statements.add<object>(
      "vector.count",
      {},
      () => sql`
      INSERT INTO search_cursor (name, "row") VALUES ('vectors', 1 + coalesce((SELECT max("row") FROM vectors), 0))
      ON CONFLICT (name) DO UPDATE SET "row" = search_cursor."row" + 1`,
    ),
    insert: statements.add<Insert>(
      "vector.insert",
      {},
      (_db, p) => sql`
      INSERT INTO vectors ("row", space_id, owner_kind, owner_id, model, session_id, seq, dimensions, numbers, created_at)
      SELECT c."row", CAST(${p.spaceId} AS TEXT), CAST(${p.ownerKind} AS TEXT), CAST(${p.ownerId} AS TEXT), CAST(${p.model} AS TEXT),
        CAST(${p.sessionId} AS TEXT), CAST(${p.seq} AS BIGINT), CAST(${p.dimensions} AS BIGINT), CAST(${p.numbers} AS TEXT), CAST(${p.createdAt} AS BIGINT)
      FROM search_cursor c WHERE c.name = 'vectors' AND (
        (${p.ownerKind} = 'message' AND EXISTS (
          SELECT 1 FROM messages o
          WHERE o.session_id = ${p.sessionId} AND o.seq = ${p.seq} AND o.id = ${p.ownerId} AND o.space_id = ${p.spaceId}))
        OR (${p.ownerKind} = 'storyline' AND EXISTS (SELECT 1 FROM storylines o WHERE o.id = ${p.ownerId} AND o.space_id = ${p.spaceId}))
        OR (${p.ownerKind} = 'memory' AND EXISTS (
          SELECT 1 FROM memories o WHERE o.id = ${p.ownerId} AND o.space_id = ${p.spaceId} AND o.closed_at IS NULL)))`,
    ),
    remove: statements.add<VectorOwner>("vector.remove", {}, (db, p) =>
      db
        .deleteFrom("vectors")
        .where("space_id", "=", p.spaceId)
        .where("owner_kind", "=", p.ownerKind)
        .where("owner_id", "=", p.ownerId),
    ),
    prune: statements.add<{ spaceId: string; keep: string; limit: number }>(
      "vector.prune",
      { returns: "rows" },
      (_db, p) => sql`
      DELETE FROM vectors WHERE "row" IN (
        SELECT "row" FROM vectors WHERE space_id = ${p.spaceId} AND model <> ${p.keep} ORDER BY "row" LIMIT ${p.limit})
      RETURNING "row"`,
    ),
  };
}

function vectorSelects({ statements, dialect }: PortDeps) {
  // An owner that is gone, or closed, leaves no agent, and its vector is told of nobody.
  const known = sql`
    SELECT v."row", v.space_id, v.owner_kind, v.owner_id, v.session_id, v.seq, v.dimensions, v.numbers,
      coalesce(r.agent_id, s.agent_id, l.agent_id), coalesce(r.audience, m.audience, l.audience)
    FROM vectors v
      LEFT JOIN memories r ON v.owner_kind = 'memory' AND r.id = v.owner_id AND r.closed_at IS NULL
      LEFT JOIN messages m ON v.owner_kind = 'message' AND m.session_id = v.session_id AND m.seq = v.seq AND m.id = v.owner_id
      LEFT JOIN sessions s ON s.id = m.session_id
      LEFT JOIN storylines l ON v.owner_kind = 'storyline' AND l.id = v.owner_id`;
  const there = sql`coalesce(r.agent_id, s.agent_id, l.agent_id) IS NOT NULL`;
  return {
    after: statements.add<{ model: string; dimensions: number; afterRow: number; limit: number }>(
      "vector.after",
      { returns: "rows" },
      (_db, p) => sql`${known}
      WHERE v.model = ${p.model} AND v.dimensions = ${p.dimensions} AND v."row" > ${p.afterRow} AND ${there}
      ORDER BY v."row" LIMIT ${p.limit}`,
    ),
    find: statements.add<{ model: string; dimensions: number; rows: string }>(
      "vector.find",
      { returns: "rows" },
      (_db, p) => sql`${known}
      WHERE v."row" IN (SELECT CAST(wanted.value AS BIGINT) FROM ${dialect.texts(p.rows, "wanted")})
        AND v.model = ${p.model} AND v.dimensions = ${p.dimensions} AND ${there}`,
    ),
    counts: statements.add<{ spaceId: string }>(
      "vector.counts",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT model, dimensions, count(*) FROM vectors WHERE space_id = ${p.spaceId}
      GROUP BY model, dimensions ORDER BY model, dimensions`,
    ),
  };
}

/** Undefined where the numbers are not as many as the row says. */
function storedOf(row: Row): StoredVector | undefined {
  const [number, spaceId, ownerKind, ownerId, sessionId, seq, dimensions, numbers, agentId, audience] = row;
  const vector = vectorOf(String(numbers), Number(dimensions));
  if (vector === undefined) return undefined;
  return {
    row: Number(number),
    spaceId: String(spaceId),
    ownerKind: ownerKind as VectorOwnerKind,
    ownerId: String(ownerId),
    ...(ownerKind === "message" ? { place: { sessionId: String(sessionId), seq: Number(seq) } } : {}),
    agentId: String(agentId),
    audience: parseAudience(String(audience)),
    vector,
  };
}

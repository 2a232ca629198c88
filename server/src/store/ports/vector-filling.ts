import {
  type DueVector,
  type MessagePart,
  type NewVector,
  textOf,
  type VectorStore,
} from "@troupe/contracts";
import { sql } from "kysely";
import { base64Of, vectorOf } from "../ranking/vector-text.ts";
import { type Row, write } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { alsoOfSpace, type PortDeps } from "./kit.ts";

/** Rows that one call looks at for what is due: a few milliseconds of a thread that others wait for. */
const SCANNED = 1_000;

type FilledKind = "message" | "memory";
type Filling = { readonly spaceId: string; readonly ownerKind: FilledKind; readonly model: string };

/** How far a kind was embedded by a model; `search.step-back` knows the form. */
function cursorOf({ spaceId, ownerKind, model }: Filling): string {
  return `vectors/${ownerKind}/${spaceId}/${model}`;
}

/** When what a model made became due again. */
function sinceOf({ spaceId, model }: Omit<Filling, "ownerKind">): string {
  return `vectors-since/${spaceId}/${model}`;
}

/** As `putMany` reads it. */
function filled({ ownerId, place, vector, createdAt }: NewVector, n: number) {
  const { sessionId = "", seq = 0 } = place ?? {};
  const numbers = base64Of(vector);
  return { n, ownerId, sessionId, seq, dimensions: vector.length, numbers, createdAt };
}

/** What has no vector yet, and vectors of whole batches of it. */
export function createVectorFilling(deps: PortDeps): Pick<VectorStore, "fill" | "renew" | "missing"> {
  const { reads } = deps;
  const writes = fillWrites(deps);
  const selects = { message: missingSelects(deps, "message"), memory: missingSelects(deps, "memory") };
  return {
    fill: ({ spaceId, ownerKind, model, vectors, span }) => {
      const batch = JSON.stringify(vectors.map(filled));
      const of = { spaceId, ownerKind, model, batch };
      const name = cursorOf({ spaceId, ownerKind, model });
      const advance = write(writes.advance[ownerKind], { name, ...span, lastId: span.lastId });
      if (vectors.length === 0) return advance;
      return write(writes.countMany, { count: vectors.length }, [
        write(writes.putMany[ownerKind], { ...of, count: vectors.length }),
        advance,
      ]);
    },
    renew: ({ spaceId, model, at }) =>
      write(writes.since, { name: sinceOf({ spaceId, model }), at }, [
        write(writes.forget, { name: cursorOf({ spaceId, ownerKind: "message", model }) }),
        write(writes.forget, { name: cursorOf({ spaceId, ownerKind: "memory", model }) }),
      ]),
    async missing({ spaceId, ownerKind, model, limit }, options) {
      const { window, page, ownerAt } = selects[ownerKind];
      const name = cursorOf({ spaceId, ownerKind, model });
      const [looked] = await reads.farRows(window, { name }, options);
      const [from, last, count] = (looked ?? []).map(Number);
      if (from === undefined || last === undefined || !count)
        return { items: [], span: { from: from ?? 0, upTo: from ?? 0 }, isMore: false };
      // Before the page: what comes under this row after it is in no page.
      const [[lastId] = []] = await reads.farRows(ownerAt, { row: last }, options);
      const input = { spaceId, model, since: sinceOf({ spaceId, model }), from, to: last, limit };
      const rows = await reads.farRows(page, input, options);
      const isCut = rows.length === limit;
      const [upTo, ownerId] = isCut ? (rows.at(-1) ?? []) : [last, lastId];
      return {
        items: rows.map((row) => missingOf(spaceId, ownerKind, row)),
        span: { from, upTo: Number(upTo), lastId: String(ownerId) },
        isMore: isCut || count === SCANNED,
      };
    },
  };
}

/** Each once for a whole batch. */
function fillWrites({ statements, dialect }: PortDeps) {
  type Batch = Filling & { readonly batch: string };
  const put = (ownerKind: FilledKind) => {
    const [join, seq] =
      ownerKind === "message"
        ? [
            sql`JOIN messages o ON o.session_id = b.value ->> 'sessionId' AND o.seq = CAST(b.value ->> 'seq' AS BIGINT) AND o.id = b.value ->> 'ownerId'`,
            sql`o.session_id, o.seq`,
          ]
        : [
            sql`JOIN memories o ON o.id = b.value ->> 'ownerId' AND o.closed_at IS NULL`,
            sql`CAST('' AS TEXT), CAST(0 AS BIGINT)`,
          ];
    return statements.add<Batch & { readonly count: number }>(
      `vector.fill-${ownerKind}`,
      {},
      (_db, p) => sql`
      INSERT INTO vectors ("row", space_id, owner_kind, owner_id, model, session_id, seq, dimensions, numbers, created_at)
      SELECT c."row" - CAST(${p.count} AS BIGINT) + 1 + CAST(b.value ->> 'n' AS BIGINT), o.space_id, ${sql.lit(ownerKind)}, o.id,
        CAST(${p.model} AS TEXT), ${seq}, CAST(b.value ->> 'dimensions' AS BIGINT), b.value ->> 'numbers', CAST(b.value ->> 'createdAt' AS BIGINT)
      FROM ${dialect.objects(p.batch, "b")} ${join} JOIN search_cursor c ON c.name = 'vectors'
      WHERE ${alsoOfSpace("o.space_id", p.spaceId)}
      ON CONFLICT (owner_kind, owner_id, model) DO UPDATE SET "row" = excluded."row", space_id = excluded.space_id,
        session_id = excluded.session_id, seq = excluded.seq, dimensions = excluded.dimensions, numbers = excluded.numbers,
        created_at = excluded.created_at`,
    );
  };
  return {
    countMany: statements.add<{ count: number }>(
      "vector.count-many",
      {},
      (_db, p) => sql`
      INSERT INTO search_cursor (name, "row")
      VALUES ('vectors', CAST(${p.count} AS BIGINT) + coalesce((SELECT max("row") FROM vectors), 0))
      ON CONFLICT (name) DO UPDATE SET "row" = search_cursor."row" + CAST(${p.count} AS BIGINT)`,
    ),
    putMany: { message: put("message"), memory: put("memory") },
    advance: {
      message: advanceStatement(statements, "message"),
      memory: advanceStatement(statements, "memory"),
    },
    since: statements.add<{ name: string; at: number }>(
      "vector.since",
      {},
      (_db, p) => sql`
      INSERT INTO search_cursor (name, "row") VALUES (${p.name}, ${p.at})
      ON CONFLICT (name) DO UPDATE SET "row" = excluded."row"`,
    ),
    forget: statements.add<{ name: string }>(
      "vector.forget-reached",
      {},
      (_db, p) => sql`UPDATE search_cursor SET "row" = 0 WHERE name = ${p.name}`,
    ),
  };
}

/** Only from where it was read, and while its end is what was read: what became due again, or came since, is not passed. */
function advanceStatement(statements: PortDeps["statements"], ownerKind: FilledKind) {
  const table = ownerKind === "message" ? sql`messages` : sql`memories`;
  return statements.add<{ name: string; from: number; upTo: number; lastId: string | undefined }>(
    `vector.advance-${ownerKind}`,
    {},
    (_db, p) => sql`
    INSERT INTO search_cursor (name, "row") SELECT CAST(${p.name} AS TEXT), CAST(${p.upTo} AS BIGINT)
    WHERE (CAST(${p.from} AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM search_cursor WHERE name = ${p.name}))
      AND EXISTS (SELECT 1 FROM ${table} o WHERE o."row" = ${p.upTo} AND o.id = ${p.lastId})
    ON CONFLICT (name) DO UPDATE SET "row" = excluded."row" WHERE search_cursor."row" = ${p.from}`,
  );
}

function missingSelects({ statements }: PortDeps, ownerKind: FilledKind) {
  const [table, columns, before, isWanted] =
    ownerKind === "message"
      ? [
          sql`messages`,
          sql`o.parts, o.session_id, o.seq, b.id, bv.dimensions, bv.numbers`,
          // What one of those who know this one does not know says nothing of it.
          sql`LEFT JOIN messages b ON b.session_id = o.session_id AND b.seq = o.seq - 1 AND b.audience = o.audience
            LEFT JOIN vectors bv ON bv.owner_kind = 'message' AND bv.owner_id = b.id AND bv.model = `,
          sql`o.copied = 0 AND o.v <= ${sql.lit(PAYLOAD_VERSION)} AND (o.role = 'user' OR (o.role = 'assistant' AND o.outcome = 'ok'))`,
        ]
      : [sql`memories`, sql`o.text`, undefined, sql`o.closed_at IS NULL`];
  return {
    window: statements.add<{ name: string }>(
      `vector.window-${ownerKind}`,
      { returns: "rows", isSmall: true },
      (_db, p) => sql`
    SELECT c."row", (SELECT max(n."row") FROM (
        SELECT "row" FROM ${table} WHERE "row" > c."row" ORDER BY "row" LIMIT ${sql.lit(SCANNED)}) AS n),
      (SELECT count(*) FROM (SELECT "row" FROM ${table} WHERE "row" > c."row" ORDER BY "row" LIMIT ${sql.lit(SCANNED)}) AS n)
    FROM (SELECT coalesce((SELECT "row" FROM search_cursor WHERE name = ${p.name}), 0) AS "row") AS c`,
    ),
    ownerAt: statements.add<{ row: number }>(
      `vector.${ownerKind}-at`,
      { returns: "rows" },
      (_db, p) => sql`SELECT o.id FROM ${table} o WHERE o."row" = ${p.row}`,
    ),
    page: statements.add<{
      spaceId: string;
      model: string;
      since: string;
      from: number;
      to: number;
      limit: number;
    }>(
      `vector.missing-${ownerKind}`,
      { returns: "rows" },
      (_db, p) => sql`
    SELECT o."row", o.id, ${columns} FROM ${table} o ${before === undefined ? sql`` : sql`${before}${p.model}`}
    WHERE ${alsoOfSpace("o.space_id", p.spaceId)} AND o."row" > ${p.from} AND o."row" <= ${p.to} AND ${isWanted}
      AND NOT EXISTS (SELECT 1 FROM vectors v
        WHERE v.owner_kind = ${sql.lit(ownerKind)} AND v.owner_id = o.id AND v.model = ${p.model}
          AND v.created_at >= coalesce((SELECT "row" FROM search_cursor WHERE name = ${p.since}), 0))
    ORDER BY o."row" LIMIT ${p.limit}`,
    ),
  };
}

function missingOf(
  spaceId: string,
  ownerKind: FilledKind,
  [, ownerId, body, sessionId, seq, beforeId, dimensions, numbers]: Row,
): DueVector {
  const owner = { spaceId, ownerKind, ownerId: String(ownerId) };
  if (ownerKind === "memory") return { ...owner, text: String(body) };
  const place = { sessionId: String(sessionId), seq: Number(seq) };
  const text = textOf(JSON.parse(String(body)) as MessagePart[]);
  if (typeof beforeId !== "string") return { ...owner, place, text };
  const vector = typeof numbers === "string" ? vectorOf(numbers, Number(dimensions)) : undefined;
  return { ...owner, place, text, before: { ownerId: beforeId, vector } };
}

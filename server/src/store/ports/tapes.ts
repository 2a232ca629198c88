import type { TapeRecord, TapeStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write, writeRows } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import type { TapeTable } from "../tape-table.ts";
import type { PortDeps } from "./kit.ts";

const ABOUT = [
  "turn_id",
  "space_id",
  "attempt",
  "bytes",
  "cut",
  "created_at",
] as const satisfies readonly (keyof TapeTable)[];

interface Named {
  readonly spaceId: string;
  readonly turnId: string;
}

export function createTapeStore({ statements, reads }: PortDeps): TapeStore {
  const put = statements.add<TapeRecord>(
    "tape.put",
    {},
    // It is written after the turn's end, when the session may have been deleted already.
    (_db, p) => sql`
      INSERT INTO tapes (turn_id, space_id, attempt, text, bytes, cut, created_at)
      SELECT t.id, t.space_id, CAST(${p.attempt} AS BIGINT), CAST(${p.text} AS TEXT), CAST(${p.bytes} AS BIGINT),
        CAST(${p.cut} AS TEXT), CAST(${p.createdAt} AS BIGINT)
      FROM turns t WHERE t.id = ${p.turnId} AND t.space_id = ${p.spaceId}
      ON CONFLICT (turn_id) DO UPDATE SET attempt = excluded.attempt, text = excluded.text, bytes = excluded.bytes,
        cut = excluded.cut, created_at = excluded.created_at
      WHERE excluded.attempt >= tapes.attempt`,
  );
  const get = statements.add<Named>("tape.get", { returns: "row" }, (db, p) =>
    db
      .selectFrom("tapes")
      .select([...ABOUT, "text"])
      .where("turn_id", "=", p.turnId)
      .where("space_id", "=", p.spaceId),
  );
  const find = statements.add<Named>("tape.find", { returns: "row" }, (db, p) =>
    db.selectFrom("tapes").select(ABOUT).where("turn_id", "=", p.turnId).where("space_id", "=", p.spaceId),
  );
  const prune = statements.add<Parameters<TapeStore["prune"]>[0]>(
    "tape.prune",
    { returns: "rows" },
    (_db, p) => sql`
      DELETE FROM tapes WHERE turn_id IN (
        SELECT turn_id FROM tapes WHERE space_id = ${p.spaceId} AND created_at < ${p.before}
        ORDER BY created_at, turn_id LIMIT ${p.limit})
      RETURNING turn_id`,
  );
  const totals = statements.add<{ spaceId: string }>(
    "tape.totals",
    { returns: "rows" },
    (_db, p) => sql`SELECT count(*), coalesce(sum(bytes), 0) FROM tapes WHERE space_id = ${p.spaceId}`,
  );
  return {
    put: (tape) => write(put, tape),
    async get(query, options) {
      const row = await reads.row(get, query, options);
      return row === undefined ? undefined : { ...aboutOf(row), text: String(row[ABOUT.length]) };
    },
    async find(query, options) {
      const row = await reads.row(find, query, options);
      return row === undefined ? undefined : aboutOf(row);
    },
    prune: (query) => writeRows(prune, query, (rows) => ({ count: rows.length })),
    async totals(spaceId, options) {
      const [row] = await reads.farRows(totals, { spaceId }, options);
      return { count: Number(row?.[0] ?? 0), bytes: Number(row?.[1] ?? 0) };
    },
  };
}

function aboutOf(row: Row): Omit<TapeRecord, "text"> {
  const [turnId, spaceId, attempt, bytes, cut, createdAt] = row as unknown as TupleOf<
    TapeTable,
    typeof ABOUT
  >;
  return { turnId, spaceId, attempt, bytes, cut: cut ?? undefined, createdAt };
}

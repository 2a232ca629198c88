import type { MemoryRecord, MemoryStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { MemoryTable, TupleOf } from "../tables.ts";
import { termsOf } from "../words.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf, parseAudience } from "./kit.ts";

const COLUMNS = [
  "row",
  "id",
  "space_id",
  "agent_id",
  "audience",
  "text",
  "turn_id",
  "created_at",
] as const satisfies readonly (keyof MemoryTable)[];

export function createMemoryStore({ statements, reads }: PortDeps): MemoryStore {
  const put = statements.add<Omit<MemoryRecord, "audience"> & { audience: string }>(
    "memory.put",
    {},
    (db, p) =>
      db
        .insertInto("memories")
        .values({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          audience: p.audience,
          text: p.text,
          turn_id: p.turnId,
          created_at: p.createdAt,
        })
        .onConflict((conflict) => conflict.doNothing()),
  );
  const index = statements.add<{ id: string; terms: string }>(
    "memory.index",
    {},
    (_db, p) => sql`
    INSERT INTO memory_terms (rowid, terms) SELECT row, ${p.terms} FROM memories
    WHERE id = ${p.id} AND NOT EXISTS (SELECT 1 FROM memory_terms WHERE rowid = memories.row)`,
  );
  const unindex = statements.add<{ spaceId: string; id: string }>(
    "memory.unindex",
    {},
    (_db, p) => sql`
    DELETE FROM memory_terms WHERE rowid = (SELECT row FROM memories WHERE id = ${p.id} AND space_id = ${p.spaceId})`,
  );
  const forget = statements.add<{ spaceId: string; id: string }>("memory.forget", {}, (db, p) =>
    db.deleteFrom("memories").where("id", "=", p.id).where("space_id", "=", p.spaceId),
  );
  const list = statements.add<{
    spaceId: string;
    agentId: string;
    readers: string;
    before: number | undefined;
    limit: number;
  }>(
    "memory.list",
    { returns: "rows" },
    (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(column)))} FROM memories m
      WHERE space_id = ${p.spaceId} AND agent_id = ${p.agentId} AND (${p.before} IS NULL OR row < ${p.before})
        AND NOT EXISTS (SELECT value FROM json_each(${p.readers}) WHERE value NOT IN (SELECT value FROM json_each(m.audience)))
      ORDER BY row DESC LIMIT ${p.limit}`,
  );

  return {
    put: (memory) =>
      write(put, { ...memory, audience: JSON.stringify(memory.audience) }, [
        write(index, { id: memory.id, terms: termsOf(memory) }),
      ]),
    forget: (spaceId, id) => write(unindex, { spaceId, id }, [write(forget, { spaceId, id })]),
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, agentId, readers } = query;
      const input = {
        spaceId,
        agentId,
        readers: JSON.stringify(readers),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(list, input, options);
      return pageOf(rows, limit, memoryOf, (row) => String(row[0]));
    },
  };
}

function memoryOf(row: Row): MemoryRecord {
  const [, id, spaceId, agentId, audience, text, turnId, createdAt] = row as unknown as TupleOf<
    MemoryTable,
    typeof COLUMNS
  >;
  return { id, spaceId, agentId, audience: parseAudience(audience), text, turnId, createdAt };
}

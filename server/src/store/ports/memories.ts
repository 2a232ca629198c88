import type { MemoryRecord, MemoryStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { MemoryTable, TupleOf } from "../tables.ts";
import { scopesOf, termsOf } from "../words.ts";
import {
  knownToAll,
  namesText,
  numberCursor,
  type PortDeps,
  pageLimit,
  pageOf,
  parseAudience,
} from "./kit.ts";

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

export function createMemoryStore(deps: PortDeps): MemoryStore {
  const { reads } = deps;
  const { put, index, know, unindex, forget } = memoryWrites(deps);
  const { list, find } = memorySelects(deps);

  return {
    put: (memory) =>
      write(put, { ...memory, audience: namesText(memory.audience) }, [
        write(index, { id: memory.id, terms: termsOf(memory) }),
        write(know, { scopes: JSON.stringify(scopesOf(memory)) }),
      ]),
    forget: (spaceId, id) => write(unindex, { spaceId, id }, [write(forget, { spaceId, id })]),
    async find({ spaceId, readers, ids }, options) {
      if (ids.length === 0) return [];
      const input = { spaceId, readers: namesText(readers), ids: JSON.stringify(ids) };
      return (await reads.rows(find, input, options)).map(memoryOf);
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, agentId, readers } = query;
      const input = {
        spaceId,
        agentId,
        readers: namesText(readers),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(list, input, options);
      return pageOf(rows, limit, memoryOf, (row) => String(row[0]));
    },
  };
}

function memoryWrites({ statements, dialect }: PortDeps) {
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
  const index = statements.add<{ id: string; terms: string }>("memory.index", {}, (_db, p) =>
    dialect.indexMemory(p.id, p.terms),
  );
  const know = statements.add<{ scopes: string }>(
    "memory.know",
    {},
    (_db, p) => sql`
    INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row)
    SELECT scope.value, '', 0, 0 FROM ${dialect.texts(p.scopes, "scope")} WHERE true ON CONFLICT DO NOTHING`,
  );
  const unindex = statements.add<{ spaceId: string; id: string }>("memory.unindex", {}, (_db, p) =>
    dialect.unindexMemory(p.spaceId, p.id),
  );
  const forget = statements.add<{ spaceId: string; id: string }>("memory.forget", {}, (db, p) =>
    db.deleteFrom("memories").where("id", "=", p.id).where("space_id", "=", p.spaceId),
  );
  return { put, index, know, unindex, forget };
}

function memorySelects({ statements, dialect }: PortDeps) {
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
      WHERE space_id = ${p.spaceId} AND agent_id = ${p.agentId} AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before})
        AND ${knownToAll(dialect, p.readers, sql.ref("m.audience"))}
      ORDER BY "row" DESC LIMIT ${p.limit}`,
  );
  const find = statements.add<{ spaceId: string; readers: string; ids: string }>(
    "memory.find",
    { returns: "rows" },
    (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(column)))} FROM memories m
      WHERE id IN (SELECT wanted.value FROM ${dialect.texts(p.ids, "wanted")}) AND space_id = ${p.spaceId}
        AND ${knownToAll(dialect, p.readers, sql.ref("m.audience"))}`,
  );
  return { list, find };
}

function memoryOf(row: Row): MemoryRecord {
  const [, id, spaceId, agentId, audience, text, turnId, createdAt] = row as unknown as TupleOf<
    MemoryTable,
    typeof COLUMNS
  >;
  return { id, spaceId, agentId, audience: parseAudience(audience), text, turnId, createdAt };
}

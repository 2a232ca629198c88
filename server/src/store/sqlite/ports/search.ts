import type { SearchHit, SearchStore, UnitOfWork } from "@troupe/contracts";
import { INDEX_NEW, SEARCH } from "../search-index.ts";
import { writeRow } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

/** Searching runs on the reader thread, indexing on the writer thread: this side only carries questions and answers. */
export function createSearchStore({ statements, reads }: PortDeps, unit: UnitOfWork): SearchStore {
  const search = statements.addProcedure(SEARCH, 5, "rows");
  const indexNew = statements.addProcedure(INDEX_NEW, 1, "row");
  return {
    async search({ spaceId, agentId, readers, words, limit }, options) {
      if (readers.length === 0 || words.length === 0 || limit < 1) return [];
      const values = [spaceId, agentId, JSON.stringify(readers), JSON.stringify(words), limit];
      const rows = await reads.farRows(search, { values }, options);
      return rows.map(([kind, id, sessionId, turnSeq, role, text, createdAt, score]) => ({
        kind: kind as SearchHit["kind"],
        id: id as string,
        sessionId: (sessionId ?? undefined) as string | undefined,
        turnSeq: (turnSeq ?? undefined) as number | undefined,
        role: role as SearchHit["role"],
        text: text as string,
        createdAt: createdAt as number,
        score: score as number,
      }));
    },
    async indexNew(limit, options) {
      const indexing = writeRow(indexNew, { values: [limit] }, (row) => Number(row?.[0] ?? 0));
      return (await unit.commit([indexing], options)).read(indexing);
    },
  };
}

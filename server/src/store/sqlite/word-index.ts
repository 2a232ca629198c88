import type { UnitOfWork } from "@troupe/contracts";
import type { PortDeps } from "../ports/kit.ts";
import type { WordIndex } from "../ports/search.ts";
import { QUESTION_VALUES } from "../ranking/index.ts";
import { writeRow } from "../statement.ts";
import { INDEX_NEW, SEARCH } from "./search-index.ts";

/** Searching runs on the reader thread, indexing on the writer thread: this side only carries questions and answers. */
export function createSqliteWordIndex({ statements, reads }: PortDeps, unit: UnitOfWork): WordIndex {
  const search = statements.addProcedure(SEARCH, QUESTION_VALUES, "rows");
  const indexNew = statements.addProcedure(INDEX_NEW, 1, "row");
  return {
    find: (values, options) => reads.farRows(search, { values }, options),
    async indexNew(limit, options) {
      const indexing = writeRow(indexNew, { values: [limit] }, (row) => Number(row?.[0] ?? 0));
      return (await unit.commit([indexing], options)).read(indexing);
    },
  };
}

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Prepare, Procedure } from "./engine.ts";
import { find } from "./search-find.ts";
import { indexNew } from "./search-indexing.ts";

export const SEARCH = "search.find";
export const INDEX_NEW = "search.index-new";

/**
 * Full-text search, run by whichever thread owns the connection. Each record is indexed under every peer of its
 * audience, so a lookup costs what one peer has heard, never what the store holds, and no word of others is touched.
 * Written as SQL text, because worker threads load no query builder and its types know no FTS5.
 */
export function searchProcedures(database: DatabaseSync): Readonly<Record<string, Procedure>> {
  const statements = new Map<string, StatementSync>();
  const prepare: Prepare = (text) => {
    let statement = statements.get(text);
    if (statement === undefined) {
      statement = database.prepare(text);
      statement.setReturnArrays(true);
      statements.set(text, statement);
    }
    return statement;
  };
  return {
    // One snapshot and one lock for all lookups of a search; each would take its own.
    [SEARCH]: (values) => inOneRead(database, prepare, () => find(prepare, values)),
    [INDEX_NEW]: ([limit]) => indexNew(prepare, Number(limit)),
  };
}

function inOneRead<Found>(database: DatabaseSync, prepare: Prepare, read: () => Found): Found {
  if (database.isTransaction) return read();
  prepare("BEGIN").run();
  try {
    return read();
  } finally {
    prepare("COMMIT").run();
  }
}

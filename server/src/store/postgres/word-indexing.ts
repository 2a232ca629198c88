import { type MessagePart, TroupeError, textOf, type UnitOfWork } from "@troupe/contracts";
import { sql } from "kysely";
import type { PortDeps } from "../ports/kit.ts";
import type { WordIndex } from "../ports/search.ts";
import { write } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { scopesOf, termsOf } from "../words.ts";

/** Rows that one call of indexing reads over, wanted or not; keeps the writer's turn short. */
const MAX_INDEXED = 1000;

type Next = readonly [number, string, string, string, number, string, string, number];

/** What a batch brought to one session under one scope. */
interface Reach {
  readonly scope: string;
  readonly sessionId: string;
  fromTurnSeq: number;
  lastRow: number;
}

/**
 * Rows, scopes and cursor move together, and only from where the cursor was read: two at once index nothing twice. Rows
 * are numbered by the one writer of the database, so none appears below the cursor later.
 */
export function createIndexing(deps: PortDeps, unit: UnitOfWork): WordIndex["indexNew"] {
  const { reads } = deps;
  const { cursor, next, advance, addTerms, addScopes } = indexingStatements(deps);

  return async (limit, options) => {
    const from = Number((await reads.row(cursor, {}, options))?.[0] ?? 0);
    const bounded = Math.min(Math.max(limit, 1), MAX_INDEXED);
    const rows = (await reads.farRows(next, { from, limit: bounded }, options)) as unknown as readonly Next[];
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const terms: { readonly row: number; readonly terms: string }[] = [];
    const reaches = new Map<string, Reach>();
    for (const [row, spaceId, agentId, sessionId, turnSeq, audience, parts, isWanted] of rows) {
      if (isWanted !== 1) continue;
      const record = { spaceId, agentId, audience: JSON.parse(audience) as string[] };
      const ofRow = termsOf({ ...record, text: textOf(JSON.parse(parts) as MessagePart[]) });
      if (ofRow === "") continue;
      terms.push({ row, terms: ofRow });
      for (const scope of scopesOf(record))
        reach(reaches, { scope, sessionId, fromTurnSeq: turnSeq, lastRow: row });
    }
    const writes = [
      write(advance, { from, to: last[0] }),
      write(addTerms, { terms: JSON.stringify(terms) }),
      write(addScopes, { scopes: JSON.stringify([...reaches.values()]) }),
    ];
    try {
      await unit.commit(writes, options);
    } catch (error) {
      // Somebody else has indexed them.
      if (!TroupeError.is(error, "store.conflict")) throw error;
    }
    return rows.length;
  };
}

function reach(reaches: Map<string, Reach>, one: Reach): void {
  const key = one.scope + one.sessionId;
  const known = reaches.get(key);
  if (known === undefined) {
    reaches.set(key, one);
    return;
  }
  known.fromTurnSeq = Math.min(known.fromTurnSeq, one.fromTurnSeq);
  known.lastRow = Math.max(known.lastRow, one.lastRow);
}

function indexingStatements({ statements, dialect }: PortDeps) {
  return {
    cursor: statements.add<object>(
      "search.cursor",
      { returns: "row" },
      () => sql`SELECT "row" FROM search_cursor WHERE name = 'messages'`,
    ),
    // What a peer said is indexed however its turn ended, for it was said; an assistant's words only when the turn went
    // well. Copies of a branch and newer payloads are passed over.
    next: statements.add<{ from: number; limit: number }>(
      "search.next",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m."row", m.space_id, s.agent_id, m.session_id, m.turn_seq, m.audience, m.parts,
        m.v <= ${sql.lit(PAYLOAD_VERSION)} AND m.copied = 0 AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))
      FROM messages m JOIN sessions s ON s.id = m.session_id WHERE m."row" > ${p.from} ORDER BY m."row" LIMIT ${p.limit}`,
    ),
    advance: statements.add<{ from: number; to: number }>(
      "search.advance",
      { guard: "store.conflict" },
      (_db, p) => sql`
      INSERT INTO search_cursor (name, "row") VALUES ('messages', ${p.to})
      ON CONFLICT (name) DO UPDATE SET "row" = excluded."row" WHERE search_cursor."row" = ${p.from}`,
    ),
    addTerms: statements.add<{ terms: string }>(
      "search.add-terms",
      {},
      (_db, p) => sql`
      INSERT INTO message_terms (term, "row")
      SELECT word.term, CAST(added.value ->> 'row' AS BIGINT) FROM ${dialect.objects(p.terms, "added")},
        unnest(string_to_array(added.value ->> 'terms', ' ')) AS word(term)
      ON CONFLICT DO NOTHING`,
    ),
    addScopes: statements.add<{ scopes: string }>(
      "search.add-scopes",
      {},
      (_db, p) => sql`
      INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row)
      SELECT reached.value ->> 'scope', reached.value ->> 'sessionId', CAST(reached.value ->> 'fromTurnSeq' AS BIGINT),
        CAST(reached.value ->> 'lastRow' AS BIGINT) FROM ${dialect.objects(p.scopes, "reached")}
      ON CONFLICT (scope, session_id) DO UPDATE SET from_turn_seq = least(search_scopes.from_turn_seq, excluded.from_turn_seq),
        last_row = greatest(search_scopes.last_row, excluded.last_row)`,
    ),
  };
}

import { type CallOptions, type MessagePart, TroupeError, textOf, type UnitOfWork } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { PortDeps } from "../ports/kit.ts";
import type { WordIndex } from "../ports/search.ts";
import {
  type Candidate,
  type Found,
  hitOf,
  mayBeTold,
  NO_ROW,
  PER_WORD,
  type Question,
  questionOf,
  rank,
} from "../ranking.ts";
import { type Row, type Statement, write } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { scopesOf, termsOf } from "../words.ts";

/** Rows that one call of indexing reads over, wanted or not; keeps the writer's turn short. */
const MAX_INDEXED = 1000;

/**
 * The full-text index as tables of terms: a word under the scope of each peer that may find it. It finds and scores as
 * SQLite's does; only the lookups are other.
 */
export function createPostgresWordIndex(deps: PortDeps, unit: UnitOfWork): WordIndex {
  const { reads } = deps;
  const { lookUp, loadMessages, loadMemories } = searchStatements(deps);
  const indexing = createIndexing(deps, unit);

  const collect = async (question: Question, options: CallOptions): Promise<Candidate[]> => {
    const { asked, scopes, except } = question;
    const [first = "", ...others] = JSON.parse(scopes) as string[];
    const input = {
      words: JSON.stringify(asked.map((word, n) => ({ n, word }))),
      first,
      others: JSON.stringify(others),
      sessionId: typeof except?.sessionId === "string" ? except.sessionId : undefined,
      fromTurnSeq: except?.fromTurnSeq,
    };
    const found = new Map<string, Candidate>();
    for (const [kind, n, row] of await reads.farRows(lookUp, input, options)) {
      const key = `${kind} ${row}`;
      const known = found.get(key);
      if (known !== undefined) known.words |= 1 << Number(n);
      else found.set(key, { kind: kind as Candidate["kind"], row: Number(row), words: 1 << Number(n) });
    }
    return [...found.values()];
  };
  const load = async (
    statement: Statement<{ rows: string }>,
    kind: Candidate["kind"],
    candidates: readonly Candidate[],
    options: CallOptions,
  ): Promise<ReadonlyMap<number, Found>> => {
    const rows = candidates.filter((candidate) => candidate.kind === kind).map(({ row }) => row);
    if (rows.length === 0) return new Map();
    const records = await reads.farRows(statement, { rows: JSON.stringify(rows) }, options);
    return new Map((records as unknown as readonly Found[]).map((record) => [record[0], record]));
  };

  return {
    async find(values, options) {
      const question = questionOf(values);
      if (question.asked.length === 0) return [];
      const ranked = rank(await collect(question, options), question);
      const hits: Row[] = [];
      for (let at = 0; at < ranked.length && hits.length < question.limit; at += question.limit) {
        const some = ranked.slice(at, at + question.limit);
        const [message, memory] = await Promise.all([
          load(loadMessages, "message", some, options),
          load(loadMemories, "memory", some, options),
        ]);
        const records = { message, memory };
        for (const { kind, row, score } of some) {
          const record = records[kind].get(row);
          if (record !== undefined && mayBeTold(record, question)) hits.push(hitOf(kind, record, score));
        }
      }
      return hits.slice(0, question.limit);
    },
    indexNew: indexing,
  };
}

interface LookUpInput {
  readonly words: string;
  readonly first: string;
  readonly others: string;
  readonly sessionId: string | undefined;
  readonly fromTurnSeq: number | undefined;
}

function searchStatements({ statements, dialect }: PortDeps) {
  /** For each word, those newest records that hold it under every scope. */
  const newest = (
    table: "message" | "memory",
    p: Required<LookUpInput>,
    condition: RawBuilder<unknown>,
  ): RawBuilder<unknown> => sql`
      SELECT ${sql.lit(table)} AS kind, asked.n, found."row" FROM asked CROSS JOIN LATERAL (
        SELECT t."row" FROM ${sql.table(`${table}_terms`)} t WHERE t.term = ${p.first} || asked.word ${condition}
          AND NOT EXISTS (SELECT 1 FROM ${dialect.texts(p.others, "scope")} WHERE NOT EXISTS (
            SELECT 1 FROM ${sql.table(`${table}_terms`)} o WHERE o.term = scope.value || asked.word AND o."row" = t."row"))
        ORDER BY t."row" DESC LIMIT ${sql.lit(PER_WORD)}) AS found`;
  return {
    // What the asker has before it is mostly the newest that its readers know: messages are looked up below it, and above
    // it only those that are not of it.
    lookUp: statements.add<LookUpInput>(
      "search.look-up",
      { returns: "rows" },
      (_db, p) => sql`
      WITH asked AS MATERIALIZED (
        SELECT CAST(value ->> 'n' AS BIGINT) AS n, value ->> 'word' AS word FROM ${dialect.objects(p.words, "words")}),
      border AS MATERIALIZED (
        SELECT CASE WHEN first IS NULL THEN ${sql.lit(NO_ROW)} ELSE greatest(first, coalesce(last_older, 0) + 1) END AS at
        FROM (SELECT
          (SELECT "row" FROM messages WHERE session_id = ${p.sessionId} AND turn_seq >= ${p.fromTurnSeq} ORDER BY turn_seq, seq LIMIT 1) AS first,
          (SELECT max("row") FROM (SELECT "row" FROM messages WHERE session_id = ${p.sessionId} AND turn_seq < ${p.fromTurnSeq}
            ORDER BY turn_seq DESC, seq DESC LIMIT ${sql.lit(PER_WORD)}) AS older) AS last_older) AS edges)
      ${newest("message", p, sql`AND t."row" < (SELECT at FROM border)`)}
      UNION ALL
      ${newest(
        "message",
        p,
        sql`AND t."row" >= (SELECT at FROM border) AND NOT EXISTS (
          SELECT 1 FROM messages m WHERE m."row" = t."row" AND m.session_id = ${p.sessionId} AND m.turn_seq >= ${p.fromTurnSeq})`,
      )}
      UNION ALL
      ${newest("memory", p, sql``)}`,
    ),
    loadMessages: statements.add<{ rows: string }>(
      "search.load-messages",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m."row", m.id, m.session_id, m.turn_seq, m.role, m.parts, m.created_at, m.audience, m.space_id, s.agent_id, m.v
      FROM ${dialect.texts(p.rows, "found")} JOIN messages m ON m."row" = CAST(found.value AS BIGINT)
      JOIN sessions s ON s.id = m.session_id`,
    ),
    loadMemories: statements.add<{ rows: string }>(
      "search.load-memories",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m."row", m.id, NULL, NULL, 'memory', m.text, m.created_at, m.audience, m.space_id, m.agent_id, ${sql.lit(PAYLOAD_VERSION)}
      FROM ${dialect.texts(p.rows, "found")} JOIN memories m ON m."row" = CAST(found.value AS BIGINT)`,
    ),
  };
}

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
function createIndexing(deps: PortDeps, unit: UnitOfWork): WordIndex["indexNew"] {
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

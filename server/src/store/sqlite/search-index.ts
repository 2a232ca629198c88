import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type MessagePart, textOf } from "@troupe/contracts";
import type { Procedure } from "./engine.ts";
import type { Row, Value } from "./statement.ts";
import { PAYLOAD_VERSION } from "./tables.ts";
import { scopeOf, termsOf, wordsOf } from "./words.ts";

export const SEARCH = "search.find";
export const INDEX_NEW = "search.index-new";

/** Most words of a question that are looked up; the rest adds cost and no meaning. */
const MAX_ASKED = 16;
/** Newest records looked at for each word: bounds the work, and a rare word still finds its oldest use. */
const PER_WORD = 128;
/** Rows that one call of indexing reads over, wanted or not; keeps the writer's turn short. */
const MAX_INDEXED = 1000;

/**
 * Full-text search, run by whichever thread owns the connection. Each record is indexed under every peer of its
 * audience, so a lookup costs what one peer has heard, never what the store holds, and no word of others is touched.
 * Written as SQL text, because worker threads load no query builder and its types know no FTS5.
 */
export function searchProcedures(database: DatabaseSync): Readonly<Record<string, Procedure>> {
  const statements = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
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
    [SEARCH]: (values) => inOneRead(database, () => search(prepare, values)),
    [INDEX_NEW]: ([limit]) => indexNew(prepare, Number(limit)),
  };
}

function inOneRead<Found>(database: DatabaseSync, read: () => Found): Found {
  if (database.isTransaction) return read();
  database.exec("BEGIN");
  try {
    return read();
  } finally {
    database.exec("COMMIT");
  }
}

type Prepare = (text: string) => StatementSync;

// ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────────

const FIND = {
  message: "SELECT rowid FROM message_terms WHERE message_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
  memory: "SELECT rowid FROM memory_terms WHERE memory_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
} as const;

const LOAD = {
  message: `SELECT m.id, m.session_id, m.turn_seq, m.role, m.parts, m.created_at, m.audience, m.space_id, s.agent_id, m.v
    FROM messages m JOIN sessions s ON s.id = m.session_id WHERE m.row = ?`,
  memory: `SELECT id, NULL, NULL, 'memory', text, created_at, audience, space_id, agent_id, 1 FROM memories WHERE row = ?`,
} as const;

interface Candidate {
  readonly kind: "message" | "memory";
  readonly row: number;
  /** Bit i: holds asked word i. */
  words: number;
}

function search(
  prepare: Prepare,
  [spaceId, agentId, readersText, wordsText, limit]: readonly Value[],
): Row[] {
  const readers = JSON.parse(String(readersText)) as string[];
  const asked = [...new Set((JSON.parse(String(wordsText)) as string[]).flatMap(wordsOf))].slice(
    0,
    MAX_ASKED,
  );
  const scopes = readers.map((reader) => scopeOf(String(spaceId), String(agentId), reader));
  const { candidates, found } = collect(prepare, asked, scopes);
  const score = scorer(found, candidates.length);

  const ranked = candidates
    .map((candidate) => ({ ...candidate, score: score(candidate.words) }))
    .sort(
      (a, b) =>
        b.score - a.score || Number(a.kind === "message") - Number(b.kind === "message") || b.row - a.row,
    );
  const hits: Row[] = [];
  for (const candidate of ranked) {
    if (hits.length >= Number(limit)) break;
    const hit = load(prepare, candidate, { spaceId, agentId, readers });
    if (hit !== undefined) hits.push([...hit, candidate.score]);
  }
  return hits;
}

/** Every word under every reader: what one of them does not know is not found at all. */
function collect(
  prepare: Prepare,
  asked: readonly string[],
  scopes: readonly string[],
): { candidates: Candidate[]; found: number[] } {
  const byKey = new Map<string, Candidate>();
  const found = asked.map((word, i) => {
    const match = scopes.map((scope) => `"${scope}${word}"`).join(" AND ");
    let count = 0;
    for (const kind of ["memory", "message"] as const) {
      for (const [row] of prepare(FIND[kind]).all(match, PER_WORD) as unknown as [number][]) {
        const key = `${kind}${row}`;
        const known = byKey.get(key);
        if (known === undefined) byKey.set(key, { kind, row, words: 1 << i });
        else known.words |= 1 << i;
        count++;
      }
    }
    return count;
  });
  return { candidates: [...byKey.values()], found };
}

/** Share of the asked words, each weighing more the fewer of the found records hold it. */
function scorer(found: readonly number[], total: number): (words: number) => number {
  const weights = found.map((count) => Math.log(1 + total / (count + 1)));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return (words) => weights.reduce((sum, weight, i) => (words & (1 << i) ? sum + weight : sum), 0) / whole;
}

/** The record itself. Its audience is compared in full: a scope is a short hash, and hashes may meet. */
function load(
  prepare: Prepare,
  { kind, row }: Candidate,
  asker: {
    readonly spaceId: Value | undefined;
    readonly agentId: Value | undefined;
    readonly readers: readonly string[];
  },
): Row | undefined {
  const record = prepare(LOAD[kind]).get(row) as unknown as Row | undefined;
  if (record === undefined) return undefined;
  const [id, sessionId, turnSeq, role, body, createdAt, audience, spaceId, agentId, v] = record as [
    Value,
    Value,
    Value,
    Value,
    string,
    Value,
    string,
    Value,
    Value,
    number,
  ];
  if (spaceId !== asker.spaceId || agentId !== asker.agentId || v > PAYLOAD_VERSION) return undefined;
  const knowing = JSON.parse(audience) as string[];
  if (!asker.readers.every((reader) => knowing.includes(reader))) return undefined;
  const text = kind === "message" ? textOf(JSON.parse(body) as MessagePart[]) : body;
  return [kind, id, sessionId, turnSeq, role, text, createdAt];
}

// ── indexing ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Messages after the cursor. What a peer said is indexed however its turn ended, for it was said; an assistant's words
 * only when the turn went well. Newer payloads are passed over.
 */
const NEXT = `SELECT m.row, m.space_id, s.agent_id, m.audience, m.parts,
    m.v <= ${PAYLOAD_VERSION} AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))
  FROM messages m JOIN sessions s ON s.id = m.session_id
  WHERE m.row > ifnull((SELECT row FROM search_cursor WHERE name = 'messages'), 0) ORDER BY m.row LIMIT ?`;
const INSERT = "INSERT INTO message_terms (rowid, terms) VALUES (?, ?)";
const ADVANCE =
  "INSERT INTO search_cursor (name, row) VALUES ('messages', ?) ON CONFLICT (name) DO UPDATE SET row = excluded.row";

/** Resolves with how many rows it passed. Part of a transaction: rows and cursor move together. */
function indexNew(prepare: Prepare, limit: number): Row {
  const rows = prepare(NEXT).all(Math.min(Math.max(limit, 1), MAX_INDEXED)) as unknown as [
    number,
    string,
    string,
    string,
    string,
    number,
  ][];
  const last = rows.at(-1);
  if (last === undefined) return [0];
  for (const [row, spaceId, agentId, audience, parts, isWanted] of rows) {
    if (isWanted !== 1) continue;
    const terms = termsOf({
      spaceId,
      agentId,
      audience: JSON.parse(audience) as string[],
      text: textOf(JSON.parse(parts) as MessagePart[]),
    });
    if (terms !== "") prepare(INSERT).run(row, terms);
  }
  prepare(ADVANCE).run(last[0]);
  return [rows.length];
}

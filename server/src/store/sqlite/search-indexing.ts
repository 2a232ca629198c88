import { type MessagePart, textOf } from "@troupe/contracts";
import type { Row } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { scopesOf, termsOf } from "../words.ts";
import type { Prepare } from "./engine.ts";

/** Rows that one call of indexing reads over, wanted or not; keeps the writer's turn short. */
const MAX_INDEXED = 1000;

/**
 * Messages after the cursor. What a peer said is indexed however its turn ended, for it was said; an assistant's words
 * only when the turn went well. Copies of a branch and newer payloads are passed over.
 */
const NEXT = `SELECT m.row, m.space_id, s.agent_id, m.session_id, m.turn_seq, m.audience, m.parts,
    m.v <= ${PAYLOAD_VERSION} AND m.copied = 0 AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))
  FROM messages m JOIN sessions s ON s.id = m.session_id
  WHERE m.row > ifnull((SELECT row FROM search_cursor WHERE name = 'messages'), 0) ORDER BY m.row LIMIT (? + 0)`;
type Next = readonly [number, string, string, string, number, string, string, number];

const INSERT = "INSERT INTO message_terms (rowid, terms) VALUES (?, ?)";
const SCOPE = `INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row) VALUES (?, ?, ?, ?)
  ON CONFLICT (scope, session_id) DO UPDATE SET
    from_turn_seq = min(from_turn_seq, excluded.from_turn_seq), last_row = max(last_row, excluded.last_row)`;
const ADVANCE =
  "INSERT INTO search_cursor (name, row) VALUES ('messages', ?) ON CONFLICT (name) DO UPDATE SET row = excluded.row";

/** Merges segments of three and more into one, until so many pages are written; a few milliseconds at most. */
const MERGE = [
  "INSERT INTO message_terms (message_terms, rank) VALUES ('merge', 16)",
  "INSERT INTO memory_terms (memory_terms, rank) VALUES ('merge', 16)",
];

/** What a batch brought to one session under one scope. */
interface Reach {
  readonly scope: string;
  readonly sessionId: string;
  fromTurnSeq: number;
  lastRow: number;
}

/** Resolves with how many rows it passed. Part of a transaction: rows, scopes and cursor move together. */
export function indexNew(prepare: Prepare, limit: number): Row {
  const rows = prepare(NEXT).all(Math.min(Math.max(limit, 1), MAX_INDEXED)) as unknown as Next[];
  const last = rows.at(-1);
  if (last === undefined) return [0];
  const reaches = new Map<string, Reach>();
  for (const [row, spaceId, agentId, sessionId, turnSeq, audience, parts, isWanted] of rows) {
    if (isWanted !== 1) continue;
    const record = { spaceId, agentId, audience: JSON.parse(audience) as string[] };
    const terms = termsOf({ ...record, text: textOf(JSON.parse(parts) as MessagePart[]) });
    if (terms === "") continue;
    prepare(INSERT).run(row, terms);
    for (const scope of scopesOf(record))
      reach(reaches, { scope, sessionId, fromTurnSeq: turnSeq, lastRow: row });
  }
  for (const { scope, sessionId, fromTurnSeq, lastRow } of reaches.values())
    prepare(SCOPE).run(scope, sessionId, fromTurnSeq, lastRow);
  prepare(ADVANCE).run(last[0]);
  for (const merge of MERGE) prepare(merge).run();
  return [rows.length];
}

function reach(reaches: Map<string, Reach>, one: Reach): void {
  const key = one.scope + one.sessionId;
  const known = reaches.get(key);
  if (known === undefined) {
    reaches.set(key, one);
    return;
  }
  known.fromTurnSeq = Math.min(known.fromTurnSeq, one.fromTurnSeq);
  known.lastRow = one.lastRow;
}

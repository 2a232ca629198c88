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
import type { Row, Value } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import type { Prepare } from "./engine.ts";

/** The hits of a question as `ports/search.ts` binds it, best first. */
export function find(prepare: Prepare, values: readonly Value[]): Row[] {
  const question = questionOf(values);
  const ranked = rank(collect(prepare, question), question);
  const hits: Row[] = [];
  for (let at = 0; at < ranked.length && hits.length < question.limit; at += question.limit) {
    const some = ranked.slice(at, at + question.limit);
    const records = { message: load(prepare, "message", some), memory: load(prepare, "memory", some) };
    for (const { kind, row, score } of some) {
      const record = records[kind].get(row);
      if (record !== undefined && mayBeTold(record, question)) hits.push(hitOf(kind, record, score));
    }
  }
  return hits.slice(0, question.limit);
}

// ── looking up ──────────────────────────────────────────────────────────────────────────────────────────────────

/** For each word, those newest records between two rows that hold it under every scope. Row numbers are whole only when cast. */
const lookup = (table: string): string => `SELECT word.key, (SELECT json_group_array(rowid) FROM (
    SELECT rowid FROM ${table} WHERE ${table} MATCH word.value AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER)
    ORDER BY rowid DESC LIMIT ${PER_WORD})) FROM json_each(?) word`;
const LOOK_UP = { message: lookup("message_terms"), memory: lookup("memory_terms") } as const;

/** Whether every reader has memories, and whether every one has messages of other sessions from some row on. */
const REACH = `SELECT
  NOT EXISTS (SELECT 1 FROM json_each(?) scope WHERE NOT EXISTS (
    SELECT 1 FROM search_scopes WHERE scope = scope.value AND session_id = '')),
  NOT EXISTS (SELECT 1 FROM json_each(?) scope WHERE NOT EXISTS (
    SELECT 1 FROM search_scopes WHERE scope = scope.value AND last_row >= ? AND session_id <> ?))`;

/**
 * Where what the asker has before it begins: its first row, and the last of the session's older rows, for a turn's answer
 * may come after the message that begins the next.
 */
const BEFORE_IT = `SELECT
  (SELECT row FROM messages WHERE session_id = ? AND turn_seq >= ? ORDER BY turn_seq, seq LIMIT 1),
  (SELECT max(row) FROM (
    SELECT row FROM messages WHERE session_id = ? AND turn_seq < ? ORDER BY turn_seq DESC, seq DESC LIMIT ${PER_WORD}))`;

const NOT_BEFORE_IT = `SELECT value FROM json_each(?) WHERE NOT EXISTS (
  SELECT 1 FROM messages WHERE row = value AND session_id = ? AND turn_seq >= ?)`;

/**
 * Every word under every reader: what one of them does not know is not found at all. What the asker has before it is
 * mostly the newest that its readers know, so messages are looked up below it, and above only where there are others.
 */
function collect(prepare: Prepare, question: Question): Candidate[] {
  const { asked, scopes, except } = question;
  if (asked.length === 0) return [];
  const scopeList = JSON.parse(scopes) as string[];
  const matches = JSON.stringify(
    asked.map((word) => scopeList.map((scope) => `"${scope}${word}"`).join(" AND ")),
  );
  const border = except === undefined ? NO_ROW : borderOf(prepare, except);
  const [hasMemories, hasOthersAbove] = prepare(REACH).get(
    scopes,
    scopes,
    border,
    except?.sessionId ?? "",
  ) as unknown as [number, number];

  const found = lookUp(prepare, "message", matches, 0, border);
  if (except !== undefined && hasOthersAbove === 1) {
    const above = lookUp(prepare, "message", matches, border, NO_ROW);
    found.push(...withoutShown(prepare, above, except));
  }
  if (hasMemories === 1) found.push(...lookUp(prepare, "memory", matches, 0, NO_ROW));
  return found;
}

function lookUp(
  prepare: Prepare,
  kind: Candidate["kind"],
  matches: string,
  fromRow: number,
  beforeRow: number,
): Candidate[] {
  const byRow = new Map<number, Candidate>();
  for (const [word, list] of prepare(LOOK_UP[kind]).all(fromRow, beforeRow, matches) as unknown as [
    number,
    string,
  ][]) {
    for (const row of JSON.parse(list) as number[]) {
      const known = byRow.get(row);
      if (known === undefined) byRow.set(row, { kind, row, words: 1 << word });
      else known.words |= 1 << word;
    }
  }
  return [...byRow.values()];
}

function borderOf(prepare: Prepare, { sessionId, fromTurnSeq }: NonNullable<Question["except"]>): number {
  const [first, lastOlder] = prepare(BEFORE_IT).get(
    sessionId,
    fromTurnSeq,
    sessionId,
    fromTurnSeq,
  ) as unknown as [number | null, number | null];
  return first === null ? NO_ROW : Math.max(first, (lastOlder ?? 0) + 1);
}

function withoutShown(
  prepare: Prepare,
  candidates: readonly Candidate[],
  { sessionId, fromTurnSeq }: NonNullable<Question["except"]>,
): Candidate[] {
  if (candidates.length === 0) return [];
  const rows = JSON.stringify(candidates.map(({ row }) => row));
  const kept = new Set(
    (prepare(NOT_BEFORE_IT).all(rows, sessionId, fromTurnSeq) as unknown as [number][]).map(([row]) => row),
  );
  return candidates.filter(({ row }) => kept.has(row));
}

// ── loading ─────────────────────────────────────────────────────────────────────────────────────────────────────

const LOAD = {
  message: `SELECT m.row, m.id, m.session_id, m.turn_seq, m.role, m.parts, m.created_at, m.audience, m.space_id, s.agent_id, m.v
    FROM json_each(?) found CROSS JOIN messages m ON m.row = found.value JOIN sessions s ON s.id = m.session_id`,
  memory: `SELECT m.row, m.id, NULL, NULL, 'memory', m.text, m.created_at, m.audience, m.space_id, m.agent_id, ${PAYLOAD_VERSION}
    FROM json_each(?) found CROSS JOIN memories m ON m.row = found.value`,
} as const;
function load(
  prepare: Prepare,
  kind: Candidate["kind"],
  candidates: readonly Candidate[],
): ReadonlyMap<number, Found> {
  const rows = candidates.filter((candidate) => candidate.kind === kind).map(({ row }) => row);
  if (rows.length === 0) return new Map();
  const records = prepare(LOAD[kind]).all(JSON.stringify(rows)) as unknown as Found[];
  return new Map(records.map((record) => [record[0], record]));
}

import {
  type Candidate,
  type Found,
  hitsAmong,
  type Kind,
  NEAR,
  NO_ROW,
  OLDER,
  type Question,
  questionOf,
  rankByWords,
  rankingOf,
  type Window,
} from "../ranking/index.ts";
import type { Row, Value } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import type { Prepare } from "./engine.ts";

/** The hits of a question as `ports/search.ts` binds it, best first. */
export function find(prepare: Prepare, values: readonly Value[]): readonly Row[] {
  const question = questionOf(values);
  const candidates = collect(prepare, question);
  if (candidates.length === 0) return [];
  if (question.hints === undefined) return findWords(prepare, question, candidates);
  const ranking = rankingOf(candidates, question);
  const { wanted, hits } = ranking.near(windowsOf(prepare, ranking.seeds));
  return hits({
    message: load(prepare, "message", wanted.message, question.meaning?.model),
    memory: load(prepare, "memory", wanted.memory, question.meaning?.model),
  });
}

function findWords(prepare: Prepare, question: Question, candidates: readonly Candidate[]): readonly Row[] {
  const { limit } = question;
  const ranked = rankByWords(candidates, question);
  const hits: Row[] = [];
  for (let at = 0; at < ranked.length && hits.length < limit; at += limit) {
    const some = ranked.slice(at, at + limit);
    const rowsOf = (kind: Kind): readonly number[] =>
      some.filter((one) => one.kind === kind).map(({ row }) => row);
    const message = load(prepare, "message", rowsOf("message"));
    const memory = load(prepare, "memory", rowsOf("memory"));
    hits.push(...hitsAmong(some, { message, memory }, question));
  }
  return hits.slice(0, limit);
}

// ── looking up ──────────────────────────────────────────────────────────────────────────────────────────────────

/** For each word, those newest records between two rows that hold it under every scope. Row numbers are whole only when cast. */
const lookup = (table: string): string => `SELECT word.key, (SELECT json_group_array(rowid) FROM (
    SELECT rowid FROM ${table} WHERE ${table} MATCH word.value AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER)
    ORDER BY rowid DESC LIMIT CAST(? AS INTEGER))) FROM json_each(?) word`;
const LOOK_UP = { message: lookup("message_terms"), memory: lookup("memory_terms") } as const;

/**
 * Whether every reader has memories, whether there are any for everybody, and whether every reader has messages of other
 * sessions from some row on.
 */
const REACH = `SELECT
  NOT EXISTS (SELECT 1 FROM json_each(?) scope WHERE NOT EXISTS (
    SELECT 1 FROM search_scopes WHERE scope = scope.value AND session_id = '')),
  EXISTS (SELECT 1 FROM search_scopes WHERE scope = ? AND session_id = ''),
  NOT EXISTS (SELECT 1 FROM json_each(?) scope WHERE NOT EXISTS (
    SELECT 1 FROM search_scopes WHERE scope = scope.value AND last_row >= ? AND session_id <> ?))`;

/**
 * Where what the asker has before it begins: its first row, and the last of the session's older rows, for a turn's answer
 * may come after the message that begins the next.
 */
const BEFORE_IT = `SELECT
  (SELECT row FROM messages WHERE session_id = ? AND turn_seq >= ? ORDER BY turn_seq, seq LIMIT 1),
  (SELECT max(row) FROM (
    SELECT row FROM messages WHERE session_id = ? AND turn_seq < ? ORDER BY turn_seq DESC, seq DESC LIMIT ${OLDER}))`;

const NOT_BEFORE_IT = `SELECT value FROM json_each(?) WHERE NOT EXISTS (
  SELECT 1 FROM messages WHERE row = value AND session_id = ? AND turn_seq >= ?)`;

/**
 * Every word under every reader: what one of them does not know is not found at all. What the asker has before it is
 * mostly the newest that its readers know, so messages are looked up below it, and above only where there are others.
 */
function collect(prepare: Prepare, question: Question): Candidate[] {
  const { asked, scopes, everyone, except } = question;
  if (asked.length === 0) return [];
  const scopeList = JSON.parse(scopes) as string[];
  const matches = JSON.stringify(
    asked.map((word) => scopeList.map((scope) => `"${scope}${word}"`).join(" AND ")),
  );
  const border = except === undefined ? NO_ROW : borderOf(prepare, except);
  const [hasMemories, hasEveryones, hasOthersAbove] = prepare(REACH).get(
    scopes,
    everyone,
    scopes,
    border,
    except?.sessionId ?? "",
  ) as unknown as [number, number, number];

  const { perWord } = question.effort;
  const found = lookUp(prepare, "message", { matches, perWord }, 0, border);
  if (except !== undefined && hasOthersAbove === 1) {
    const above = lookUp(prepare, "message", { matches, perWord }, border, NO_ROW);
    found.push(...withoutShown(prepare, above, except));
  }
  if (hasMemories === 1) found.push(...lookUp(prepare, "memory", { matches, perWord }, 0, NO_ROW));
  if (hasEveryones === 1) {
    const theirs = JSON.stringify(asked.map((word) => `"${everyone}${word}"`));
    const known = lookUp(prepare, "memory", { matches: theirs, perWord }, 0, NO_ROW);
    found.push(...known.map((one) => ({ ...one, isForAll: true })));
  }
  return found;
}

interface Words {
  /** As JSON. */
  readonly matches: string;
  readonly perWord: number;
}

function lookUp(
  prepare: Prepare,
  kind: Kind,
  { matches, perWord }: Words,
  fromRow: number,
  beforeRow: number,
): Candidate[] {
  const byRow = new Map<number, Candidate>();
  const lists = prepare(LOOK_UP[kind]).all(fromRow, beforeRow, perWord, matches);
  for (const [word, list] of lists as unknown as [number, string][]) {
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

/** The subselect reads the index of the sessions' order alone. */
const AROUND = `SELECT m.row, m.session_id, m.seq, (
    SELECT json_group_array(n.row * 8 + n.seq - m.seq + ${NEAR}) FROM messages n
    WHERE n.session_id = m.session_id AND n.seq BETWEEN m.seq - ${NEAR} AND m.seq + ${NEAR})
  FROM json_each(?) seed CROSS JOIN messages m ON m.row = seed.value`;

function windowsOf(prepare: Prepare, seeds: readonly number[]): readonly Window[] {
  if (seeds.length === 0) return [];
  const rows = prepare(AROUND).all(JSON.stringify(seeds)) as unknown as [number, string, number, string][];
  return rows.map(([row, sessionId, seq, around]) => ({
    ...{ row, sessionId, seq },
    around: JSON.parse(around) as number[],
  }));
}

/** Only what may be found at all: neighbours of a hit may be anything. */
const MESSAGES = `FROM json_each(?) found CROSS JOIN messages m ON m.row = found.value JOIN sessions s ON s.id = m.session_id`;
const MAY_BE_FOUND =
  "WHERE m.copied = 0 AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))";
const MESSAGE = `m.row, m.id, m.session_id, m.turn_seq, m.role, m.parts, m.created_at, m.audience, m.space_id, s.agent_id, m.v`;
const MEMORIES = "FROM json_each(?) found CROSS JOIN memories m ON m.row = found.value";
const MEMORY = `m.row, m.id, NULL, NULL, CASE m.kind WHEN 'document' THEN 'document' ELSE 'memory' END, m.text, m.created_at, m.audience, m.space_id, m.agent_id, ${PAYLOAD_VERSION}`;
const vectorOfKind = (kind: Kind): string =>
  `LEFT JOIN vectors v ON v.owner_kind = '${kind}' AND v.owner_id = m.id AND v.model = ?`;

const LOAD = {
  message: `SELECT ${MESSAGE}, NULL, NULL ${MESSAGES} ${MAY_BE_FOUND}`,
  memory: `SELECT ${MEMORY}, NULL, m.emotion ${MEMORIES} WHERE m.closed_at IS NULL`,
} as const;
const LOAD_WITH_VECTORS = {
  message: `SELECT ${MESSAGE}, v.numbers, NULL ${MESSAGES} ${vectorOfKind("message")} ${MAY_BE_FOUND}`,
  memory: `SELECT ${MEMORY}, v.numbers, m.emotion ${MEMORIES} ${vectorOfKind("memory")} WHERE m.closed_at IS NULL`,
} as const;

function load(
  prepare: Prepare,
  kind: Kind,
  rows: readonly number[],
  model?: string,
): ReadonlyMap<number, Found> {
  if (rows.length === 0) return new Map();
  const some = JSON.stringify(rows);
  const records =
    model === undefined ? prepare(LOAD[kind]).all(some) : prepare(LOAD_WITH_VECTORS[kind]).all(some, model);
  return new Map((records as unknown as Found[]).map((record) => [record[0], record]));
}

import type { CallOptions, UnitOfWork } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { PortDeps } from "../ports/kit.ts";
import type { WordIndex } from "../ports/search.ts";
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
import type { Row, Statement } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { createIndexing } from "./word-indexing.ts";

/**
 * The full-text index as tables of terms: a word under the scope of each peer that may find it. It finds and scores as
 * SQLite's does; only the lookups are other.
 */
export function createPostgresWordIndex(deps: PortDeps, unit: UnitOfWork): WordIndex {
  const { collect, windowsOf, loadMessages, loadMemories } = createLookUps(deps);
  const indexing = createIndexing(deps, unit);

  const findWords = async (
    question: Question,
    candidates: readonly Candidate[],
    options: CallOptions,
  ): Promise<readonly Row[]> => {
    const { limit } = question;
    const ranked = rankByWords(candidates, question);
    const hits: Row[] = [];
    for (let at = 0; at < ranked.length && hits.length < limit; at += limit) {
      const some = ranked.slice(at, at + limit);
      const rowsOf = (kind: Kind): readonly number[] =>
        some.filter((one) => one.kind === kind).map(({ row }) => row);
      const [message, memory] = await Promise.all([
        loadMessages(rowsOf("message"), options),
        loadMemories(rowsOf("memory"), options),
      ]);
      hits.push(...hitsAmong(some, { message, memory }, question));
    }
    return hits.slice(0, limit);
  };

  return {
    async find(values, options) {
      const question = questionOf(values);
      if (question.asked.length === 0) return [];
      const candidates = await collect(question, options);
      if (candidates.length === 0) return [];
      if (question.hints === undefined) return findWords(question, candidates, options);
      const ranking = rankingOf(candidates, question);
      const { wanted, hits } = ranking.near(await windowsOf(ranking.seeds, options));
      const model = question.meaning?.model;
      const [message, memory] = await Promise.all([
        loadMessages(wanted.message, options, model),
        loadMemories(wanted.memory, options, model),
      ]);
      return hits({ message, memory });
    },
    indexNew: indexing,
  };
}

/** Each is one statement, and so one round trip. */
function createLookUps(deps: PortDeps) {
  const { reads } = deps;
  const { lookUp, around, loadMessages, loadMemories } = searchStatements(deps);

  const collect = async (question: Question, options: CallOptions): Promise<Candidate[]> => {
    const { asked, scopes, everyone, except, effort } = question;
    const [first = "", ...others] = JSON.parse(scopes) as string[];
    const input = {
      words: JSON.stringify(asked.map((word, n) => ({ n, word }))),
      first,
      everyone,
      others: JSON.stringify(others),
      perWord: effort.perWord,
      sessionId: typeof except?.sessionId === "string" ? except.sessionId : undefined,
      fromTurnSeq: except?.fromTurnSeq,
    };
    const found: Readonly<Record<Source, Map<number, Candidate>>> = {
      ...{ message: new Map(), memory: new Map(), all: new Map() },
    };
    for (const [source, n, list] of await reads.farRows(lookUp, input, options)) {
      const byRow = found[source as Source];
      const kind = source === "message" ? "message" : "memory";
      const bit = 1 << Number(n);
      for (const row of numbersOf(list)) {
        const known = byRow.get(row);
        if (known !== undefined) known.words |= bit;
        else byRow.set(row, { kind, row, words: bit, isForAll: source === "all" });
      }
    }
    return Object.values(found).flatMap((some) => [...some.values()]);
  };
  const windowsOf = async (seeds: readonly number[], options: CallOptions): Promise<readonly Window[]> => {
    if (seeds.length === 0) return [];
    const rows = await reads.farRows(around, { rows: JSON.stringify(seeds) }, options);
    return rows.map(([row, sessionId, seq, list]) => ({
      ...{ row: Number(row), sessionId: String(sessionId), seq: Number(seq) },
      around: numbersOf(list),
    }));
  };
  const load = async (
    [plain, withVectors]: Loading,
    rows: readonly number[],
    options: CallOptions,
    model: string | undefined,
  ): Promise<ReadonlyMap<number, Found>> => {
    if (rows.length === 0) return new Map();
    const input = { rows: JSON.stringify(rows) };
    const records =
      model === undefined
        ? await reads.farRows(plain, input, options)
        : await reads.farRows(withVectors, { ...input, model }, options);
    return new Map((records as unknown as readonly Found[]).map((record) => [record[0], record]));
  };
  return {
    collect,
    windowsOf,
    loadMessages: (rows: readonly number[], options: CallOptions, model?: string) =>
      load(loadMessages, rows, options, model),
    loadMemories: (rows: readonly number[], options: CallOptions, model?: string) =>
      load(loadMemories, rows, options, model),
  };
}

/** `all`: memories that everybody may be told. */
type Source = Kind | "all";

/** Of a list of numbers as text, which costs a fraction of a row each. */
function numbersOf(list: unknown): readonly number[] {
  return String(list).split(",").map(Number);
}

/** How records of a kind are loaded: alone, and with their vectors by a model. */
type Loading = readonly [Statement<{ rows: string }>, Statement<{ rows: string; model: string }>];

interface LookUpInput {
  readonly words: string;
  readonly first: string;
  readonly everyone: string;
  readonly others: string;
  readonly perWord: number;
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
        ORDER BY t."row" DESC LIMIT ${p.perWord}) AS found`;
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
            ORDER BY turn_seq DESC, seq DESC LIMIT ${sql.lit(OLDER)}) AS older) AS last_older) AS edges)
      SELECT kind, n, string_agg(CAST("row" AS TEXT), ',') FROM (
      ${newest("message", p, sql`AND t."row" < (SELECT at FROM border)`)}
      UNION ALL
      ${newest(
        "message",
        p,
        sql`AND t."row" >= (SELECT at FROM border) AND NOT EXISTS (
          SELECT 1 FROM messages m WHERE m."row" = t."row" AND m.session_id = ${p.sessionId} AND m.turn_seq >= ${p.fromTurnSeq})`,
      )}
      UNION ALL
      ${newest("memory", p, sql``)}
      UNION ALL
      SELECT 'all', asked.n, found."row" FROM asked CROSS JOIN LATERAL (
        SELECT t."row" FROM memory_terms t WHERE t.term = CAST(${p.everyone} AS TEXT) || asked.word
        ORDER BY t."row" DESC LIMIT ${p.perWord}) AS found) AS newest GROUP BY kind, n`,
    ),
    around: statements.add<{ rows: string }>(
      "search.around",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m."row", m.session_id, m.seq, (
        SELECT string_agg(CAST(n."row" * 8 + n.seq - m.seq + ${sql.lit(NEAR)} AS TEXT), ',') FROM messages n
        WHERE n.session_id = m.session_id AND n.seq BETWEEN m.seq - ${sql.lit(NEAR)} AND m.seq + ${sql.lit(NEAR)})
      FROM ${dialect.texts(p.rows, "seed")} JOIN messages m ON m."row" = CAST(seed.value AS BIGINT)`,
    ),
    ...loadStatements({ statements, dialect }),
  };
}

function loadStatements({ statements, dialect }: Pick<PortDeps, "statements" | "dialect">): {
  readonly loadMessages: Loading;
  readonly loadMemories: Loading;
} {
  const vectorOfKind = (kind: Kind, model: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`LEFT JOIN vectors v ON v.owner_kind = ${sql.lit(kind)} AND v.owner_id = m.id AND v.model = ${model}`;
  // Only what may be found at all: neighbours of a hit may be anything.
  const messages = (rows: unknown, numbers: RawBuilder<unknown>, vector: RawBuilder<unknown>) => sql`
      SELECT m."row", m.id, m.session_id, m.turn_seq, m.role, m.parts, m.created_at, m.audience, m.space_id, s.agent_id, m.v, ${numbers}, NULL
      FROM ${dialect.texts(rows, "found")} JOIN messages m ON m."row" = CAST(found.value AS BIGINT)
      JOIN sessions s ON s.id = m.session_id ${vector}
      WHERE m.copied = 0 AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))`;
  const memories = (rows: unknown, numbers: RawBuilder<unknown>, vector: RawBuilder<unknown>) => sql`
      SELECT m."row", m.id, NULL, NULL, CASE m.kind WHEN 'document' THEN 'document' ELSE 'memory' END, m.text, m.created_at, m.audience, m.space_id, m.agent_id, ${sql.lit(PAYLOAD_VERSION)}, ${numbers}, m.emotion
      FROM ${dialect.texts(rows, "found")} JOIN memories m ON m."row" = CAST(found.value AS BIGINT) ${vector}
      WHERE m.closed_at IS NULL`;
  const loading = (kind: Kind, name: string, build: typeof messages): Loading => [
    statements.add<{ rows: string }>(name, { returns: "rows" }, (_db, p) => build(p.rows, sql`NULL`, sql``)),
    statements.add<{ rows: string; model: string }>(`${name}-with-vectors`, { returns: "rows" }, (_db, p) =>
      build(p.rows, sql`v.numbers`, vectorOfKind(kind, sql`${p.model}`)),
    ),
  ];
  return {
    loadMessages: loading("message", "search.load-messages", messages),
    loadMemories: loading("memory", "search.load-memories", memories),
  };
}

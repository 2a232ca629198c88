import {
  type CallOptions,
  EVERYONE,
  type SearchHit,
  type SearchQuery,
  type SearchStore,
} from "@troupe/contracts";
import { sql } from "kysely";
import { asks, base64Of } from "../ranking/index.ts";
import type { Row, Value } from "../statement.ts";
import { scopeOf } from "../words.ts";
import { namesText, type PortDeps, parseAudience } from "./kit.ts";

/** Remembered answers, of some hundred bytes each. */
const MAX_KNOWN = 10_000;

/** The full-text index of one database. */
export interface WordIndex {
  /** Hits of a question, best first; `values` are what `questionOf` reads. */
  find(values: readonly Value[], options: CallOptions): Promise<readonly Row[]>;
  indexNew: SearchStore["indexNew"];
}

/** Asks what needs no search here; questions and answers are carried to and from the index. */
export function createSearchStore(
  { statements, reads, dialect }: PortDeps,
  index: WordIndex,
): Omit<SearchStore, "renew"> {
  const knowing = statements.add<{
    scopes: string;
    everyone: string;
    sessionId: string | undefined;
    fromTurnSeq: number;
  }>(
    "search.knowing",
    { returns: "row" },
    (_db, p) => sql`
      SELECT 1 WHERE EXISTS (SELECT 1 FROM search_scopes WHERE scope = ${p.everyone} AND session_id = '')
        OR NOT EXISTS (SELECT 1 FROM ${dialect.texts(p.scopes, "scope")} WHERE NOT EXISTS (
        SELECT 1 FROM search_scopes known WHERE known.scope = scope.value
          AND (CAST(${p.sessionId} AS TEXT) IS NULL OR known.session_id <> ${p.sessionId} OR known.from_turn_seq < ${p.fromTurnSeq})))`,
  );

  const known = new Set<string>();

  /**
   * Whether every reader, or everybody, knows of something that the asker does not have before it: a few index lookups on this thread, where
   * a search is another thread's work. Never wrongly no, for it reads what indexing keeps in one transaction. A yes is
   * remembered, since knowledge hardly ever goes; an old one costs a search and finds nothing.
   */
  const mayFind = async (
    scopes: string,
    { spaceId, agentId, except }: SearchQuery,
    options: CallOptions,
  ): Promise<boolean> => {
    const key = `${except?.sessionId} ${scopes}`;
    if (known.has(key)) return true;
    const everyone = scopeOf(spaceId, agentId, EVERYONE);
    const input = { scopes, everyone, sessionId: except?.sessionId, fromTurnSeq: except?.fromTurnSeq ?? 0 };
    if ((await reads.row(knowing, input, options)) === undefined) return false;
    if (known.size >= MAX_KNOWN) known.clear();
    known.add(key);
    return true;
  };

  return {
    async search(query, options) {
      const { spaceId, agentId, readers, words, limit, minScore = 0, except } = query;
      if (readers.length === 0 || words.length === 0 || limit < 1) return [];
      const scopes = JSON.stringify(readers.map((reader) => scopeOf(spaceId, agentId, reader)));
      if (!(await mayFind(scopes, query, options))) return [];
      const values = [
        spaceId,
        agentId,
        namesText(readers),
        scopes,
        JSON.stringify(words),
        limit,
        minScore,
        except?.sessionId ?? null,
        except?.fromTurnSeq ?? null,
        query.text ?? null,
        query.askedAt ?? null,
        ...(await meaningValues(query, options)),
        query.mood === undefined ? null : JSON.stringify(query.mood),
      ];
      const rows = await index.find(values, options);
      return rows.map(([kind, id, sessionId, turnSeq, role, text, createdAt, score, audience]) => ({
        kind: kind as SearchHit["kind"],
        id: id as string,
        sessionId: (sessionId ?? undefined) as string | undefined,
        turnSeq: (turnSeq ?? undefined) as number | undefined,
        role: role as SearchHit["role"],
        text: text as string,
        audience: parseAudience(audience as string),
        createdAt: createdAt as number,
        score: score as number,
      }));
    },
    indexNew: index.indexNew,
  };
}

/** Asked for where it counts alone: it may take a while, and cost something. */
async function meaningValues(
  { text, meaning }: SearchQuery,
  options: CallOptions,
): Promise<readonly Value[]> {
  if (meaning === undefined || text === undefined || !asks(text)) return [null, null];
  const known = await meaning(options);
  return known === undefined ? [null, null] : [known.model, base64Of(known.vector)];
}

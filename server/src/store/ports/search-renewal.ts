import {
  type CallOptions,
  type MessagePart,
  type SearchStore,
  TroupeError,
  textOf,
  type UnitOfWork,
  type Write,
} from "@troupe/contracts";
import { sql } from "kysely";
import { write } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { scopesOf, termsOf } from "../words.ts";
import type { PortDeps } from "./kit.ts";

/** Rows that one call makes anew; keeps the writer's turn and this thread's short. */
const MOST = 200;
const MARKS = { message: "renewal/messages", memory: "renewal/memories" } as const;

type Kind = keyof typeof MARKS;
interface Stretch {
  readonly kind: Kind;
  /** Rows after this one, up to the other. */
  readonly from: number;
  readonly to: number;
  readonly rows: readonly Renewed[];
}
interface Renewed {
  readonly row: number;
  readonly id: string;
  readonly terms: string;
}
interface Reach {
  readonly scope: string;
  readonly sessionId: string;
  readonly fromTurnSeq: number;
  readonly lastRow: number;
}

/**
 * Words, scopes and the mark of how far it came change together, stretch by stretch, and only from where the mark was read: what is not
 * made anew yet is found as before, two at once do nothing twice, and whoever comes later goes on from the mark.
 */
export function createRenewal(deps: PortDeps, unit: UnitOfWork): SearchStore["renew"] {
  const { reads } = deps;
  const { marks, messages, memories } = readingStatements(deps);
  const writesOf = createWrites(deps);

  const commit = async (writes: readonly Write[], options: CallOptions): Promise<boolean> => {
    try {
      await unit.commit(writes, options);
      return true;
    } catch (error) {
      // Somebody else has done it.
      if (TroupeError.is(error, "store.conflict")) return false;
      throw error;
    }
  };

  return async (limit, options) => {
    const [looked] = await reads.farRows(marks, {}, options);
    const [indexed = 0, reached = 0, remembered = 0] = (looked ?? []).map(Number);
    const most = Math.min(Math.max(limit, 1), MOST);
    if (reached < indexed) {
      const rows = await reads.farRows(messages, { from: reached, to: indexed, limit: most }, options);
      const to = rows.length < most ? indexed : Number(rows.at(-1)?.[0]);
      const reaches: Reach[] = [];
      const renewed = rows.map(([row, id, space, agent, audience, parts, session, turnSeq]): Renewed => {
        const text = textOf(JSON.parse(String(parts)) as MessagePart[]);
        const record = recordOf(space, agent, audience, text);
        const place = { sessionId: String(session), fromTurnSeq: Number(turnSeq), lastRow: Number(row) };
        reaches.push(...scopesOf(record).map((scope) => ({ scope, ...place })));
        return { row: Number(row), id: String(id), terms: termsOf(record) };
      });
      const stretch = { kind: "message", from: reached, to, rows: renewed } as const;
      const isDone = await commit(writesOf.stretch(stretch, reaches), options);
      return { passed: isDone ? rows.length : 0, isMore: true };
    }
    const rows = await reads.farRows(memories, { from: remembered, limit: most }, options);
    const last = rows.at(-1);
    if (last === undefined) {
      await commit(writesOf.end(), options);
      return { passed: 0, isMore: false };
    }
    const renewed = rows.map(([row, id, space, agent, audience, text]): Renewed => {
      const record = recordOf(space, agent, audience, String(text));
      return { row: Number(row), id: String(id), terms: termsOf(record) };
    });
    const stretch = { kind: "memory", from: remembered, to: Number(last[0]), rows: renewed } as const;
    const isDone = await commit(writesOf.stretch(stretch, []), options);
    return { passed: isDone ? rows.length : 0, isMore: true };
  };
}

function recordOf(space: unknown, agent: unknown, audience: unknown, text: string) {
  const names = JSON.parse(String(audience)) as string[];
  return { spaceId: String(space), agentId: String(agent), audience: names, text };
}

function readingStatements({ statements }: PortDeps) {
  return {
    marks: statements.add<object>(
      "search.renewal-marks",
      { returns: "rows" },
      () => sql`
      SELECT coalesce((SELECT "row" FROM search_cursor WHERE name = 'messages'), 0),
        coalesce((SELECT "row" FROM search_cursor WHERE name = ${sql.lit(MARKS.message)}), 0),
        coalesce((SELECT "row" FROM search_cursor WHERE name = ${sql.lit(MARKS.memory)}), 0)`,
    ),
    // What indexing takes: see there.
    messages: statements.add<{ from: number; to: number; limit: number }>(
      "search.renewal-messages",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m."row", m.id, m.space_id, s.agent_id, m.audience, m.parts, m.session_id, m.turn_seq
      FROM messages m JOIN sessions s ON s.id = m.session_id
      WHERE m."row" > ${p.from} AND m."row" <= ${p.to} AND m.v <= ${sql.lit(PAYLOAD_VERSION)} AND m.copied = 0
        AND (m.role = 'user' OR (m.role = 'assistant' AND m.outcome = 'ok'))
      ORDER BY m."row" LIMIT ${p.limit}`,
    ),
    memories: statements.add<{ from: number; limit: number }>(
      "search.renewal-memories",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT "row", id, space_id, agent_id, audience, text FROM memories
      WHERE "row" > ${p.from} AND closed_at IS NULL ORDER BY "row" LIMIT ${p.limit}`,
    ),
  };
}

function createWrites({ statements, dialect }: PortDeps) {
  const advance = statements.add<{ mark: string; from: number; to: number }>(
    "search.renewal-advance",
    { guard: "store.conflict" },
    (_db, p) => sql`
    INSERT INTO search_cursor (name, "row") VALUES (${p.mark}, ${p.to})
    ON CONFLICT (name) DO UPDATE SET "row" = excluded."row" WHERE search_cursor."row" = ${p.from}`,
  );
  const forget = statements.add<object>(
    "search.renewal-end",
    {},
    () => sql`
    DELETE FROM search_cursor WHERE name IN (${sql.lit(MARKS.message)}, ${sql.lit(MARKS.memory)})`,
  );
  const termsOfKind = (kind: Kind) => ({
    remove: statements.add<{ from: number; to: number }>(`search.renewal-remove-${kind}`, {}, (_db, p) =>
      dialect.removeTerms(kind, p.from, p.to),
    ),
    add: statements.add<{ terms: string }>(`search.renewal-add-${kind}`, {}, (_db, p) =>
      dialect.addTerms(kind, p.terms),
    ),
  });
  const terms = { message: termsOfKind("message"), memory: termsOfKind("memory") };
  const addScopes = statements.add<{ scopes: string }>(
    "search.renewal-scopes",
    {},
    (_db, p) => sql`
    INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row)
    SELECT reached.value ->> 'scope', reached.value ->> 'sessionId', min(CAST(reached.value ->> 'fromTurnSeq' AS BIGINT)),
      max(CAST(reached.value ->> 'lastRow' AS BIGINT)) FROM ${dialect.objects(p.scopes, "reached")} WHERE true GROUP BY 1, 2
    ON CONFLICT (scope, session_id) DO UPDATE SET
      from_turn_seq = ${dialect.least(sql`search_scopes.from_turn_seq`, sql`excluded.from_turn_seq`)},
      last_row = ${dialect.greatest(sql`search_scopes.last_row`, sql`excluded.last_row`)}`,
  );
  return {
    stretch: ({ kind, from, to, rows }: Stretch, reaches: readonly Reach[]): readonly Write[] => [
      write(advance, { mark: MARKS[kind], from, to }),
      write(terms[kind].remove, { from, to }),
      write(terms[kind].add, { terms: JSON.stringify(rows.filter((one) => one.terms !== "")) }),
      ...(reaches.length === 0 ? [] : [write(addScopes, { scopes: JSON.stringify(reaches) })]),
    ],
    end: (): readonly Write[] => [write(forget, {})],
  };
}

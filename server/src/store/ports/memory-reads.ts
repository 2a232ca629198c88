import {
  EVERYONE,
  type MemoryAttributes,
  type MemoryClosing,
  type MemoryEmotion,
  type MemoryKind,
  type MemoryRecord,
  type MemoryScope,
  type SourceReference,
} from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { MemoryTable } from "../memory-tables.ts";
import type { Row, Statement } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { alsoOfSpace, knownToAll, namesText, type PortDeps, parseAudience } from "./kit.ts";
import { SALIENCE_UNIT } from "./memory-writes.ts";

/** Most records that something new is compared with. */
const MOST_ALIKE = 50;
const MOST_OF_KEY = 8;
/** Of a record that is told every day for years the newest say enough; how many there are is counted. */
const MOST_PROOFS = 16;

const COLUMNS = [
  "row",
  "id",
  "space_id",
  "agent_id",
  "audience",
  "text",
  "turn_id",
  "created_at",
  "kind",
  "scope",
  "scope_id",
  "attributes",
  "slot",
  "valid_from",
  "valid_to",
  "sources",
  "proof_count",
  "salience",
  "emotion",
  "uses",
  "last_used_at",
  "closed_at",
  "closed_reason",
  "successor_id",
  "promoted_at",
] as const satisfies readonly (keyof MemoryTable)[];

export interface ListInput {
  readonly spaceId: string;
  readonly agentId: string | undefined;
  readonly readers: string | undefined;
  readonly kinds: string | undefined;
  readonly before: number | undefined;
  readonly limit: number;
}

type State = "open" | "closed" | "all";
const STATES: Readonly<Record<State, RawBuilder<unknown>>> = {
  open: sql`AND m.closed_at IS NULL`,
  closed: sql`AND m.closed_at IS NOT NULL`,
  all: sql``,
};

interface FindInput {
  readonly spaceId: string;
  readonly readers: string | undefined;
  readonly ids: string;
  readonly includeClosed: boolean;
}

export interface MemorySelects {
  readonly listOf: Readonly<Record<State, Statement<ListInput>>>;
  readonly list: Readonly<Record<State, Statement<ListInput>>>;
  readonly held: Statement<ListInput>;
  /** Of open records of an agent those about people alone, by an index that holds no others. */
  readonly relationshipsOf: Statement<Omit<ListInput, "kinds">>;
  readonly find: Statement<FindInput>;
  readonly replacedBy: Statement<{ spaceId: string; id: string }>;
  readonly alike: Statement<AlikeInput>;
  readonly counts: Statement<{ spaceId: string; agentId: string | undefined }>;
}

interface AlikeInput {
  readonly spaceId: string;
  readonly agentId: string;
  /** Whose records come first. */
  readonly audience: string;
  readonly keys: string;
}

/** Statements that give records; no readers, as an operator asks, stand for those that everybody has. */
export function memorySelects(deps: PortDeps): MemorySelects {
  const { statements, dialect } = deps;
  const columns = columnsOf(deps);
  const found = sql`SELECT ${columns} FROM memories m`;
  return {
    ...lists(deps, columns),
    find: statements.add<FindInput>(
      "memory.find",
      { returns: "rows" },
      (_db, p) => sql`
      ${found} WHERE m.id IN (SELECT wanted.value FROM ${dialect.texts(p.ids, "wanted")}) AND ${alsoOfSpace("m.space_id", p.spaceId)}
        AND (m.closed_at IS NULL OR CAST(${p.includeClosed} AS BIGINT) = 1)
        AND ${mayBeTold(dialect, p.readers)}`,
    ),
    replacedBy: statements.add<{ spaceId: string; id: string }>(
      "memory.replaced-by",
      { returns: "rows" },
      (_db, p) =>
        sql`${found} WHERE m.successor_id = ${p.id} AND m.space_id = ${p.spaceId} ORDER BY m."row" DESC`,
    ),
    alike: statements.add<AlikeInput>(
      "memory.alike",
      { returns: "rows" },
      (_db, p) => sql`
      ${found} WHERE m."row" IN (SELECT CAST(newest.value AS BIGINT) FROM ${dialect.texts(p.keys, "wanted")},
          ${dialect.texts(newestOfKey(dialect, p), "newest")})
        AND m.closed_at IS NULL
        ORDER BY CASE WHEN m.audience = ${p.audience} THEN 0 ELSE 1 END, m."row" DESC LIMIT ${sql.lit(MOST_ALIKE)}`,
    ),
    counts: statements.add<{ spaceId: string; agentId: string | undefined }>(
      "memory.counts",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT agent_id, kind, count(*) - count(closed_at), count(closed_at) FROM memories
      WHERE space_id = ${p.spaceId} AND (CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})
      GROUP BY agent_id, kind ORDER BY agent_id, kind`,
    ),
  };
}

/** Records of one key, the newest: of "note 1" to "note 1000" each is like all others, and those with its very words have a key of their own. */
function newestOfKey(
  dialect: PortDeps["dialect"],
  p: { readonly spaceId: unknown; readonly agentId: unknown },
): RawBuilder<unknown> {
  return sql`(SELECT ${dialect.jsonArrayOf(sql.ref("k.memory_row"))} FROM (
      SELECT memory_row FROM memory_keys WHERE space_id = ${p.spaceId} AND agent_id = ${p.agentId}
        AND "key" = wanted.value ORDER BY memory_row DESC LIMIT ${sql.lit(MOST_OF_KEY)}) AS k)`;
}

/** True for a record of everybody, and for one that all readers (JSON) know. */
function mayBeTold(dialect: PortDeps["dialect"], readers: unknown): RawBuilder<boolean> {
  const audience = sql.ref("m.audience");
  return sql`(${audience} = ${sql.lit(namesText([EVERYONE]))} OR ${knownToAll(dialect, readers, audience)})`;
}

function columnsOf({ dialect }: PortDeps): RawBuilder<unknown> {
  const own = sql.join(COLUMNS.map((column) => sql.ref(`m.${column}`)));
  const proofs = dialect.jsonArrayOf(sql.ref("p.sources"));
  // Turns are numbered by time, so these are the newest.
  return sql`${own}, CASE WHEN m.proof_count = 1 THEN '[]' ELSE (SELECT ${proofs} FROM memory_proofs p WHERE p.memory_id = m.id AND p.turn_id >= coalesce((
    SELECT n.turn_id FROM memory_proofs n WHERE n.memory_id = m.id ORDER BY n.turn_id DESC
    LIMIT 1 OFFSET ${sql.lit(MOST_PROOFS - 1)}), '')) END`;
}

function lists(
  { statements, dialect }: PortDeps,
  columns: RawBuilder<unknown>,
): Pick<MemorySelects, "list" | "listOf" | "held" | "relationshipsOf"> {
  const page = (p: Required<Omit<ListInput, "kinds">>, of: RawBuilder<unknown>, state: State) => sql`
    ${of} ${STATES[state]}
      AND (CAST(${p.before} AS BIGINT) IS NULL OR m."row" < ${p.before})
      AND ${mayBeTold(dialect, p.readers)}
    ORDER BY m."row" DESC LIMIT ${p.limit}`;
  const ofKinds = (p: Required<ListInput>, of: RawBuilder<unknown>) => sql`${of}
      AND ((CAST(${p.kinds} AS TEXT) IS NULL AND m.kind <> 'document')
        OR m.kind IN (SELECT kind.value FROM ${dialect.texts(p.kinds, "kind")}))`;
  const asked = (p: Required<ListInput>, of: RawBuilder<unknown>, state: State) =>
    page(p, ofKinds(p, of), state);
  const rowsOf = (p: Required<Omit<ListInput, "kinds">>, of: RawBuilder<unknown>, state: State) =>
    sql`SELECT "row" FROM (SELECT m."row" FROM memories m WHERE m.space_id = ${p.spaceId} AND ${page(p, of, state)}) AS newest`;
  const newest = (p: Required<ListInput>, of: RawBuilder<unknown>, state: State) =>
    rowsOf(p, ofKinds(p, of), state);
  // The agent's own and the space's are two walks down two indexes, each as long as its page.
  const listOf = (state: State): Statement<ListInput> =>
    statements.add<ListInput>(
      `memory.list-${state}-of`,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM memories m WHERE m."row" IN (
        ${newest(p, sql`m.agent_id = ${p.agentId}`, state)} UNION ${newest(p, sql`m.scope = 'space'`, state)})
      ORDER BY m."row" DESC LIMIT ${p.limit}`,
    );
  // By row number, which ends with the page; the indexes of agents would be read whole and sorted.
  const list = (state: State): Statement<ListInput> =>
    statements.add<ListInput>(
      `memory.list-${state}`,
      { returns: "rows" },
      (_db, p) =>
        sql`SELECT ${columns} FROM memories m WHERE ${asked(p, alsoOfSpace("m.space_id", p.spaceId), state)}`,
    );
  const held = statements.add<ListInput>("memory.list-held", { returns: "rows" }, (_db, p) => {
    const of = sql`m.space_id = ${p.spaceId} AND m.agent_id = ${p.agentId} AND m.promoted_at IS NOT NULL`;
    return sql`SELECT ${columns} FROM memories m WHERE ${asked(p, of, "open")}`;
  });
  const relationshipsOf = statements.add<Omit<ListInput, "kinds">>(
    "memory.list-relationships-of",
    { returns: "rows" },
    (_db, p) => sql`
      SELECT ${columns} FROM memories m WHERE m."row" IN (
        ${rowsOf(p, sql`m.agent_id = ${p.agentId} AND m.kind = 'relationship'`, "open")} UNION
        ${rowsOf(p, sql`m.scope = 'space' AND m.kind = 'relationship'`, "open")})
      ORDER BY m."row" DESC LIMIT ${p.limit}`,
  );
  return {
    held,
    relationshipsOf,
    listOf: { open: listOf("open"), closed: listOf("closed"), all: listOf("all") },
    list: { open: list("open"), closed: list("closed"), all: list("all") },
  };
}

export function memoryOf(row: Row): MemoryRecord {
  const [, id, spaceId, agentId, audience, text, turnId, recordedAt, kind, scope, scopeId, ...more] =
    row.slice(0, COLUMNS.length) as unknown as TupleOf<MemoryTable, typeof COLUMNS>;
  const [attributes, slot, validFrom, validTo, sources, proofCount, salience, emotion, ...last] = more;
  const [uses, lastUsedAt, closedAt, reason, successorId, promotedAt] = last;
  return {
    ...{ id, spaceId, agentId, text, turnId, recordedAt, proofCount, uses },
    audience: parseAudience(audience),
    kind: kind as MemoryKind,
    scope: (scopeId === null ? { kind: scope } : { kind: scope, id: scopeId }) as MemoryScope,
    attributes: JSON.parse(attributes) as MemoryAttributes,
    ...(slot === null ? {} : { slot }),
    ...(validFrom === null ? {} : { validFrom }),
    ...(validTo === null ? {} : { validTo }),
    sources: sourcesOf(sources, row[COLUMNS.length]),
    salience: salience / SALIENCE_UNIT,
    ...(emotion === null ? {} : { emotion: JSON.parse(emotion) as MemoryEmotion }),
    ...(lastUsedAt === null ? {} : { lastUsedAt }),
    ...(promotedAt === null ? {} : { promotedAt }),
    ...(closedAt === null
      ? {}
      : {
          closed: {
            at: closedAt,
            reason: reason as MemoryClosing,
            ...(successorId === null ? {} : { successorId }),
          },
        }),
  };
}

/** The record's own, then those of its proofs, each once. */
function sourcesOf(own: string, proofs: unknown): readonly SourceReference[] {
  const lists = [own, ...(JSON.parse(String(proofs)) as string[])];
  if (lists.every((list) => list === "[]")) return [];
  const all = lists.flatMap((list) => JSON.parse(list) as SourceReference[]);
  return [...new Map(all.map((source) => [`${source.kind} ${source.id}`, source])).values()];
}

import {
  EVERYONE,
  MAX_ATTRIBUTE_BYTES,
  type MemoryRecord,
  type MemoryStore,
  type NewMemory,
  SUBJECTS,
  TroupeError,
  type Write,
} from "@troupe/contracts";
import { sql } from "kysely";
import { keysFor, likenessKeys, slotKey } from "../../kit/index.ts";
import { ringing, write } from "../statement.ts";
import { scopesOf, termsOf } from "../words.ts";
import { alsoOfSpace, namesText, type PortDeps } from "./kit.ts";

export const SALIENCE_UNIT = 1_000_000;
const DEFAULT_SALIENCE = 0.5;

export function memoryWrites(
  deps: PortDeps,
): Pick<MemoryStore, "put" | "prove" | "close" | "reopen" | "use" | "erase" | "restore"> {
  const { insert, addKeys, asItWas } = keepingStatements(deps);
  const { countProof, addProof, use } = provingStatements(deps);
  const { closeOpen, close, reopen } = closingStatements(deps);
  const { index, know, unindex } = indexStatements(deps);
  const returning = returningWrites(deps);
  const { erase, eraseProofs, eraseKeys, eraseRecalls, eraseVectors, stepBack } = erasingStatements(deps);
  const erasing = (spaceId: string, id: string) => [
    write(eraseProofs, { spaceId, id }),
    write(eraseKeys, { spaceId, id }),
    write(eraseRecalls, { spaceId, id }),
    write(eraseVectors, { spaceId, id }),
    write(erase, { spaceId, id }),
    write(stepBack, {}),
  ];
  const indexing = (memory: NewMemory) => [
    write(index, { id: memory.id, terms: termsOf(memory) }),
    write(know, { scopes: JSON.stringify(scopesOf(memory)) }),
  ];

  return {
    put: (memory) =>
      write(insert, rowOf(memory), [
        write(addKeys, { id: memory.id, text: memory.text }),
        ...indexing(memory),
      ]),
    prove: ({ sources, ...proof }) => {
      const input = { ...proof, sources: JSON.stringify(sources) };
      return write(countProof, input, [write(addProof, input)]);
    },
    close: ({ mustBeOpen = false, ...closing }) => {
      const rest = [write(unindex, { spaceId: closing.spaceId, id: closing.id })];
      const input = { ...closing, successorId: closing.successorId };
      return ringing(write(mustBeOpen ? closeOpen : close, input, rest), SUBJECTS.memoryClosed);
    },
    reopen: (memory) =>
      write(reopen, { spaceId: memory.spaceId, id: memory.id, closedAt: memory.closed?.at }, [
        ...indexing(memory),
        ...returning(memory.id),
      ]),
    use: ({ ids, ...of }) => write(use, { ...of, ids: JSON.stringify(ids) }),
    erase: (spaceId, id) =>
      ringing(write(unindex, { spaceId, id }, erasing(spaceId, id)), SUBJECTS.memoryClosed),
    restore: (memory) => {
      const { id, spaceId, text } = memory;
      return write(unindex, { spaceId, id }, [
        ...erasing(spaceId, id),
        write(insert, rowOf(memory)),
        write(addKeys, { id, text }),
        write(asItWas, pastOf(memory)),
        ...indexing(memory),
      ]);
    },
  };
}

interface RowInput {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: string;
  readonly text: string;
  readonly turnId: string;
  readonly recordedAt: number;
  readonly kind: string;
  readonly scope: string;
  readonly scopeId: string | undefined;
  readonly attributes: string;
  readonly slot: string | undefined;
  readonly validFrom: number | undefined;
  readonly validTo: number | undefined;
  readonly sources: string;
  readonly salience: number;
  readonly emotion: string | undefined;
  readonly keys: string;
}

function rowOf(memory: NewMemory): RowInput {
  const { id, spaceId, agentId, text, turnId, recordedAt, slot, validFrom, validTo, emotion } = memory;
  const { kind = "fact", scope = { kind: "agent" }, sources = [], salience = DEFAULT_SALIENCE } = memory;
  if (kind !== "document" && memory.audience.includes(EVERYONE)) throw notForEveryone(id);
  return {
    ...{ id, spaceId, agentId, text, turnId, recordedAt, kind, slot, validFrom, validTo },
    audience: namesText(memory.audience),
    scope: scope.kind,
    scopeId: "id" in scope ? scope.id : undefined,
    attributes: attributesText(memory),
    sources: JSON.stringify(sources),
    salience: Math.round(Math.min(Math.max(salience, 0), 1) * SALIENCE_UNIT),
    emotion: emotion === undefined ? undefined : JSON.stringify(emotion),
    keys: keysOf(memory),
  };
}

/** What was told to somebody stays with them. */
function notForEveryone(id: string): TroupeError {
  return new TroupeError(`The memory ${id} is to be told to everybody, which only pieces of documents are.`, {
    code: "request.invalid",
  });
}

/** What became of a record since it was put. */
interface PastInput {
  readonly id: string;
  readonly spaceId: string;
  readonly proofCount: number;
  readonly uses: number;
  readonly lastUsedAt: number | undefined;
  readonly promotedAt: number | undefined;
  readonly closedAt: number | undefined;
  readonly reason: string | undefined;
  readonly successorId: string | undefined;
}

function pastOf({ id, spaceId, proofCount, uses, lastUsedAt, promotedAt, closed }: MemoryRecord): PastInput {
  return {
    ...{ id, spaceId, proofCount, uses, lastUsedAt, promotedAt },
    ...{ closedAt: closed?.at, reason: closed?.reason, successorId: closed?.successorId },
  };
}

function attributesText({ id, attributes = {} }: NewMemory): string {
  const text = JSON.stringify(attributes);
  if (Buffer.byteLength(text) <= MAX_ATTRIBUTE_BYTES) return text;
  throw new TroupeError(
    `The attributes of the memory ${id} are longer than ${MAX_ATTRIBUTE_BYTES} bytes. Keep what is long in its text.`,
    { code: "request.invalid" },
  );
}

/** Pieces of documents repeat what they like: nothing that is learned is compared with them. */
function keysOf({ text, slot, kind, audience }: NewMemory): string {
  if (kind === "document") return "[]";
  const keys = [...likenessKeys(text), ...(slot === undefined ? [] : [slotKey(slot)])];
  return JSON.stringify([...keys, ...keysFor(audience, keys)]);
}

function keepingStatements({ statements, dialect }: PortDeps) {
  return {
    insert: statements.add<RowInput>("memory.put", {}, (db, p) =>
      db
        .insertInto("memories")
        .values({
          id: p.id,
          space_id: p.spaceId,
          agent_id: p.agentId,
          audience: p.audience,
          text: p.text,
          turn_id: p.turnId,
          created_at: p.recordedAt,
          kind: p.kind,
          scope: p.scope,
          scope_id: p.scopeId,
          attributes: p.attributes,
          slot: p.slot,
          valid_from: p.validFrom,
          valid_to: p.validTo,
          sources: p.sources,
          salience: p.salience,
          emotion: p.emotion,
          keys: p.keys,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    asItWas: statements.add<PastInput>(
      "memory.as-it-was",
      {},
      (_db, p) => sql`
      UPDATE memories SET proof_count = ${p.proofCount}, uses = ${p.uses}, last_used_at = ${p.lastUsedAt},
        promoted_at = ${p.promotedAt}, closed_at = ${p.closedAt}, closed_reason = ${p.reason}, successor_id = ${p.successorId}
      WHERE id = ${p.id} AND ${alsoOfSpace("space_id", p.spaceId)}`,
    ),
    // Of another text with the same id nothing is kept.
    addKeys: statements.add<{ id: string; text: string }>(
      "memory.add-keys",
      {},
      (_db, p) => sql`
      INSERT INTO memory_keys (space_id, agent_id, key, memory_row)
      SELECT m.space_id, m.agent_id, wanted.value, m."row" FROM memories m CROSS JOIN ${dialect.texts(sql.ref("m.keys"), "wanted")}
      WHERE m.id = ${p.id} AND m.text = ${p.text} ON CONFLICT DO NOTHING`,
    ),
  };
}

interface ProofInput {
  readonly spaceId: string;
  readonly memoryId: string;
  readonly turnId: string;
  readonly sources: string;
  readonly at: number;
}

function provingStatements({ statements, dialect }: PortDeps) {
  return {
    countProof: statements.add<ProofInput>(
      "memory.count-proof",
      {},
      (_db, p) => sql`
      UPDATE memories SET proof_count = proof_count + 1
      WHERE id = ${p.memoryId} AND ${alsoOfSpace("space_id", p.spaceId)} AND turn_id <> ${p.turnId} AND closed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM memory_proofs p WHERE p.memory_id = memories.id AND p.turn_id = ${p.turnId})`,
    ),
    addProof: statements.add<ProofInput>(
      "memory.add-proof",
      {},
      (_db, p) => sql`
      INSERT INTO memory_proofs (memory_id, turn_id, sources, at)
      SELECT m.id, CAST(${p.turnId} AS TEXT), CAST(${p.sources} AS TEXT), CAST(${p.at} AS BIGINT) FROM memories m
      WHERE m.id = ${p.memoryId} AND ${alsoOfSpace("m.space_id", p.spaceId)} AND m.turn_id <> ${p.turnId} AND m.closed_at IS NULL
      ON CONFLICT DO NOTHING`,
    ),
    use: statements.add<{ spaceId: string; ids: string; at: number }>(
      "memory.use",
      {},
      (_db, p) => sql`
      UPDATE memories SET uses = uses + 1, last_used_at = ${p.at}
      WHERE id IN (SELECT wanted.value FROM ${dialect.texts(p.ids, "wanted")}) AND ${alsoOfSpace("space_id", p.spaceId)}
        AND closed_at IS NULL`,
    ),
  };
}

interface CloseInput {
  readonly spaceId: string;
  readonly id: string;
  readonly at: number;
  readonly reason: string;
  readonly successorId: string | undefined;
}

function closingStatements({ statements }: PortDeps) {
  const closing = (_db: unknown, p: Required<CloseInput>) => sql`
    UPDATE memories SET closed_at = ${p.at}, closed_reason = ${p.reason}, successor_id = ${p.successorId}
    WHERE id = ${p.id} AND ${alsoOfSpace("space_id", p.spaceId)} AND closed_at IS NULL`;
  return {
    closeOpen: statements.add<CloseInput>("memory.close-open", { guard: "store.conflict" }, closing),
    close: statements.add<CloseInput>("memory.close", {}, closing),
    reopen: statements.add<{ spaceId: string; id: string; closedAt: number | undefined }>(
      "memory.reopen",
      { guard: "store.conflict" },
      (_db, p) => sql`
      UPDATE memories SET closed_at = NULL, closed_reason = NULL, successor_id = NULL
      WHERE id = ${p.id} AND ${alsoOfSpace("space_id", p.spaceId)} AND closed_at = ${p.closedAt}`,
    ),
  };
}

/**
 * Vectors of a record that is open again come after all that others have read, so that every process finds it by its meaning;
 * where it has none by a model, embedding begins again before it.
 */
function returningWrites({ statements }: PortDeps): (id: string) => readonly Write[] {
  const own = (id: unknown) => sql`owner_kind = 'memory' AND owner_id = ${id}`;
  const count = statements.add<{ id: string }>(
    "memory.count-vectors",
    {},
    (_db, p) => sql`
    INSERT INTO search_cursor (name, "row")
    SELECT 'vectors', count(*) + coalesce((SELECT max("row") FROM vectors), 0) FROM vectors WHERE ${own(p.id)}
    ON CONFLICT (name) DO UPDATE SET "row" = search_cursor."row" + (SELECT count(*) FROM vectors WHERE ${own(p.id)})`,
  );
  const move = statements.add<{ id: string }>(
    "memory.return-vectors",
    {},
    (_db, p) => sql`
    UPDATE vectors SET "row" = (SELECT c."row" FROM search_cursor c WHERE c.name = 'vectors')
      - (SELECT count(*) FROM vectors o WHERE o.owner_kind = 'memory' AND o.owner_id = vectors.owner_id AND o.model < vectors.model)
    WHERE ${own(p.id)}`,
  );
  const embedAgain = statements.add<{ id: string }>(
    "memory.embed-again",
    {},
    (_db, p) => sql`
    UPDATE search_cursor SET "row" = (SELECT m."row" - 1 FROM memories m WHERE m.id = ${p.id})
    WHERE name >= 'vectors/memory/' AND name < 'vectors/memory0' AND "row" >= (SELECT m."row" FROM memories m WHERE m.id = ${p.id})
      AND NOT EXISTS (SELECT 1 FROM vectors v
        WHERE v.owner_kind = 'memory' AND v.owner_id = ${p.id} AND search_cursor.name = 'vectors/memory/' || v.space_id || '/' || v.model)`,
  );
  return (id) => [write(count, { id }), write(move, { id }), write(embedAgain, { id })];
}

function indexStatements({ statements, dialect }: PortDeps) {
  return {
    index: statements.add<{ id: string; terms: string }>("memory.index", {}, (_db, p) =>
      dialect.indexMemory(p.id, p.terms),
    ),
    know: statements.add<{ scopes: string }>(
      "memory.know",
      {},
      (_db, p) => sql`
      INSERT INTO search_scopes (scope, session_id, from_turn_seq, last_row)
      SELECT scope.value, '', 0, 0 FROM ${dialect.texts(p.scopes, "scope")} WHERE true ON CONFLICT DO NOTHING`,
    ),
    unindex: statements.add<{ spaceId: string; id: string }>("memory.unindex", {}, (_db, p) =>
      dialect.unindexMemory(p.spaceId, p.id),
    ),
  };
}

function erasingStatements({ statements, dialect }: PortDeps) {
  type Input = { spaceId: string; id: string };
  return {
    eraseProofs: statements.add<Input>(
      "memory.erase-proofs",
      {},
      (_db, p) => sql`
      DELETE FROM memory_proofs WHERE memory_id IN (SELECT id FROM memories WHERE id = ${p.id} AND ${alsoOfSpace("space_id", p.spaceId)})`,
    ),
    eraseKeys: statements.add<Input>(
      "memory.erase-keys",
      {},
      (_db, p) => sql`
      DELETE FROM memory_keys WHERE (space_id, agent_id, "key", memory_row) IN (
        SELECT m.space_id, m.agent_id, own.value, m."row" FROM memories m CROSS JOIN ${dialect.texts(sql.ref("m.keys"), "own")}
        WHERE m.id = ${p.id} AND ${alsoOfSpace("m.space_id", p.spaceId)})`,
    ),
    eraseRecalls: statements.add<Input>(
      "memory.erase-recalls",
      {},
      (_db, p) => sql`
      DELETE FROM memory_recalls WHERE memory_id IN (SELECT id FROM memories WHERE id = ${p.id} AND ${alsoOfSpace("space_id", p.spaceId)})`,
    ),
    eraseVectors: statements.add<Input>("memory.erase-vectors", {}, (db, p) =>
      db
        .deleteFrom("vectors")
        .where("owner_kind", "=", "memory")
        .where("owner_id", "=", p.id)
        .where(alsoOfSpace("space_id", p.spaceId)),
    ),
    // Row numbers of the newest are given again, and embedding must not have passed them.
    stepBack: statements.add<object>(
      "memory.step-back",
      {},
      () => sql`
      UPDATE search_cursor SET "row" = coalesce((SELECT max("row") FROM memories), 0)
      WHERE name >= 'vectors/memory/' AND name < 'vectors/memory0' AND "row" > coalesce((SELECT max("row") FROM memories), 0)`,
    ),
    erase: statements.add<Input>("memory.erase", {}, (db, p) =>
      db.deleteFrom("memories").where("id", "=", p.id).where(alsoOfSpace("space_id", p.spaceId)),
    ),
  };
}

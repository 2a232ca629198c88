import { type ErasedPeer, type ErasedRows, type ErasureStore, SUBJECTS, type Write } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, ringing, type Statement, write, writeRow } from "../statement.ts";
import { namesText, type PortDeps } from "./kit.ts";

const PAGE = 200;
const MAX_BLOBS = 10_000;

interface Input {
  readonly spaceId: string;
  readonly peerId: string;
  /** As JSON: the peer alone. */
  readonly audience: string;
}

export function createErasureStore(deps: PortDeps, scrub: ErasureStore["scrub"]): ErasureStore {
  const { reads, statements } = deps;
  const count = countStatement(deps);
  const removals = removalStatements(deps);
  const sessions = statements.add<Input & { readonly limit: number }>(
    "erasure.sessions",
    { returns: "rows" },
    (_db, p) => sql`
    SELECT id FROM sessions WHERE space_id = ${p.spaceId} AND audience = ${p.audience} ORDER BY id LIMIT ${p.limit}`,
  );
  const blobs = statements.add<Input & { readonly limit: number }>(
    "erasure.blobs",
    { returns: "rows" },
    (_db, p) => sql`
    SELECT DISTINCT a.blob_id FROM attachments a JOIN sessions s ON s.id = a.session_id
    WHERE s.space_id = ${p.spaceId} AND s.audience = ${p.audience} LIMIT ${p.limit}`,
  );
  const inputOf = ({ spaceId, peerId }: ErasedPeer): Input => ({
    ...{ spaceId, peerId, audience: namesText([peerId]) },
  });
  return {
    async sessionIds(of, options) {
      const rows = await reads.farRows(sessions, { ...inputOf(of), limit: PAGE }, options);
      return rows.map(([id]) => String(id));
    },
    async blobIds(of, options) {
      const rows = await reads.farRows(blobs, { ...inputOf(of), limit: MAX_BLOBS }, options);
      return rows.map(([id]) => String(id));
    },
    async counts(of, options) {
      const [row] = await reads.farRows(count.asRows, inputOf(of), options);
      return { ...rowsOf(row), sessions: Number(row?.[5] ?? 0) };
    },
    remove(of) {
      const all = removals.map((removal): Write => write(removal, inputOf(of)));
      const removal = writeRow(count.asRow, inputOf(of), (row) => rowsOf(row ?? undefined), all);
      return ringing(removal, SUBJECTS.memoryClosed, SUBJECTS.personsChanged);
    },
    scrub,
  };
}

function rowsOf(row: Row | undefined): ErasedRows {
  const [memories = 0, documents = 0, storylines = 0, jobs = 0, agentMessages = 0] = (row ?? []).map(Number);
  return { memories, documents, storylines, jobs, agentMessages };
}

const OF_PEER = "space_id = :space AND audience = :audience";
const MEMORIES = `(SELECT id FROM memories WHERE ${OF_PEER})`;
const DOCUMENTS = `(SELECT id FROM documents WHERE ${OF_PEER})`;
const STORYLINES = `(SELECT id FROM storylines WHERE ${OF_PEER})`;
const CHANNELS = `(SELECT id FROM agent_channels WHERE ${OF_PEER})`;
const CHANNEL_MESSAGES = `(SELECT id FROM agent_messages WHERE channel_id IN ${CHANNELS})`;
/** A user of a key is known by the key and its own name, the key itself by its own alone. */
const JOBS = `(SELECT id FROM jobs WHERE space_id = :space
  AND (owner_id || '/' || peer_id = :peer OR (owner_id = :peer AND peer_id = :peer)))`;
/** Of conversations that are gone. One that runs goes on to its end. */
const FLOWS = `(SELECT id FROM flows WHERE space_id = :space AND session_id IS NOT NULL
  AND status IN ('finished', 'failed', 'cancelled') AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = flows.session_id))`;

/** In this order: later ones find their rows by those that earlier ones leave. */
const REMOVALS: readonly (readonly [name: string, text: string])[] = [
  ["memory-proofs", `DELETE FROM memory_proofs WHERE memory_id IN ${MEMORIES}`],
  ["memory-recalls", `DELETE FROM memory_recalls WHERE memory_id IN ${MEMORIES}`],
  ["memory-vectors", `DELETE FROM vectors WHERE owner_kind = 'memory' AND owner_id IN ${MEMORIES}`],
  ["memories", `DELETE FROM memories WHERE ${OF_PEER}`],
  // Row numbers of the newest may be given again, and what makes vectors must not have passed them.
  [
    "step-back",
    `UPDATE search_cursor SET "row" = coalesce((SELECT max("row") FROM memories), 0)
      WHERE name >= 'vectors/memory/' AND name < 'vectors/memory0' AND "row" > coalesce((SELECT max("row") FROM memories), 0)`,
  ],
  ["chunks", `DELETE FROM document_chunks WHERE document_id IN ${DOCUMENTS}`],
  ["documents", `DELETE FROM documents WHERE ${OF_PEER}`],
  ["storyline-vectors", `DELETE FROM vectors WHERE owner_kind = 'storyline' AND owner_id IN ${STORYLINES}`],
  ["storyline-turns", `DELETE FROM storyline_turns WHERE storyline_id IN ${STORYLINES}`],
  ["compactions", `DELETE FROM compactions WHERE storyline_id IN ${STORYLINES}`],
  ["storylines", `DELETE FROM storylines WHERE ${OF_PEER}`],
  ["deliveries", `DELETE FROM agent_deliveries WHERE message_id IN ${CHANNEL_MESSAGES}`],
  ["agent-messages", `DELETE FROM agent_messages WHERE channel_id IN ${CHANNELS}`],
  ["agent-members", `DELETE FROM agent_members WHERE channel_id IN ${CHANNELS}`],
  ["agent-channels", `DELETE FROM agent_channels WHERE ${OF_PEER}`],
  ["job-needs", `DELETE FROM job_needs WHERE job_id IN ${JOBS} OR needs_id IN ${JOBS}`],
  ["job-runs", `DELETE FROM job_runs WHERE job_id IN ${JOBS}`],
  ["jobs", `DELETE FROM jobs WHERE id IN ${JOBS}`],
  ["inbox-items", "DELETE FROM inbox_items WHERE space_id = :space AND owner_id = :peer"],
  [
    "authors",
    "UPDATE messages SET author = NULL, author_name = NULL WHERE space_id = :space AND author = :peer",
  ],
  ["peer-profiles", "DELETE FROM peer_profiles WHERE space_id = :space AND name = :peer"],
  ["person-offers", "DELETE FROM person_offers WHERE space_id = :space AND name = :peer"],
  [
    "person-links",
    "DELETE FROM person_links WHERE space_id = :space AND (name = :peer OR other_name = :peer)",
  ],
  ["flow-events", `DELETE FROM flow_events WHERE flow_id IN ${FLOWS}`],
  ["flow-signals", `DELETE FROM flow_signals WHERE flow_id IN ${FLOWS}`],
  ["flows", `DELETE FROM flows WHERE id IN ${FLOWS}`],
];

function removalStatements({ statements, dialect }: PortDeps): readonly Statement<Input>[] {
  const unindex = statements.add<Input>("erasure.unindex", {}, (_db, p) =>
    dialect.unindexMemoriesOf(p.spaceId, p.audience),
  );
  const keys = statements.add<Input>(
    "erasure.memory-keys",
    {},
    (_db, p) => sql`
    DELETE FROM memory_keys WHERE (space_id, agent_id, "key", memory_row) IN (
      SELECT m.space_id, m.agent_id, own.value, m."row" FROM memories m CROSS JOIN ${dialect.texts(sql.ref("m.keys"), "own")}
      WHERE m.space_id = ${p.spaceId} AND m.audience = ${p.audience})`,
  );
  const removals = REMOVALS.map(([name, text]) =>
    statements.add<Input>(`erasure.${name}`, {}, (_db, p) => bound(text, p)),
  );
  return [unindex, keys, ...removals];
}

/** Asked first, of what is deleted after it. */
function countStatement({ statements }: PortDeps) {
  const counts = [
    `(SELECT count(*) FROM memories WHERE ${OF_PEER})`,
    `(SELECT count(*) FROM documents WHERE ${OF_PEER})`,
    `(SELECT count(*) FROM storylines WHERE ${OF_PEER})`,
    `(SELECT count(*) FROM jobs WHERE id IN ${JOBS})`,
    `(SELECT count(*) FROM agent_messages WHERE channel_id IN ${CHANNELS})`,
    `(SELECT count(*) FROM sessions WHERE ${OF_PEER})`,
  ];
  const text = `SELECT ${counts.join(", ")}`;
  return {
    asRow: statements.add<Input>("erasure.count", { returns: "row" }, (_db, p) => bound(text, p)),
    asRows: statements.add<Input>("erasure.counts", { returns: "rows" }, (_db, p) => bound(text, p)),
  };
}

/** Names after a colon are values. */
function bound(text: string, { spaceId, peerId, audience }: Required<Input>) {
  const values: Readonly<Record<string, unknown>> = { space: spaceId, peer: peerId, audience };
  const parts = text.split(/:(space|peer|audience)\b/);
  return sql.join(
    parts.map((part, at) => (at % 2 === 0 ? sql.raw(part) : sql`${values[part]}`)),
    sql.raw(""),
  );
}

import { sql } from "kysely";
import type { Statement } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

interface PlaceInput {
  readonly turnId: string;
  readonly storylineId: string;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly sideIds: string;
  readonly at: number;
}

interface ReassignInput {
  readonly from: string;
  readonly to: string;
  readonly turnId: string | undefined;
  readonly sessionId: string | undefined;
  readonly turnSeq: number | undefined;
}

interface CompactInput {
  readonly sessionId: string;
  readonly storylineId: string;
  readonly uptoTurnSeq: number;
  readonly summary: string;
  readonly audience: string;
  readonly at: number;
}

/** Most turns of a session that a process asks for when it reads it anew. */
const MOST = 2_000;

/** Turns elsewhere than in the storyline that their session began with (of the others no row tells), and what prompts show no more. */
export function storylineTurnStatements({ statements }: PortDeps): {
  readonly place: Statement<PlaceInput>;
  readonly placedIn: Statement<{ sessionId: string; fromTurnSeq: number }>;
  readonly turnsOf: Statement<{ id: string; limit: number }>;
  readonly reassign: Statement<ReassignInput>;
  readonly compact: Statement<CompactInput>;
  readonly compactions: Statement<{ sessionId: string }>;
} {
  return {
    // A session that was deleted meanwhile leaves nothing behind.
    compact: statements.add<CompactInput>(
      "compaction.put",
      {},
      (_db, p) => sql`
      INSERT INTO compactions (session_id, storyline_id, upto_turn_seq, summary, audience, at)
      SELECT s.id, ${sql`CAST(${p.storylineId} AS TEXT)`}, ${sql`CAST(${p.uptoTurnSeq} AS BIGINT)`},
        ${sql`CAST(${p.summary} AS TEXT)`}, ${sql`CAST(${p.audience} AS TEXT)`}, ${sql`CAST(${p.at} AS BIGINT)`}
      FROM sessions s WHERE s.id = ${p.sessionId}
      ON CONFLICT (session_id, storyline_id) DO UPDATE SET upto_turn_seq = excluded.upto_turn_seq,
        summary = excluded.summary, audience = excluded.audience, at = excluded.at
      WHERE excluded.upto_turn_seq > compactions.upto_turn_seq`,
    ),
    compactions: statements.add<{ sessionId: string }>(
      "compaction.of-session",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT storyline_id, upto_turn_seq, summary, audience, at FROM compactions WHERE session_id = ${p.sessionId}`,
    ),
    place: statements.add<PlaceInput>(
      "storyline.place-turn",
      {},
      (_db, p) => sql`
      INSERT INTO storyline_turns (turn_id, storyline_id, session_id, turn_seq, side_ids, at)
      VALUES (${p.turnId}, ${p.storylineId}, ${p.sessionId}, ${p.turnSeq}, ${p.sideIds}, ${p.at})
      ON CONFLICT (turn_id) DO UPDATE SET storyline_id = excluded.storyline_id, side_ids = excluded.side_ids`,
    ),
    placedIn: statements.add<{ sessionId: string; fromTurnSeq: number }>(
      "storyline.placed-in",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT p.turn_seq, p.storyline_id, coalesce(l.name, l.title), l.audience
      FROM storyline_turns p JOIN storylines l ON l.id = p.storyline_id
      WHERE p.session_id = ${p.sessionId} AND p.turn_seq >= ${p.fromTurnSeq}
      ORDER BY p.turn_seq DESC LIMIT ${sql.lit(MOST)}`,
    ),
    // Both by an index and no further than the page: a conversation may have thousands of turns.
    turnsOf: statements.add<{ id: string; limit: number }>(
      "storyline.turns-of",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT turn_id, session_id, at FROM (
        SELECT * FROM (SELECT turn_id, session_id, at FROM storyline_turns WHERE storyline_id = ${p.id}
          ORDER BY at DESC, turn_id DESC LIMIT ${p.limit}) AS newest
        UNION ALL
        SELECT * FROM (SELECT t.id, t.session_id, t.created_at FROM storylines h JOIN turns t ON t.session_id = h.session_id
          WHERE h.id = ${p.id} AND NOT EXISTS (SELECT 1 FROM storyline_turns p WHERE p.turn_id = t.id)
          ORDER BY t.turn_seq DESC LIMIT ${p.limit}) AS newest) AS newest
      ORDER BY 3 DESC, 1 DESC LIMIT ${p.limit}`,
    ),
    // A turn without a row is of the storyline that its session began with, whose row bears the session's id.
    reassign: statements.add<ReassignInput>(
      "storyline.reassign",
      {},
      (_db, p) => sql`
      INSERT INTO storyline_turns (turn_id, storyline_id, session_id, turn_seq, side_ids, at)
      SELECT t.id, ${p.to}, t.session_id, t.turn_seq, '[]', t.created_at
      FROM turns t LEFT JOIN storyline_turns p ON p.turn_id = t.id LEFT JOIN storylines h ON h.session_id = t.session_id
      WHERE t.id IN (SELECT turn_id FROM storyline_turns WHERE storyline_id = ${p.from}
          UNION SELECT own.id FROM turns own JOIN storylines first ON first.session_id = own.session_id WHERE first.id = ${p.from})
        AND coalesce(p.storyline_id, h.id) = ${p.from}
        AND (CAST(${p.turnId} AS TEXT) IS NULL OR t.id = ${p.turnId})
        AND (CAST(${p.sessionId} AS TEXT) IS NULL OR (t.session_id = ${p.sessionId} AND t.turn_seq >= ${p.turnSeq}))
      ON CONFLICT (turn_id) DO UPDATE SET storyline_id = excluded.storyline_id`,
    ),
  };
}

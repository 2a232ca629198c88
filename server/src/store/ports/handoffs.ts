import type { Handoff, SessionStore } from "@troupe/contracts";
import { sql } from "kysely";
import type { HandoffTable } from "../agent-tables.ts";
import { type Row, write } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { namesText, type PortDeps, parseAudience } from "./kit.ts";

const HANDOFF = [
  ...(["id", "space_id", "session_id", "from_agent", "to_agent", "turn_id", "turn_seq"] as const),
  ...(["note", "context", "audience", "at", "ended_at"] as const),
] as const satisfies readonly (keyof HandoffTable)[];

type Over = { readonly id: string; readonly at: number };

/** Conversations given to another agent, and given back. */
export function handoffs(deps: PortDeps): Pick<SessionStore, "handOff" | "handBack" | "handoff"> {
  const { statements, reads } = deps;
  const take = statements.add<{ readonly id: string; readonly to: string }>(
    "session.hand-off",
    { guard: "store.conflict" },
    (_db, p) => sql`UPDATE sessions SET handed_to = ${p.to} WHERE id = ${p.id}`,
  );
  const giveBack = statements.add<Over>(
    "session.hand-back",
    {},
    (_db, p) => sql`UPDATE sessions SET handed_to = NULL WHERE id = ${p.id}`,
  );
  const end = statements.add<Over>(
    "handoff.end",
    {},
    (_db, p) => sql`UPDATE handoffs SET ended_at = ${p.at} WHERE session_id = ${p.id} AND ended_at IS NULL`,
  );
  const put = statements.add<Omit<Handoff, "endedAt" | "audience"> & { readonly audience: string }>(
    "handoff.put",
    {},
    (_db, p) => sql`
    INSERT INTO handoffs (${sql.join(HANDOFF.map((column) => sql.ref(column)))})
    VALUES (${p.id}, ${p.spaceId}, ${p.sessionId}, ${p.from}, ${p.to}, ${p.turnId}, ${p.turnSeq}, ${p.note}, ${p.context},
      ${p.audience}, ${p.at}, NULL)
    ON CONFLICT (id) DO NOTHING`,
  );
  const newest = statements.add<{ readonly sessionId: string; readonly to: string }>(
    "handoff.newest",
    { returns: "row" },
    (db, p) =>
      db
        .selectFrom("handoffs")
        .select(HANDOFF)
        .where("session_id", "=", p.sessionId)
        .where("to_agent", "=", p.to)
        .orderBy("row", "desc")
        .limit(1),
  );
  return {
    handOff(handoff) {
      const { sessionId: id, to, at } = handoff;
      return write(take, { id, to }, [
        write(end, { id, at }),
        write(put, { ...handoff, audience: namesText(handoff.audience) }),
      ]);
    },
    handBack: (session) => write(giveBack, session, [write(end, session)]),
    async handoff(of, options) {
      const row = await reads.row(newest, of, options);
      return row === undefined ? undefined : handoffOf(row);
    },
  };
}

function handoffOf(row: Row): Handoff {
  const [id, spaceId, sessionId, from, to, turnId, turnSeq, note, context, audience, at, endedAt] =
    row as unknown as TupleOf<HandoffTable, typeof HANDOFF>;
  return {
    ...{ id, spaceId, sessionId, from, to, turnId, turnSeq, note, context, at },
    audience: parseAudience(audience),
    ...(endedAt === null ? {} : { endedAt }),
  };
}

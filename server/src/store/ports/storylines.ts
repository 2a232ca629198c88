import type { Storyline, StorylineStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { StorylineTable, TupleOf } from "../tables.ts";
import { namesText, type PortDeps, parseAudience } from "./kit.ts";

const COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "session_id",
  "audience",
  "title",
  "summary",
  "summary_turn_seq",
  "updated_at",
] as const satisfies readonly (keyof StorylineTable)[];

export function createStorylineStore({ statements, reads }: PortDeps): StorylineStore {
  const open = statements.add<
    Omit<Storyline, "summary" | "summaryTurnSeq" | "audience"> & { audience: string }
  >("storyline.open", {}, (db, p) =>
    db
      .insertInto("storylines")
      .values({
        id: p.id,
        space_id: p.spaceId,
        agent_id: p.agentId,
        session_id: p.sessionId,
        audience: p.audience,
        title: p.title,
        summary: sql.lit(""),
        summary_turn_seq: sql.lit(0),
        updated_at: p.updatedAt,
      })
      .onConflict((conflict) => conflict.doNothing()),
  );
  const summarise = statements.add<Parameters<StorylineStore["summarise"]>[0]>(
    "storyline.summarise",
    {},
    (db, p) =>
      db
        .updateTable("storylines")
        .set({ title: p.title, summary: p.summary, summary_turn_seq: p.summaryTurnSeq, updated_at: p.at })
        .where("id", "=", p.id)
        .where("summary_turn_seq", "<=", p.summaryTurnSeq),
  );
  const ofSession = statements.add<{ sessionId: string }>(
    "storyline.of-session",
    { returns: "row" },
    (db, p) => db.selectFrom("storylines").select(COLUMNS).where("session_id", "=", p.sessionId),
  );

  return {
    open: (storyline) => write(open, { ...storyline, audience: namesText(storyline.audience) }),
    summarise: (update) => write(summarise, update),
    async ofSession(sessionId, options) {
      const row = await reads.row(ofSession, { sessionId }, options);
      return row === undefined ? undefined : storylineOf(row);
    },
  };
}

function storylineOf(row: Row): Storyline {
  const [id, spaceId, agentId, sessionId, audience, title, summary, summaryTurnSeq, updatedAt] =
    row as unknown as TupleOf<StorylineTable, typeof COLUMNS>;
  return {
    id,
    spaceId,
    agentId,
    sessionId,
    audience: parseAudience(audience),
    title,
    summary,
    summaryTurnSeq,
    updatedAt,
  };
}

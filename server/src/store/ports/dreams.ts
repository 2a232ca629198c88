import type { Dream, DreamStore, MemoryRecall } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import { alsoOfSpace, type PortDeps } from "./kit.ts";
import { SALIENCE_UNIT } from "./memory-writes.ts";

const DAY_MS = 86_400_000;
/** Of an agent. */
const KEPT_NIGHTS = 400;
/** Of fits and saliences, so that sums stay whole numbers. */
const UNIT = SALIENCE_UNIT;
/** What is held fast counts as what matters. */
const PROMOTED_SALIENCE = 0.9;

export function createDreamStore(deps: PortDeps): DreamStore {
  const { reads } = deps;
  const writes = dreamWrites(deps);
  const selects = dreamSelects(deps);
  return {
    recalled: ({ spaceId, at, recalls }) =>
      write(writes.recalled, { spaceId, day: dayOf(at), recalls: JSON.stringify(recalls.map(inUnits)) }),
    promote: (memory) => write(writes.promote, memory),
    keep: (dream) => {
      const { spaceId, agentId, night } = dream;
      return write(writes.keep, dream, [
        write(writes.forget, { spaceId, agentId, before: longBefore(night) }),
      ]);
    },
    prune: (before) => write(writes.prune, { before: dayOf(before) }),
    async standings({ since, ...query }, options) {
      const rows = await reads.farRows(selects.standings, { ...query, since: dayOf(since) }, options);
      return rows.map(([memoryId, recalls, days, questions, weight, lastDay]) => ({
        ...{ memoryId: String(memoryId), recalls: Number(recalls), days: Number(days) },
        questions: Number(questions),
        relevance: Math.min(1, Number(weight) / UNIT / Math.max(1, Number(recalls))),
        lastDayAt: Number(lastDay) * DAY_MS,
      }));
    },
    async get(of, options) {
      const row = await reads.row(selects.get, of, options);
      return row === undefined ? undefined : dreamOf(row);
    },
    async list({ spaceId, agentId, limit }, options) {
      return (await reads.rows(selects.list, { spaceId, agentId, limit }, options)).map(dreamOf);
    },
  };
}

function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

function longBefore(night: string): string {
  return new Date(Date.parse(night) - KEPT_NIGHTS * DAY_MS).toISOString().slice(0, 10);
}

function inUnits({ memoryId, asked, times, weight }: MemoryRecall) {
  return { id: memoryId, asked, times, weight: Math.round(weight * UNIT) };
}

function dreamWrites({ statements, dialect }: PortDeps) {
  return {
    recalled: statements.add<{ spaceId: string; day: number; recalls: string }>(
      "dream.recalled",
      {},
      (_db, p) => sql`
      INSERT INTO memory_recalls (memory_id, day, asked, times, weight)
      SELECT m.id, CAST(${p.day} AS BIGINT), one.value ->> 'asked', CAST(one.value ->> 'times' AS BIGINT), CAST(one.value ->> 'weight' AS BIGINT)
      FROM ${dialect.objects(p.recalls, "one")} JOIN memories m ON m.id = one.value ->> 'id'
      WHERE ${alsoOfSpace("m.space_id", p.spaceId)} AND m.closed_at IS NULL AND m.kind <> 'document'
      ON CONFLICT (memory_id, day, asked) DO UPDATE SET
        times = memory_recalls.times + excluded.times, weight = memory_recalls.weight + excluded.weight`,
    ),
    promote: statements.add<{ spaceId: string; id: string; at: number }>(
      "dream.promote",
      {},
      (_db, p) => sql`
      UPDATE memories SET promoted_at = ${p.at},
        salience = ${dialect.greatest(sql.ref("salience"), sql.lit(PROMOTED_SALIENCE * UNIT))}
      WHERE id = ${p.id} AND space_id = ${p.spaceId} AND closed_at IS NULL AND promoted_at IS NULL`,
    ),
    keep: statements.add<Dream>(
      "dream.keep",
      {},
      (_db, p) => sql`
      INSERT INTO dreams (space_id, agent_id, night, promoted, archived, summaries, created_at)
      VALUES (${p.spaceId}, ${p.agentId}, ${p.night}, ${p.promoted}, ${p.archived}, ${p.summaries}, ${p.at})
      ON CONFLICT DO NOTHING`,
    ),
    forget: statements.add<{ spaceId: string; agentId: string; before: string }>(
      "dream.forget",
      {},
      (_db, p) => sql`
      DELETE FROM dreams WHERE space_id = ${p.spaceId} AND agent_id = ${p.agentId} AND night < ${p.before}`,
    ),
    prune: statements.add<{ before: number }>(
      "dream.prune",
      {},
      (_db, p) => sql`DELETE FROM memory_recalls WHERE day < ${p.before}`,
    ),
  };
}

const COLUMNS = sql.raw("space_id, agent_id, night, promoted, archived, summaries, created_at");

function dreamSelects({ statements }: PortDeps) {
  return {
    standings: statements.add<{
      spaceId: string;
      agentId: string;
      since: number;
      minRecalls: number;
      limit: number;
    }>(
      "dream.standings",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT r.memory_id, sum(r.times), count(DISTINCT r.day), count(DISTINCT r.asked), sum(r.weight), max(r.day)
      FROM memories m JOIN memory_recalls r ON r.memory_id = m.id
      WHERE m.space_id = ${p.spaceId} AND m.agent_id = ${p.agentId} AND m.closed_at IS NULL AND m.promoted_at IS NULL
        AND r.day >= ${p.since}
      GROUP BY r.memory_id HAVING sum(r.times) >= ${p.minRecalls}
      ORDER BY sum(r.times) DESC, r.memory_id LIMIT ${p.limit}`,
    ),
    get: statements.add<Pick<Dream, "spaceId" | "agentId" | "night">>(
      "dream.get",
      { returns: "row" },
      (_db, p) => sql`
      SELECT ${COLUMNS} FROM dreams WHERE space_id = ${p.spaceId} AND agent_id = ${p.agentId} AND night = ${p.night}`,
    ),
    list: statements.add<{ spaceId: string; agentId: string | undefined; limit: number }>(
      "dream.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${COLUMNS} FROM dreams
      WHERE space_id = ${p.spaceId} AND (CAST(${p.agentId} AS TEXT) IS NULL OR agent_id = ${p.agentId})
      ORDER BY night DESC, agent_id DESC LIMIT ${p.limit}`,
    ),
  };
}

function dreamOf([spaceId, agentId, night, promoted, archived, summaries, at]: Row): Dream {
  return {
    ...{ spaceId: String(spaceId), agentId: String(agentId), night: String(night) },
    ...{
      promoted: Number(promoted),
      archived: Number(archived),
      summaries: Number(summaries),
      at: Number(at),
    },
  };
}

import type { Agent, AgentSpec, AgentStore } from "@troupe/contracts";
import { sql } from "kysely";
import { write, writeRow } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import { type PortDeps, parsePayload } from "./kit.ts";

export function createAgentStore(deps: PortDeps): AgentStore {
  const { statements, reads } = deps;
  const put = statements.add<{ spaceId: string; id: string; spec: string; at: number }>(
    "agent.put",
    { returns: "row" },
    (_db, p) => sql`
    INSERT INTO agents (space_id, id, revision, v, spec, updated_at) VALUES (${p.spaceId}, ${p.id}, 1, ${sql.lit(PAYLOAD_VERSION)}, ${p.spec}, ${p.at})
    ON CONFLICT (space_id, id) DO UPDATE SET revision = agents.revision + CASE WHEN agents.spec <> excluded.spec THEN 1 ELSE 0 END,
      v = excluded.v, updated_at = CASE WHEN agents.spec = excluded.spec THEN agents.updated_at ELSE excluded.updated_at END,
      spec = excluded.spec, retired_at = NULL
    RETURNING revision`,
  );
  const retire = statements.add<{ spaceId: string; agentId: string; at: number }>(
    "agent.retire",
    {},
    (_db, p) => sql`
    UPDATE agents SET retired_at = ${p.at} WHERE space_id = ${p.spaceId} AND id = ${p.agentId} AND retired_at IS NULL`,
  );
  const list = statements.add<{ spaceId: string }>("agent.list", { returns: "rows" }, (db, p) =>
    db
      .selectFrom("agents")
      .select(["id", "revision", "v", "spec"])
      .where("space_id", "=", p.spaceId)
      .where("retired_at", "is", sql.lit(null))
      .orderBy("id"),
  );

  return {
    put: (spaceId, spec, at) =>
      writeRow(put, { spaceId, id: spec.id, spec: canonicalJson(spec), at }, (row) => ({
        revision: row?.[0] as number,
      })),
    retire: (spaceId, agentId, at) => write(retire, { spaceId, agentId, at }),
    async list(spaceId, options) {
      const rows = (await reads.rows(list, { spaceId }, options)) as readonly [
        string,
        number,
        number,
        string,
      ][];
      return rows
        .map(([id, revision, v, text]): Agent | undefined => {
          const spec = parsePayload<AgentSpec>(deps, { what: "agent", id, v, text });
          return spec === undefined ? undefined : { spaceId, revision, spec };
        })
        .filter((agent) => agent !== undefined);
    },
  };
}

/** The same blueprint gives the same text, whatever the order of its keys. */
function canonicalJson(spec: AgentSpec): string {
  return JSON.stringify(Object.fromEntries(Object.entries(spec).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

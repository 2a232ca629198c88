import type { ModuleInstanceStore, NewModuleInstance } from "@troupe/contracts";
import { sql } from "kysely";
import { write } from "../statement.ts";
import { namesText, type PortDeps } from "./kit.ts";

type Writes = Pick<ModuleInstanceStore, "add" | "link" | "update" | "activate" | "archive">;

/** Of a session that was deleted nothing is kept any more, whoever writes late. */
export function instanceWrites(deps: PortDeps): Writes {
  const add = addStatements(deps);
  const change = changeStatements(deps);
  return {
    add: (one) =>
      write(add.instance, rowOf(one), [
        ...one.dependsOn.map(({ id, ifFails }) =>
          write(add.dependency, { id: one.id, dependsOn: id, ifFails }),
        ),
        write(change.link, { ...one, at: one.createdAt }),
      ]),
    link: (one) => write(change.link, one),
    update: (one) => write(change.update, { ...one, payload: JSON.stringify(one.payload) }),
    activate: (id, at) => write(change.activate, { id, at }),
    archive: (one) => write(change.archive, one),
  };
}

interface InstanceRow
  extends Omit<NewModuleInstance, "audience" | "payload" | "callbacks" | "dependsOn" | "storylineId"> {
  readonly audience: string;
  readonly payload: string;
  readonly callbacks: string;
}

function rowOf({ dependsOn: _, storylineId: _storyline, ...one }: NewModuleInstance): InstanceRow {
  const { audience, payload, callbacks } = one;
  return {
    ...one,
    audience: namesText(audience),
    payload: JSON.stringify(payload),
    callbacks: JSON.stringify(callbacks),
  };
}

function addStatements({ statements }: PortDeps) {
  return {
    instance: statements.add<InstanceRow>(
      "module-instance.add",
      {},
      (_db, p) => sql`
      INSERT INTO module_instances (id, space_id, agent_id, module_id, session_id, turn_id, audience, title, state, v,
        payload, callbacks, created_at, updated_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.agentId}, ${p.moduleId}, ${p.sessionId}, ${p.turnId}, ${p.audience}, ${p.title},
        ${p.state}, ${p.v}, ${p.payload}, ${p.callbacks}, ${p.createdAt}, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    dependency: statements.add<{ id: string; dependsOn: string; ifFails: string }>(
      "module-dependency.add",
      {},
      (_db, p) => sql`
      INSERT INTO module_dependencies (instance_id, depends_on, if_fails) VALUES (${p.id}, ${p.dependsOn}, ${p.ifFails})
      ON CONFLICT DO NOTHING`,
    ),
  };
}

function changeStatements({ statements }: PortDeps) {
  type Change = Parameters<Writes["update"]>[0];
  return {
    link: statements.add<Parameters<Writes["link"]>[0]>(
      "module-link.add",
      {},
      (_db, p) => sql`
      INSERT INTO module_links (storyline_id, instance_id, session_id, created_at)
      SELECT CAST(${p.storylineId} AS TEXT), i.id, CAST(${p.sessionId} AS TEXT), CAST(${p.at} AS BIGINT)
      FROM module_instances i WHERE i.id = ${p.id}
      ON CONFLICT DO NOTHING`,
    ),
    update: statements.add<Omit<Change, "payload"> & { payload: string }>(
      "module-instance.update",
      {},
      (_db, p) => sql`
      UPDATE module_instances SET title = ${p.title}, v = ${p.v}, payload = ${p.payload}, updated_at = ${p.at}
      WHERE id = ${p.id} AND state <> 'archived'`,
    ),
    activate: statements.add<{ id: string; at: number }>(
      "module-instance.activate",
      {},
      (_db, p) => sql`
      UPDATE module_instances SET state = 'active', updated_at = ${p.at} WHERE id = ${p.id} AND state = 'blocked'`,
    ),
    archive: statements.add<Parameters<Writes["archive"]>[0]>(
      "module-instance.archive",
      {},
      (_db, p) => sql`
      UPDATE module_instances SET state = 'archived', outcome = ${p.outcome}, reason = ${p.reason}, updated_at = ${p.at},
        ended_at = ${p.at}
      WHERE id = ${p.id} AND state <> 'archived'`,
    ),
  };
}

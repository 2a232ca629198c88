import type { Leases, ProcessRecord } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import { createFlowClaimEnds } from "./flow-claims.ts";
import { hasNoLease, type PortDeps } from "./kit.ts";

export function createLeases({ statements, reads, dialect }: PortDeps): Leases {
  const register = statements.add<Parameters<Leases["register"]>[0]>(
    "process.register",
    {},
    (_db, p) => sql`
    INSERT INTO processes (id, pid, role, lease_until) VALUES (${p.id}, ${p.pid}, ${p.role}, (SELECT now_ms()) + ${p.leaseMs})
    ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, role = excluded.role, lease_until = excluded.lease_until`,
  );
  const renew = statements.add<{ processId: string; leaseMs: number }>(
    "process.renew",
    { guard: "store.conflict" },
    (_db, p) => sql`
    UPDATE processes SET lease_until = (SELECT now_ms()) + ${p.leaseMs} WHERE id = ${p.processId}`,
  );
  const end = statements.add<{ processId: string }>(
    "process.end",
    {},
    (_db, p) => sql`
    UPDATE processes SET lease_until = ${dialect.least(sql`lease_until`, sql`(SELECT now_ms())`)} WHERE id = ${p.processId}`,
  );
  // Rows of dead processes are of no use any more: an owner without a row has no lease either.
  const endOthers = statements.add<{ processId: string }>(
    "process.end-others",
    {},
    (_db, p) => sql`
    DELETE FROM processes WHERE id <> ${p.processId}`,
  );
  const endClaims = (table: "outbox" | "effects", state: string) =>
    statements.add<{ processId: string }>(
      `process.end-${table}-claims`,
      {},
      (_db, p) => sql`
      UPDATE ${sql.table(table)} SET lease_until = 0 WHERE state = ${sql.lit(state)} AND owner <> ${p.processId}`,
    );
  const endOutboxClaims = endClaims("outbox", "sending");
  const endEffectClaims = endClaims("effects", "running");

  /** Whatever a process holds ends with its lease, also where the claim of a row itself would last longer. */
  const endDeadClaims = (table: "outbox" | "effects", state: string) =>
    statements.add<object>(
      `process.end-dead-${table}-claims`,
      {},
      () => sql`
      UPDATE ${sql.table(table)} SET lease_until = 0
      WHERE state = ${sql.lit(state)} AND lease_until > 0 AND ${hasNoLease(sql.ref("owner"))}`,
    );
  const endDeadOutboxClaims = endDeadClaims("outbox", "sending");
  const endDeadEffectClaims = endDeadClaims("effects", "running");
  const forgetDead = statements.add<{ keepMs: number }>(
    "process.forget-dead",
    {},
    (_db, p) => sql`
    DELETE FROM processes WHERE lease_until < (SELECT now_ms()) - ${p.keepMs}`,
  );
  const flowClaims = createFlowClaimEnds({ statements });

  const list = statements.add<object>(
    "process.list",
    { returns: "rows" },
    () => sql`
    SELECT id, pid, role, lease_until, lease_until > (SELECT now_ms()) FROM processes ORDER BY lease_until DESC, id`,
  );

  return {
    register: (process) => write(register, process),
    renew: (processId, leaseMs) => write(renew, { processId, leaseMs }),
    end: (processId) => write(end, { processId }),
    endOthers: (processId) =>
      write(endOthers, { processId }, [
        write(endOutboxClaims, { processId }),
        write(endEffectClaims, { processId }),
        flowClaims.ofOthers(processId),
      ]),
    endDead(keepMs) {
      const more = [write(endDeadEffectClaims, {}), flowClaims.ofDead(), write(forgetDead, { keepMs })];
      return write(endDeadOutboxClaims, {}, more);
    },
    async list(options) {
      return (await reads.rows(list, {}, options)).map(processOf);
    },
  };
}

function processOf(row: Row): ProcessRecord {
  const [id, pid, role, leaseUntil, isAlive] = row as [string, number, string, number, number];
  return { id, pid, role, leaseUntil, isAlive: isAlive === 1 };
}

import type { Write } from "@troupe/contracts";
import { sql } from "kysely";
import { write } from "../statement.ts";
import { hasNoLease, type PortDeps } from "./kit.ts";

/** Ends claims of flows with the lease of their process, for `Leases`. */
export function createFlowClaimEnds({ statements }: Pick<PortDeps, "statements">): {
  ofOthers(processId: string): Write;
  ofDead(): Write;
} {
  const ofOthers = statements.add<{ processId: string }>(
    "process.end-flows-claims",
    {},
    (_db, p) => sql`
    UPDATE flows SET due_at = 0 WHERE owner IS NOT NULL AND owner <> ${p.processId}`,
  );
  const ofDead = statements.add<object>(
    "process.end-dead-flows-claims",
    {},
    () => sql`
    UPDATE flows SET due_at = 0 WHERE owner IS NOT NULL AND due_at > 0 AND ${hasNoLease(sql.ref("owner"))}`,
  );
  return { ofOthers: (processId) => write(ofOthers, { processId }), ofDead: () => write(ofDead, {}) };
}

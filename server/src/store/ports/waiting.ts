import type { CallOptions, WaitingCount } from "@troupe/contracts";
import { sql } from "kysely";
import type { PortDeps } from "./kit.ts";

/** Counts the open rows of a table by the two partial indexes that hold them alone. */
export function waitingReader<State extends string>(
  { statements, reads }: PortDeps,
  table: "outbox" | "effects",
  states: readonly [State, State],
): (spaceId: string, options: CallOptions) => Promise<Readonly<Record<State, WaitingCount>>> {
  const ofState = (spaceId: unknown, state: string) => sql`
    SELECT count(*), min(created_at) FROM ${sql.table(table)} WHERE state = ${sql.lit(state)} AND space_id = ${spaceId}`;
  const counts = states.map((state) =>
    statements.add<{ spaceId: string }>(`${table}.waiting-${state}`, { returns: "rows" }, (_db, p) =>
      ofState(p.spaceId, state),
    ),
  );
  return async (spaceId, options) => {
    const found = await Promise.all(
      counts.map(async (statement, at) => {
        const [row] = await reads.farRows(statement, { spaceId }, options);
        const count = {
          count: Number(row?.[0] ?? 0),
          oldestAt: (row?.[1] ?? undefined) as number | undefined,
        };
        return [states[at], count] as const;
      }),
    );
    return Object.fromEntries(found) as Record<State, WaitingCount>;
  };
}

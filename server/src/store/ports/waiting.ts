import type { CallOptions, WaitingCount } from "@troupe/contracts";
import { sql } from "kysely";
import type { PortDeps } from "./kit.ts";

const STATES = ["pending", "sending"] as const;

/** Counts the open rows of the outbox by the two partial indexes that hold them alone. */
export function waitingReader({
  statements,
  reads,
}: PortDeps): (
  spaceId: string,
  options: CallOptions,
) => Promise<Readonly<Record<(typeof STATES)[number], WaitingCount>>> {
  const counts = STATES.map((state) =>
    statements.add<{ spaceId: string }>(
      `outbox.waiting-${state}`,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT count(*), min(created_at) FROM outbox WHERE state = ${sql.lit(state)} AND space_id = ${p.spaceId}`,
    ),
  );
  return async (spaceId, options) => {
    const [pending, sending] = await Promise.all(
      counts.map(async (statement): Promise<WaitingCount> => {
        const [row] = await reads.farRows(statement, { spaceId }, options);
        return { count: Number(row?.[0] ?? 0), oldestAt: (row?.[1] ?? undefined) as number | undefined };
      }),
    );
    return { pending: pending ?? NONE, sending: sending ?? NONE };
  };
}

const NONE: WaitingCount = { count: 0, oldestAt: undefined };

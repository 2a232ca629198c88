import type { Hold, HoldStore } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { write } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

/** True for a row (`t`) of a space whose outbox is not held. The table is empty but after a restore. */
export const NOT_HELD: RawBuilder<unknown> = sql`t.space_id NOT IN (SELECT space_id FROM holds)`;

export function createHoldStore({ statements, reads }: PortDeps): HoldStore {
  const place = statements.add<Hold>(
    "hold.place",
    {},
    (_db, p) => sql`
    INSERT INTO holds (space_id, reason, since) VALUES (${p.spaceId}, ${p.reason}, ${p.since})
    ON CONFLICT (space_id) DO NOTHING`,
  );
  const lift = statements.add<{ spaceId: string }>("hold.lift", { guard: "store.conflict" }, (db, p) =>
    db.deleteFrom("holds").where("space_id", "=", p.spaceId),
  );
  const get = statements.add<{ spaceId: string }>("hold.get", { returns: "row" }, (db, p) =>
    db.selectFrom("holds").select(["reason", "since"]).where("space_id", "=", p.spaceId),
  );
  return {
    place: (hold) => write(place, hold),
    lift: (spaceId) => write(lift, { spaceId }),
    async get(spaceId, options) {
      const row = await reads.row(get, { spaceId }, options);
      return row === undefined ? undefined : { spaceId, reason: String(row[0]), since: Number(row[1]) };
    },
  };
}

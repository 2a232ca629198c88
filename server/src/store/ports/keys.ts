import type { KeyRecord, KeyStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { KeyTable, TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";

const COLUMNS = [
  "id",
  "space_id",
  "name",
  "kind",
  "hash",
  "hint",
  "created_at",
  "revoked_at",
] as const satisfies readonly (keyof KeyTable)[];

export function createKeyStore({ statements, reads }: PortDeps): KeyStore {
  const put = statements.add<KeyRecord>("key.put", {}, (db, p) =>
    db
      .insertInto("keys")
      .values({
        id: p.id,
        space_id: p.spaceId,
        name: p.name,
        kind: p.kind,
        hash: p.hash,
        hint: p.hint,
        created_at: p.createdAt,
        revoked_at: p.revokedAt as number,
      })
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet((eb) => ({ name: eb.ref("excluded.name"), kind: eb.ref("excluded.kind") })),
      ),
  );
  const revoke = statements.add<{ id: string; at: number }>("key.revoke", {}, (db, p) =>
    db
      .updateTable("keys")
      .set({ revoked_at: p.at })
      .where("id", "=", p.id)
      .where("revoked_at", "is", sql.lit(null)),
  );
  const byHash = statements.add<{ hash: string }>("key.by-hash", { returns: "row" }, (db, p) =>
    db.selectFrom("keys").select(COLUMNS).where("hash", "=", p.hash),
  );
  const list = statements.add<{ spaceId: string }>("key.list", { returns: "rows" }, (db, p) =>
    db
      .selectFrom("keys")
      .select(COLUMNS)
      .where("space_id", "=", p.spaceId)
      .orderBy("created_at")
      .orderBy("id"),
  );

  return {
    put: (key) => write(put, key),
    revoke: (id, at) => write(revoke, { id, at }),
    async findByHash(hash, options) {
      const row = await reads.row(byHash, { hash }, options);
      return row === undefined ? undefined : keyOf(row);
    },
    async list(spaceId, options) {
      return (await reads.rows(list, { spaceId }, options)).map(keyOf);
    },
  };
}

function keyOf(row: Row): KeyRecord {
  const [id, spaceId, name, kind, hash, hint, createdAt, revokedAt] = row as unknown as TupleOf<
    KeyTable,
    typeof COLUMNS
  >;
  return {
    id,
    spaceId,
    name,
    kind: kind as KeyRecord["kind"],
    hash,
    hint,
    createdAt,
    revokedAt: revokedAt ?? undefined,
  };
}

import type { DataKeyRow, SecretKey, SecretRow, SecretStore } from "@troupe/contracts";
import { sql } from "kysely";
import type { DataKeyTable, SecretTable } from "../secret-tables.ts";
import { type Row, write } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";

const COLUMNS = [
  "space_id",
  "owner",
  "name",
  "version",
  "key_version",
  "nonce",
  "sealed",
  "fingerprint",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof SecretTable)[];

const KEY_COLUMNS = [
  "space_id",
  "version",
  "master_key_id",
  "nonce",
  "sealed",
  "created_at",
] as const satisfies readonly (keyof DataKeyTable)[];

const CONFLICT = { guard: "store.conflict" } as const;

export function createSecretStore(deps: PortDeps): SecretStore {
  const secrets = secretStatements(deps);
  const keys = keyStatements(deps);
  const { reads } = deps;
  return {
    put: (row) => write(secrets.put, row),
    remove: ({ spaceId, owner, name }) => write(secrets.remove, { spaceId, owner, name }),
    async get({ spaceId, owner, name }, options) {
      const row = await reads.row(secrets.get, { spaceId, owner, name }, options);
      return row === undefined ? undefined : secretOf(row);
    },
    async list(spaceId, options) {
      return (await reads.rows(secrets.list, { spaceId }, options)).map(secretOf);
    },
    putKey: (key) => write(keys.put, key),
    rewrapKey: (key, from) => write(keys.rewrap, { ...key, from }),
    removeKey: ({ spaceId, version }) => write(keys.remove, { spaceId, version }),
    async keys(options) {
      return (await reads.rows(keys.list, {}, options)).map(keyOf);
    },
  };
}

function secretStatements({ statements }: PortDeps) {
  return {
    put: statements.add<SecretRow>(
      "secret.put",
      CONFLICT,
      (_db, p) => sql`
      INSERT INTO secrets (space_id, owner, name, version, key_version, nonce, sealed, fingerprint, created_at, updated_at)
      SELECT ${p.spaceId}, ${p.owner}, ${p.name}, CAST(${p.version} AS BIGINT), CAST(${p.keyVersion} AS BIGINT), ${p.nonce}, ${p.sealed},
        ${p.fingerprint}, CAST(${p.createdAt} AS BIGINT), CAST(${p.updatedAt} AS BIGINT)
      WHERE CAST(${p.version} AS BIGINT) = 1 + coalesce((SELECT version FROM secrets WHERE space_id = ${p.spaceId} AND owner = ${p.owner} AND name = ${p.name}), 0)
        AND EXISTS (SELECT 1 FROM data_keys WHERE space_id = ${p.spaceId} AND version = ${p.keyVersion})
      ON CONFLICT (space_id, owner, name) DO UPDATE SET version = excluded.version, key_version = excluded.key_version,
        nonce = excluded.nonce, sealed = excluded.sealed, fingerprint = excluded.fingerprint, updated_at = excluded.updated_at`,
    ),
    remove: statements.add<SecretKey>("secret.remove", CONFLICT, (db, p) =>
      db
        .deleteFrom("secrets")
        .where("space_id", "=", p.spaceId)
        .where("owner", "=", p.owner)
        .where("name", "=", p.name),
    ),
    get: statements.add<SecretKey>("secret.get", { returns: "row" }, (db, p) =>
      db
        .selectFrom("secrets")
        .select(COLUMNS)
        .where("space_id", "=", p.spaceId)
        .where("owner", "=", p.owner)
        .where("name", "=", p.name),
    ),
    list: statements.add<{ spaceId: string }>("secret.list", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("secrets")
        .select(COLUMNS)
        .where("space_id", "=", p.spaceId)
        .orderBy("owner")
        .orderBy("name"),
    ),
  };
}

function keyStatements({ statements }: PortDeps) {
  return {
    put: statements.add<DataKeyRow>(
      "data-key.put",
      CONFLICT,
      (_db, p) => sql`
      INSERT INTO data_keys (space_id, version, master_key_id, nonce, sealed, created_at)
      VALUES (${p.spaceId}, ${p.version}, ${p.masterKeyId}, ${p.nonce}, ${p.sealed}, ${p.createdAt})
      ON CONFLICT (space_id, version) DO NOTHING`,
    ),
    rewrap: statements.add<DataKeyRow & { readonly from: string }>("data-key.rewrap", CONFLICT, (db, p) =>
      db
        .updateTable("data_keys")
        .set({ master_key_id: p.masterKeyId, nonce: p.nonce, sealed: p.sealed })
        .where("space_id", "=", p.spaceId)
        .where("version", "=", p.version)
        .where("master_key_id", "=", p.from),
    ),
    remove: statements.add<{ spaceId: string; version: number }>(
      "data-key.remove",
      CONFLICT,
      (_db, p) => sql`
      DELETE FROM data_keys WHERE space_id = ${p.spaceId} AND version = ${p.version}
        AND NOT EXISTS (SELECT 1 FROM secrets WHERE secrets.space_id = data_keys.space_id AND secrets.key_version = data_keys.version)`,
    ),
    list: statements.add("data-key.list", { returns: "rows" }, (db) =>
      db.selectFrom("data_keys").select(KEY_COLUMNS).orderBy("space_id").orderBy("version"),
    ),
  };
}

function secretOf(row: Row): SecretRow {
  const [spaceId, owner, name, version, keyVersion, nonce, sealed, fingerprint, createdAt, updatedAt] =
    row as unknown as TupleOf<SecretTable, typeof COLUMNS>;
  return {
    ...{ spaceId, owner, name, version, keyVersion, nonce, sealed, fingerprint, createdAt, updatedAt },
  };
}

function keyOf(row: Row): DataKeyRow {
  const [spaceId, version, masterKeyId, nonce, sealed, createdAt] = row as unknown as TupleOf<
    DataKeyTable,
    typeof KEY_COLUMNS
  >;
  return { spaceId, version, masterKeyId, nonce, sealed, createdAt };
}

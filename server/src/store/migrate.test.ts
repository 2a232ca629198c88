import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { migrations } from "./migrations/index.ts";
import { sqliteCapabilities } from "./sqlite/capabilities.ts";
import { migrate } from "./sqlite/migrate.ts";

const APPLICATION_ID = 0x54727065;

function databaseOf(version: number): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const { steps } of migrations.slice(0, version))
    for (const one of steps(sqliteCapabilities)) database.exec(one);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`);
  return database;
}

const schemaOf = (database: DatabaseSync): unknown[] =>
  database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();

it("brings a database of any earlier version up to what a new one is, and keeps its rows", () => {
  const fresh = new DatabaseSync(":memory:");
  migrate(fresh, "fresh");
  for (let version = 1; version < migrations.length; version++) {
    const old = databaseOf(version);
    old.exec(
      "INSERT INTO keys (id, space_id, name, kind, hash, hint, created_at) VALUES ('k', 's', 'n', 'key', 'h', 'i', 1)",
    );

    migrate(old, "old");

    expect(schemaOf(old)).toEqual(schemaOf(fresh));
    expect(old.prepare("SELECT id FROM keys").all()).toEqual([{ id: "k" }]);
  }
  expect(migrations.length).toBeGreaterThan(1);
});

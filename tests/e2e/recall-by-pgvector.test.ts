/** A running Troupe that searches by meaning in its database, and the commands that look after it. */
import { findPgvector, NO_PGVECTOR } from "@troupe/testing";
import { expect, test } from "vitest";
import { createCliHome } from "./cli-home.ts";

const pgvector = await findPgvector();

test("with recall.index: pgvector what was remembered is taken into the database, which reindex and doctor tell of", {
  timeout: 120_000,
}, async ({ skip }) => {
  if (pgvector === undefined) return skip(NO_PGVECTOR);
  await using database = await pgvector.create();
  await using cli = createCliHome();
  const settings = (index: string) =>
    `version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\nstore: { url: "${database.url}" }\nrecall: { index: ${index} }\n`;
  const tables = () =>
    database.query("SELECT 1 FROM pg_class WHERE relkind = 'r' AND relname ~ '^vectors_near_128_'");
  cli.write("troupe.yaml", settings("pgvector"));
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
  await cli.run(["chat", "--agent", "ana", "/remember We adopted a puppy."]);

  const renewed = (await cli.json("memory", "reindex")) as { readonly inDatabase: number };
  const doctor = await cli.run(["doctor"]);
  const made = await tables();
  cli.write("troupe.yaml", settings("resident"));
  const resident = await cli.run(["memory", "reindex"]);

  expect(renewed.inDatabase).toBeGreaterThan(0);
  expect(doctor.out).toMatch(/Vector index.*pgvector \d/);
  expect([made.length, (await tables()).length]).toEqual([1, 0]);
  expect(resident.out).not.toContain("database's index");
});

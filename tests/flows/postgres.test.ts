/** Every test of the flows once more, on a real PostgreSQL server where one is at hand. */
import { readdirSync } from "node:fs";
import { findPostgres, NO_POSTGRES } from "@troupe/testing";
import { expect, it } from "vitest";

const here = import.meta.url.slice(import.meta.url.lastIndexOf("/") + 1);
const others = readdirSync(new URL(".", import.meta.url)).filter(
  (name) => name.endsWith(".test.ts") && name !== here,
);
const isChosen = process.env.TROUPE_TEST_STORE !== undefined;
const postgres = isChosen ? undefined : await findPostgres();

it("the flows are tested on PostgreSQL too", ({ skip }) => {
  if (isChosen) return skip("TROUPE_TEST_STORE chooses one store");
  if (postgres === undefined) return skip(NO_POSTGRES);
  expect(others.length).toBeGreaterThan(3);
});

if (postgres !== undefined) {
  process.env.TROUPE_TEST_STORE = "postgres";
  // Their tests become tests of this file.
  for (const name of others) await import(new URL(name, import.meta.url).href);
}

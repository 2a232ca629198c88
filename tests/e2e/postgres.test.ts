/** Troupe behind its real ports once more, on a real PostgreSQL server where one is at hand. */
import { findPostgres, NO_POSTGRES } from "@troupe/testing";
import { expect, it } from "vitest";

const isChosen = process.env.TROUPE_TEST_STORE !== undefined;
const postgres = isChosen ? undefined : await findPostgres();

it("the HTTP face and whole conversations are tested on PostgreSQL too", ({ skip }) => {
  if (isChosen) return skip("TROUPE_TEST_STORE chooses one store");
  if (postgres === undefined) return skip(NO_POSTGRES);
  expect(process.env.TROUPE_TEST_STORE).toBe("postgres");
});

if (postgres !== undefined) {
  process.env.TROUPE_TEST_STORE = "postgres";
  // Their tests become tests of this file.
  await import("./http.test.ts");
  await import("./sessions.test.ts");
  await import("./modules.test.ts");
}

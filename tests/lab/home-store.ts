import { findPostgres, NO_POSTGRES, type TestDatabase } from "@troupe/testing";
import { chosenStore } from "./test-store.ts";

/** The store of a home that a test makes: what troupe.yaml says of it, and the end of its database. */
export interface HomeStore extends AsyncDisposable {
  /** A line for troupe.yaml; empty for the file that a home has by itself. */
  readonly yaml: string;
  /** Where it is a server's. */
  readonly database: TestDatabase | undefined;
}

/** SQLite in the home, or with TROUPE_TEST_STORE=postgres a database of its own on a real server. */
export async function openHomeStore(): Promise<HomeStore> {
  if (chosenStore() === "sqlite")
    return { yaml: "", database: undefined, [Symbol.asyncDispose]: async () => {} };
  const database = await (await findPostgres())?.create();
  if (database === undefined) throw new Error(`TROUPE_TEST_STORE=postgres ${NO_POSTGRES}.`);
  return {
    yaml: `store: { url: "${database.url}" }\n`,
    database,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

// Which database the stage of the turns and the simulator stand on: TROUPE_TEST_STORE=postgres, else SQLite in memory.
import { env } from "node:process";
import type { Clock, IdGenerator, Logger } from "@troupe/contracts";
import { findPostgres, NO_POSTGRES, type TestDatabase } from "@troupe/testing";
import type { Metrics } from "../../server/src/kit/index.ts";
import { type InlineStores, openInlineStores } from "../../server/src/store/index.ts";
import { type InlineServer, openInlinePostgres, startInlineServer } from "./postgres-inline.ts";

export type StoreKind = "sqlite" | "postgres";

export interface TestStoreOptions {
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly leaseClock: () => number;
}

/** Opens empty stores that answer before a call returns. Closing one makes room for the next; disposing ends all. */
export interface TestStores extends AsyncDisposable {
  open(options: TestStoreOptions): Promise<InlineStores>;
}

export function chosenStore(): StoreKind {
  const chosen = env.TROUPE_TEST_STORE ?? "sqlite";
  if (chosen !== "sqlite" && chosen !== "postgres")
    throw new Error(`TROUPE_TEST_STORE is "${chosen}". Set it to sqlite or postgres.`);
  return chosen;
}

export function createTestStores(kind: StoreKind = chosenStore()): TestStores {
  return kind === "postgres" ? createPostgresStores() : createSqliteStores();
}

function createSqliteStores(): TestStores {
  return {
    open: async (options) => openInlineStores({ memory: true, ...options }),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Databases are made once and emptied for each store: making one takes longer than most tests. */
function createPostgresStores(): TestStores {
  const idle: InlineServer[] = [];
  const all: { readonly server: InlineServer; readonly database: TestDatabase }[] = [];
  const make = async (): Promise<InlineServer> => {
    const database = await (await findPostgres())?.create();
    if (database === undefined) throw new Error(`TROUPE_TEST_STORE=postgres ${NO_POSTGRES}.`);
    const server = startInlineServer(database.url);
    all.push({ server, database });
    return server;
  };
  return {
    async open(options) {
      const server = idle.pop() ?? (await make());
      const store = openInlinePostgres({ ...options, server });
      store.reset();
      return {
        ...store,
        async close() {
          await store.close();
          idle.push(server);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const { server, database } of all.splice(0)) {
        server.ask({ kind: "close" });
        await database[Symbol.asyncDispose]();
      }
    },
  };
}

import { existsSync } from "node:fs";
import type { Logger, SecretStore } from "@troupe/contracts";
import { sqliteDialect } from "../dialect.ts";
import { createSecretStore } from "../ports/secrets.ts";
import { createReads, type Reader } from "../reads.ts";
import { createStatements } from "../statement.ts";
import { guarded, openDatabase } from "./database.ts";
import { createEngine, type Engine } from "./engine.ts";

export interface SecretReader extends AsyncDisposable {
  readonly secrets: Pick<SecretStore, "get" | "list" | "keys">;
}

/**
 * Reads the sealed secrets of a database and changes nothing, so that settings can be read before the store is opened and
 * while another process has it. Undefined where there is no database yet, or one from before there were secrets.
 */
export function openSecretReader(path: string, logger: Logger): SecretReader | undefined {
  if (!existsSync(path)) return undefined;
  const database = openDatabase({ path, access: "read", now: Date.now });
  const known = database
    .prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('secrets', 'data_keys')")
    .get() as { n: number };
  if (known.n < 2) {
    database.close();
    return undefined;
  }
  const statements = createStatements(sqliteDialect);
  let engine: Engine | undefined;
  const near: Reader = {
    async query(index, values) {
      engine ??= createEngine({ database, path, statements: statements.texts, procedures: {} });
      const { query } = engine;
      return guarded(path, () => query(index, values));
    },
  };
  const reads = createReads({ near, far: near });
  return {
    secrets: createSecretStore({ dialect: sqliteDialect, statements, reads, logger }),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

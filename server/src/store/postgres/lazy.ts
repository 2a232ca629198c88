/** What others call of PostgreSQL. Its code is loaded by the first call: whoever uses none pays for none. */
import type { OpenStores } from "../assemble.ts";
import type { MovedTable, MoveOptions } from "../move.ts";
import type { SecretReader } from "../sqlite/secret-reader.ts";
import type { PostgresFacts } from "./examine.ts";
import type { PostgresOptions } from "./open.ts";
import type { SecretReaderOptions } from "./secret-reader.ts";

/** Source of what it does and throws: open.ts. */
export async function openPostgresStores(options: PostgresOptions): Promise<OpenStores> {
  return (await import("./open.ts")).openPostgresStores(options);
}

/** Source: secret-reader.ts. */
export async function openPostgresSecretReader(
  options: SecretReaderOptions,
): Promise<SecretReader | undefined> {
  return (await import("./secret-reader.ts")).openPostgresSecretReader(options);
}

/** Source: examine.ts. */
export async function examinePostgres(url: string): Promise<PostgresFacts> {
  return (await import("./examine.ts")).examinePostgres(url);
}

/** Source: ../move.ts. */
export async function moveToPostgres(options: MoveOptions): Promise<readonly MovedTable[]> {
  return (await import("../move.ts")).moveToPostgres(options);
}

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Logger, TroupeError } from "@troupe/contracts";
import { isScalar, parseDocument } from "yaml";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import {
  examinePostgres,
  type MigrationState,
  type MovedTable,
  moveToPostgres,
  sqliteMigrationState,
} from "../store/index.ts";
import { type Config, displayPath, type Environment, requireConfig } from "./config/index.ts";
import { openHome } from "./home.ts";
import { holdHome } from "./home-lock.ts";
import { createAdjustableLogger } from "./logging.ts";
import { databasePath, isPostgres, openStore } from "./open-store.ts";
import { readSecrets } from "./secrets.ts";
import { builtinToolNames } from "./tool-names.ts";

export interface MigrateReport extends MigrationState {
  /** File, or database and server, without user and password. */
  readonly database: string;
  readonly isDry: boolean;
}

/** What the database of a home lacks, and unless `isDry`, brings it up to date. Throws `home.locked`, `store.*`. */
export async function migrateHome(
  environment: Environment,
  { isDry }: { readonly isDry: boolean },
): Promise<MigrateReport> {
  const config = await configOf(environment);
  const report = await stateOf(config);
  if (isDry || report.pending.length === 0) return { ...report, isDry };
  using _ = hold(environment);
  await (await openStore(config, storeDeps(), "command")).close();
  return { ...report, isDry };
}

async function stateOf({ home, store }: Config): Promise<Omit<MigrateReport, "isDry">> {
  if (isPostgres(store.url)) {
    const { where, migrations } = await examinePostgres(store.url);
    return { database: where, ...migrations };
  }
  const path = databasePath(home, store.url);
  return { database: displayPath(path), ...sqliteMigrationState(path) };
}

export interface MoveReport {
  readonly from: string;
  readonly tables: readonly MovedTable[];
  readonly isDry: boolean;
  /** troupe.yaml names the new database now; otherwise a person has to change it, for it holds a placeholder. */
  readonly isSettingChanged: boolean;
}

/**
 * Moves a home from its SQLite file to an empty PostgreSQL database, and troupe.yaml with it, comments kept. The file stays
 * where it is and as it is. Throws `home.locked`, `request.invalid`, `store.*`; then nothing was moved.
 */
export async function moveHome(
  environment: Environment,
  options: { readonly to: string; readonly isDry: boolean; readonly onTable: (table: MovedTable) => void },
): Promise<MoveReport> {
  const { to, isDry, onTable } = options;
  if (!isPostgres(to))
    throw invalid(
      `"${to.split(":")[0]}" is no database to move to. Write --to postgres://USER@HOST/DATABASE.`,
    );
  const { home, store } = await configOf(environment);
  if (isPostgres(store.url))
    throw invalid(
      "This home is on PostgreSQL already. To another server it is moved with pg_dump and psql; see docs/guide/postgresql.md.",
    );
  const path = databasePath(home, store.url);
  if (!existsSync(path))
    throw invalid(`There is no database ${displayPath(path)} to move. ./troupe up makes one.`);
  using _ = hold(environment);
  const tables = await moveToPostgres({ path, url: to, isDry, onTable });
  return { from: displayPath(path), tables, isDry, isSettingChanged: !isDry && changeSetting(home, to) };
}

/** Writes the new address into troupe.yaml and leaves all else as it is; not over a placeholder. */
function changeSetting(home: string, url: string): boolean {
  const path = join(home, "troupe.yaml");
  const text = readFileSync(path, "utf8");
  const document = parseDocument(text);
  const written = document.getIn(["store", "url"], true);
  if (isScalar(written) && String(written.value).includes("${")) return false;
  document.setIn(["store", "url"], url);
  const [start, end] = (isScalar(written) ? written.range : undefined) ?? [];
  const changed =
    start !== undefined && end !== undefined
      ? `${text.slice(0, start)}${JSON.stringify(url)}${text.slice(end)}`
      : text.includes("store:")
        ? document.toString({ lineWidth: 0 })
        : `${text.trimEnd()}\nstore:\n  url: ${JSON.stringify(url)}\n`;
  // It may hold a password from now on.
  writeFileSync(`${path}.new`, changed, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return true;
}

async function configOf(environment: Environment): Promise<Config> {
  return requireConfig({
    environment,
    toolNames: await builtinToolNames(),
    secrets: await readSecrets(environment, "look"),
  });
}

function hold(environment: Environment): Disposable {
  const { data } = openHome(environment.home);
  return holdHome(data, { pid: process.pid, command: "migrate", since: Date.now() });
}

function storeDeps() {
  const clock = systemClock();
  const logger: Logger = createAdjustableLogger({
    level: "error",
    isTerminal: process.stderr.isTTY === true,
  });
  return { clock, logger, ids: createIdGenerator(clock), metrics: createMetrics() };
}

function invalid(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}

import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Clock, IdGenerator, Logger } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import {
  type Migration,
  type OpenStores,
  openPostgresSecretReader,
  openPostgresStores,
  openSecretReader,
  openSqliteStores,
  type SecretReader,
} from "../store/index.ts";
import { withAudienceCheck } from "./audience-check.ts";
import type { Config } from "./config/index.ts";

const POSTGRES = /^postgres(ql)?:/;
const SQLITE = "sqlite:";

/** A setting `store.url` as far as it decides which database is used. */
export function isPostgres(url: string): boolean {
  return POSTGRES.test(url);
}

/**
 * Whether several processes may work with one store: one that is a server, and a bus between them. Elsewhere the store is
 * one process's own.
 */
export function isShared({
  store,
  bus,
}: {
  readonly store: Pick<Config["store"], "url">;
  readonly bus: Pick<Config["bus"], "url">;
}): boolean {
  return isPostgres(store.url) && bus.url !== "local:";
}

/** The file of a `sqlite:` address. */
export function databasePath(home: string, url: string): string {
  return resolve(home, url.slice(SQLITE.length));
}

interface StoreDeps {
  readonly migrations?: readonly Migration[] | undefined;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The database that `store.url` names, with a last look at who is told what. Throws the store's error codes. */
export async function openStore(
  config: Pick<Config, "home" | "store" | "bus">,
  deps: StoreDeps,
  mode: "serve" | "command",
): Promise<OpenStores> {
  const opened = await openUnchecked(config, deps, mode);
  return { ...opened, stores: withAudienceCheck(opened.stores, deps) };
}

function openUnchecked(
  config: Pick<Config, "home" | "store" | "bus">,
  deps: StoreDeps,
  mode: "serve" | "command",
): Promise<OpenStores> {
  const { url } = config.store;
  if (isPostgres(url))
    return openPostgresStores({ ...deps, url, sharing: isShared(config) ? "shared" : "alone" });
  const path = databasePath(config.home, url);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSqliteStores({ ...deps, path, mode: mode === "serve" ? "threads" : "inline" });
}

/** The sealed secrets of a database that may be open elsewhere; undefined where there are none. */
export async function openSecrets(
  home: string,
  url: string,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
): Promise<SecretReader | undefined> {
  if (isPostgres(url)) return openPostgresSecretReader({ ...deps, url });
  // What is wrong with another address is told by the check of the settings.
  return url.startsWith(SQLITE) ? openSecretReader(databasePath(home, url), deps.logger) : undefined;
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SPACE_ID, type Logger, type SecretStore, SPACE_OWNER, TroupeError } from "@troupe/contracts";
import { createMetrics, systemClock } from "../kit/index.ts";
import { createMasterKeys, createSecretReader, type MasterKeys } from "../secrets/index.ts";
import {
  BEFORE_THE_STORE,
  type Config,
  displayPath,
  type Environment,
  NO_SECRETS,
  peekSecrets,
  type SecretFinding,
  type SecretLookup,
} from "./config/index.ts";
import { openSecrets } from "./open-store.ts";

type Source = Pick<Environment, "home" | "variables">;

/** The master key as the environment or the home gives it. */
export function masterKeysOf({ home, variables }: Source): MasterKeys {
  const given = (name: string) => ({ text: some(variables[name]), file: some(variables[`${name}_FILE`]) });
  return createMasterKeys({
    home,
    given: given("TROUPE_MASTER_KEY"),
    old: given("TROUPE_MASTER_KEY_OLD"),
    display: displayPath,
  });
}

function some(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/**
 * The secrets that troupe.yaml names, for reading it. `open`: their values; `look`: only whether they are set, which needs
 * no master key. Opens the database to read, and only when a secret is named; it may be open elsewhere.
 */
export async function readSecrets(source: Source, depth: "open" | "look"): Promise<SecretLookup> {
  const { names, storeUrl, isCircular } = peekSecrets(textOf(source.home), source);
  if (isCircular) return BEFORE_THE_STORE;
  if (names.length === 0 || storeUrl === undefined) return NO_SECRETS;
  const deps = { clock: systemClock(), logger: SILENT, metrics: createMetrics() };
  await using reader = await openSecrets(source.home, storeUrl, deps);
  if (reader === undefined) return NO_SECRETS;
  const { secrets } = reader;
  const found = new Map<string, SecretFinding>();
  for (const name of names) {
    found.set(name, depth === "look" ? await look(secrets, name) : await open(secrets, name, source));
  }
  return { find: (name) => found.get(name) ?? { kind: "missing" } };
}

type Rows = Pick<SecretStore, "get" | "list" | "keys">;

const UNBOUNDED = { signal: new AbortController().signal };
const keyOf = (name: string) => ({ spaceId: DEFAULT_SPACE_ID, owner: SPACE_OWNER, name });

async function look(secrets: Rows, name: string): Promise<SecretFinding> {
  const row = await secrets.get(keyOf(name), UNBOUNDED);
  return { kind: row === undefined ? "missing" : "unread" };
}

async function open(secrets: Rows, name: string, source: Source): Promise<SecretFinding> {
  const reader = createSecretReader({ store: secrets, master: masterKeysOf(source) });
  try {
    const value = await reader.get(keyOf(name), UNBOUNDED);
    return value === undefined ? { kind: "missing" } : { kind: "value", value };
  } catch (error) {
    if (TroupeError.is(error, "secret.locked") || TroupeError.is(error, "secret.damaged")) {
      return { kind: "unreadable", message: error.message };
    }
    throw error;
  }
}

function textOf(home: string): string {
  try {
    return readFileSync(join(home, "troupe.yaml"), "utf8");
  } catch {
    // The check of the settings tells of it.
    return "";
  }
}

/** What no log may show: everything that a placeholder brought into the settings of a provider or of the episode memory. */
export function hiddenValues({ providers, episodes, written }: Config): readonly string[] {
  const ofEpisodes = hiddenIn(written, [{ path: "episodes.apiKey", value: episodes?.apiKey ?? "" }]);
  const ofProviders = Object.entries(providers).flatMap(([name, provider]) => {
    const headers = Object.entries(provider.headers ?? {}).map(([header, value]) => ({
      path: `providers.${name}.headers.${header}`,
      value,
    }));
    const key = { path: `providers.${name}.apiKey`, value: provider.apiKey ?? "" };
    return hiddenIn(written, [key, ...headers]);
  });
  return [...ofProviders, ...ofEpisodes];
}

function hiddenIn(
  written: Config["written"],
  values: readonly { readonly path: string; readonly value: string }[],
): readonly string[] {
  return values.flatMap(({ path, value }) => {
    const text = written.get(path);
    // A default such as "none" is a word like others.
    return text === undefined || text.includes(`:-${value}}`) ? [] : [value];
  });
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Config, configError, type Environment, loadConfig } from "../config/index.ts";
import { EXAMPLE_CONFIG } from "../examples.ts";
import { homeExists } from "../home.ts";
import { readSecrets } from "../secrets.ts";
import { KNOWN_PROVIDERS, type KnownProvider } from "./known.ts";
import type { Candidate } from "./models.ts";

/** A provider of the settings. */
export interface ConfiguredProvider extends Candidate {
  /** The secret that its key is, where it is one. */
  readonly secret: string | undefined;
  /** Why its key cannot be used now: one sentence. */
  readonly unreadable: string | undefined;
}

/** What is there before anything is asked. */
export interface SetupFacts {
  readonly isNew: boolean;
  /** troupe.yaml as it is, or as a first start would write it. */
  readonly text: string;
  /** Those that a person configured. */
  readonly providers: readonly ConfiguredProvider[];
  /** The logical model `default`. */
  readonly list: readonly string[];
  /** Keys in the environment. */
  readonly keys: readonly {
    readonly known: KnownProvider;
    readonly variable: string;
    readonly value: string;
  }[];
}

/** Rejects with `config.invalid` for settings that have to be mended first. */
export async function readSetupFacts(environment: Environment): Promise<SetupFacts> {
  const keys = KNOWN_PROVIDERS.flatMap((known) => {
    const variable = known.variables.find((name) => environment.variables[name]);
    const value = variable === undefined ? undefined : environment.variables[variable];
    return variable === undefined || value === undefined ? [] : [{ known, variable, value }];
  });
  const isNew = !homeExists(environment.home);
  if (isNew) return { isNew, text: EXAMPLE_CONFIG, providers: [], list: ["offline/guide"], keys };
  const text = await readFile(join(environment.home, "troupe.yaml"), "utf8");
  const loaded = loadConfig({ environment, secrets: await readSecrets(environment, "open") });
  if (loaded.kind === "invalid") throw configError(loaded.problems);
  const { config } = loaded;
  return { isNew, text, providers: providersOf(config), list: config.models.default ?? [], keys };
}

function providersOf({ providers, written, unreadable }: Config): readonly ConfiguredProvider[] {
  return Object.entries(providers)
    .filter(([, settings]) => settings.kind !== "offline")
    .map(([name, settings]) => {
      const path = `providers.${name}.apiKey`;
      const secret = /^\$\{secret:([^}]+)\}$/.exec(written.get(path) ?? "")?.[1];
      return { name, settings, secret: secret?.trim(), unreadable: unreadable.get(path) };
    });
}

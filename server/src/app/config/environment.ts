import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What Troupe takes from the process environment. Nothing outside this folder reads it. */
export interface Environment {
  /** Absolute path of the home. */
  readonly home: string;
  /** Where short-lived sockets go: `XDG_RUNTIME_DIR`, or the machine's temporary directory. */
  readonly runtimeDirectory: string;
  /** `NO_COLOR` is set to something. Source: no-color.org. */
  readonly noColor: boolean;
  /** For `${VAR}` in troupe.yaml. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const { TROUPE_HOME: home, XDG_RUNTIME_DIR: runtime, NO_COLOR: noColor } = variables;
  return {
    home: home ? resolve(home) : join(homedir(), ".troupe"),
    runtimeDirectory: runtime || tmpdir(),
    noColor: noColor !== undefined && noColor !== "",
    variables,
  };
}

/** The home as people write it: `~/.troupe` where it lies under their own directory. */
export function displayPath(path: string): string {
  const own = homedir();
  return path === own || path.startsWith(`${own}/`) ? `~${path.slice(own.length)}` : path;
}

/**
 * What the command line takes from the application. Everything heavy is behind a function that loads it, so that a short
 * command starts quickly.
 */
import type { Environment } from "./config/environment.ts";
import type { Held, ServeOptions, Serving } from "./lifecycle.ts";

export { displayPath, type Environment, readEnvironment } from "./config/environment.ts";
export type { Config, LoadResult } from "./config/load.ts";
export { formatProblem, type Problem } from "./config/problem.ts";
export type { DoctorInput, Finding } from "./doctor.ts";
export { homeExists } from "./home.ts";
export type { Held, ServeOptions, Serving } from "./lifecycle.ts";
export { holderOf, type LockHolder } from "./lock-holder.ts";
export type { ReloadReport } from "./reload.ts";
export { adminSocketPath } from "./runtime-path.ts";
export type { StatusReport, WaitingRows } from "./status.ts";
export { troupeVersion } from "./version.ts";

/** Starts Troupe. Throws one clear sentence, with everything closed again. */
export async function startServing(environment: Environment, options?: ServeOptions): Promise<Serving> {
  const { serve } = await import("./lifecycle.ts");
  return serve(environment, options);
}

/** Opens the home for one command of this process; turns run only with `work`. */
export async function openHomeFor(
  environment: Environment,
  options: { readonly command: string; readonly work: boolean },
): Promise<Held> {
  const { openForCommand } = await import("./lifecycle.ts");
  return openForCommand(environment, options);
}

export function loadConfigTools(): Promise<typeof import("./config-tools.ts")> {
  return import("./config-tools.ts");
}

export function loadDoctor(): Promise<typeof import("./doctor.ts")> {
  return import("./doctor.ts");
}

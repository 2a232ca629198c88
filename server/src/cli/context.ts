import { TroupeError } from "@troupe/contracts";
import type { Environment } from "../app/index.ts";
import { adminSocketPath, homeExists, openHomeFor, readEnvironment } from "../app/index.ts";
import { type AdminClient, createClient, isAnswering } from "./client.ts";
import { createOutput, type Output } from "./output.ts";

/** What every command gets. */
export interface CommandContext {
  readonly environment: Environment;
  readonly output: Output;
  /**
   * The admin routes: of the Troupe that runs with this home, or of this process under the home's lock. `createHome`:
   * a home that is not there is made; else `config.missing`.
   */
  connect(options: {
    readonly command: string;
    readonly createHome?: boolean;
    /** Turns run while the command does. */
    readonly work?: boolean;
  }): Promise<AdminClient>;
  /** The running Troupe's routes, or undefined when none runs. Rejects with `not_ready` for one that hangs. */
  connectRunning(): Promise<AdminClient | undefined>;
}

/** One that starts opens its socket last, and one that stops closes it first; a short command is done in a moment. */
const WAIT_FOR_HOME_MS = 15_000;
const WAIT_PAUSE_MS = 100;

export function createContext(options: { readonly json?: boolean }): CommandContext {
  const environment = readEnvironment();
  const output = createOutput({ isJson: options.json === true, noColor: environment.noColor });
  const socketPath = adminSocketPath(environment.home, environment.runtimeDirectory);

  const connectRunning = async (): Promise<AdminClient | undefined> =>
    (await isAnswering(socketPath)) ? createClient(socketPath, true, () => Promise.resolve()) : undefined;

  return {
    environment,
    output,
    connectRunning,
    async connect({ command, createHome = false, work = false }) {
      if (!createHome && !homeExists(environment.home)) throw noHome(environment);
      const giveUpAt = Date.now() + WAIT_FOR_HOME_MS;
      for (;;) {
        const running = await connectRunning();
        if (running !== undefined) return running;
        try {
          const own = await openHomeFor(environment, { command, work });
          return createClient(own.socketPath, false, () => own.close());
        } catch (error) {
          if (!TroupeError.is(error, "home.locked") || Date.now() > giveUpAt) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, WAIT_PAUSE_MS));
      }
    },
  };
}

export function noHome(environment: Environment): TroupeError {
  return new TroupeError(
    `There is no Troupe home at ${environment.home} yet. ./troupe up makes one; TROUPE_HOME names another folder.`,
    { code: "config.missing" },
  );
}

export interface TroupeProcess {
  /** The process that serves, not a shell before it. */
  readonly processId: number;
  readonly port: number;
  readonly home: string;
  /** From the command to the first 200 of `/ready`, in steps of about 5 ms. */
  readonly readyMs: number;
  /** Asks the process to end, and ends it when it does not. */
  stop(): Promise<void>;
  /** Runs a command of the command line with `--json` against this home, and reads its answer. */
  command(...args: readonly string[]): Promise<unknown>;
}

/** The agent that {@link writeHome} makes. */
export const AGENT_ID: string;

export function freePort(): Promise<number>;

/** A home with one agent, one tool that writes, and the model server at `baseUrl` as its only model. */
export function writeHome(
  home: string,
  to: {
    readonly port: number;
    readonly baseUrl: string;
    /** Tokens. Default one million: a conversation of 500 turns stays whole. */
    readonly contextWindow?: number;
  },
): void;

/**
 * Starts `./troupe up` with these further arguments and waits until it is ready at this port. Rejects with the end of its
 * log when it is not in a minute.
 */
export function startTroupe(
  home: string,
  port: number,
  environment?: Readonly<Record<string, string>>,
  args?: readonly string[],
): Promise<TroupeProcess>;

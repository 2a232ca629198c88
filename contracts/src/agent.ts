import type { ApprovalRule } from "./approval.ts";

/** An agent as its file describes it (its blueprint). */
export interface AgentSpec {
  readonly id: string;
  readonly name: string;
  /** A logical model of the configuration (`default`), or `provider/model`. */
  readonly model: string;
  readonly instructions: string;
  readonly description?: string;
  /** Names of the tools it may use; absent means every built-in. */
  readonly tools?: readonly string[];
  /** Modules that its turns have; absent: all there are. */
  readonly modules?: readonly string[];
  /** Modules that its turns go without. */
  readonly without?: readonly string[];
  /** Tools whose calls are denied, or need a person's approval; a tool that is not named here may run. */
  readonly approvals?: Readonly<Record<string, ApprovalRule>>;
  /** What a message does that arrives while a turn of its session runs. Default `queue`. */
  readonly whileBusy?: WhileBusy;
  /** Longest time one turn may take, milliseconds. */
  readonly deadlineMs?: number;
  /** Most model calls one turn may make. */
  readonly maxSteps?: number;
  /** Ids of agents that it may ask and write to, `*` for any run of characters. Absent: none. */
  readonly delegates?: readonly string[];
  /** Ids of agents that may ask it and write to it, in the same way. Absent: none. */
  readonly acceptsFrom?: readonly string[];
  /** What it can do, for other agents that look for somebody. */
  readonly capabilities?: readonly string[];
  /** Whether its turns are recorded for replaying; absent: as the home says. */
  readonly tape?: boolean;
}

/**
 * `queue`: its own turn, later. `steer`: joins the running turn before its next model call; one that asks for more than its
 * words say (a command, tools, a longest answer) is its own turn all the same. `interrupt`: the running turn is cancelled.
 */
export type WhileBusy = "queue" | "steer" | "interrupt";

export interface Agent {
  readonly spaceId: string;
  /** Rises by one whenever the blueprint changes; a turn records which one it ran. */
  readonly revision: number;
  readonly spec: AgentSpec;
}

/** The agents of this process, kept in memory. Reading costs nothing; a reload swaps the whole at once. */
export interface AgentDirectory {
  get(spaceId: string, agentId: string): Agent | undefined;
  list(spaceId: string): readonly Agent[];
}

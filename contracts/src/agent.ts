import type { ApprovalRule } from "./approval.ts";
import type { ClockSpan, QuietHours } from "./quiet-hours.ts";

/** An agent as its file describes it (its blueprint). */
export interface AgentSpec {
  readonly id: string;
  readonly name: string;
  /** A logical model of the configuration (`default`), or `provider/model`. */
  readonly model: string;
  readonly instructions: string;
  readonly description?: string;
  /** Names of the tools it may use; absent means every built-in, and those of its modules. */
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
  /** Whether it learns by itself from what people say of themselves. Default `rules`: plain cases, without a model. */
  readonly learn?: LearnMode;
  /** In place of the home's, for those who have none of their own. */
  readonly quietHours?: QuietHours;
  /** Whom its own files about a person are for. Absent: the operator; and it has tools to change files only if it names them. */
  readonly workspace?: WorkspaceSpec;
  /** Absent: none. */
  readonly heartbeat?: HeartbeatSpec;
}

export interface WorkspaceSpec {
  /** Ids of peers who are the person that USER.md, MEMORY.md and notes are about. Absent: the operator's own. */
  readonly readers?: readonly string[];
}

/** How an agent looks around by itself, once for all its conversations; it is silent unless there is something to say. */
export interface HeartbeatSpec {
  /** 60,000 (a minute) to 7,776,000,000 (90 days). */
  readonly everyMs: number;
  /** What it is asked then; absent: a question of ours. */
  readonly text?: string;
  /** Absent: all day. In the zone of the home. */
  readonly activeHours?: ClockSpan;
  /** Where it speaks; absent: the operator's inbox. */
  readonly deliverTo?: { readonly channel: string; readonly target: string };
}

/**
 * `queue`: its own turn, later. `steer`: joins the running turn before its next model call; one that asks for more than its
 * words say (a command, tools, a longest answer) is its own turn all the same. `interrupt`: the running turn is cancelled.
 */
export type WhileBusy = "queue" | "steer" | "interrupt";

export type LearnMode = "off" | "rules" | "model";

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

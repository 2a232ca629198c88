import type { Agent } from "./agent.ts";
import type { TroupeError } from "./errors.ts";
import type { ToolCallPart } from "./message.ts";
import type { CallOptions, Principal } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { DirectCall, SourceReference, Trigger } from "./turn.ts";

/** JSON Schema 2020-12 of an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * `pure`: no effect, may rerun. `transactional`: its effect is the writes it returns, which join the turn's commit.
 * `external`: acts on the world; an intent is committed before it and a result after it, and it never reruns in silence.
 */
export type ToolKind = "pure" | "transactional" | "external";

export interface ToolSpec {
  /** `[a-z0-9_]`, at most 64 characters, unique among the tools of an agent. */
  readonly name: string;
  /** For the model: when to use it and what it answers. */
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly kind: ToolKind;
  /** Longest run, milliseconds, with all that is tried again. Default 30,000. */
  readonly timeoutMs?: number;
  /** Turns that it is offered to, by what started them. Absent: all. */
  readonly triggers?: readonly Trigger[];
  /**
   * `agents`: an agent that names no tools has it only where its blueprint names other agents (delegates, acceptsFrom).
   * `workspace`: only where its blueprint speaks of its workspace.
   */
  readonly needs?: "agents" | "workspace";
}

/** Where and for whom a tool runs. */
export interface ToolContext {
  readonly principal: Principal;
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly turnSeq: number;
  /** Messages that the turn answers, oldest first; several where people write in bursts. */
  readonly messageIds: readonly string[];
  readonly callId: string;
  readonly peerId: string;
  readonly ownerId: string;
  readonly audience: readonly string[];
  /** UTC milliseconds at the start of the turn's attempt. */
  readonly now: number;
  /** BCP 47 language of the user's message, as far as known (`en`, `uk`). */
  readonly language: string;
  /** The same for every attempt of this call; pass it on to services that dedupe. */
  readonly idempotencyKey: string;
}

export interface ToolOutput {
  /** What the model, or on the direct path the user, reads. */
  readonly text: string;
  /** The tool ran and the answer is no; the model may try something else. */
  readonly isError?: boolean;
  /** Only from a transactional tool: committed with the turn, or not at all. */
  readonly writes?: readonly Write<unknown>[];
  /** What the text shows of earlier messages and memories, so that a person can ask where an answer came from. */
  readonly sources?: readonly SourceReference[];
}

/** One ability. `run` may throw: the executor turns that into a failed result, logged once. */
export interface Tool {
  readonly spec: ToolSpec;
  run(input: unknown, context: ToolContext, options: CallOptions): Promise<ToolOutput>;
}

/** Brings tools (built-ins, an MCP server, an extension). `list` is asked at start and on reload. */
export interface ToolSource {
  readonly id: string;
  /** Its tools are those of this module: agents that go without it do not have them, whatever they name. */
  readonly moduleId?: string;
  list(options: CallOptions): Promise<readonly Tool[]>;
}

/** Tools chosen for a turn. The same choice is the same object, so that its serialised form can be cached. */
export interface ToolSet {
  readonly specs: readonly ToolSpec[];
  kindOf(name: string): ToolKind | undefined;
}

/** What a caller is told of a run that failed and is tried again. */
export interface ToolRetry {
  readonly error: TroupeError;
  readonly waitMs: number;
}

/** All tools of the process: choosing and running them. */
export interface Toolbox {
  /** What the agent's blueprint allows and this trigger is offered. */
  select(agent: Agent, trigger: Trigger): ToolSet;
  /**
   * Validates the input and runs one call within its time. A tool that acts on nothing (pure, transactional) and fails
   * with a retryable error is tried again a few times within that time; an external one never. Resolves for every outcome
   * of the tool, bad input and unknown names included (`isError`); rejects only with the signal's reason.
   * `isDirect`: a command, a button or a job calls, and no model; then tools that serve these alone are run too.
   */
  run(
    set: ToolSet,
    call: ToolCallPart,
    context: ToolContext,
    options: CallOptions & { readonly isDirect?: boolean; readonly onRetry?: (retry: ToolRetry) => void },
  ): Promise<ToolOutput>;
  /** Reads a command (`/roll 2d6`); undefined when the text is none. A known command with bad input is a call that fails kindly. */
  parseCommand(text: string): DirectCall | undefined;
}

import type { ErrorCode } from "./errors.ts";
import type { FilePart, ToolCallPart, ToolResultPart } from "./message.ts";
import type { ResponseFormat } from "./model.ts";
import type { JsonSchema } from "./tool.ts";

/** What started a turn. It reaches prompt, modules and tool choice. Source: design §3. */
export type Trigger = "chat" | "job" | "agent" | "flow" | "invocation" | "channel";

export type Lane = "realtime" | "background" | "heavy";

/**
 * `queued` and `running` are on the way; the rest are ends and never change again. `dead`: given up after too many
 * attempts, kept for the operator. `suppressed`: the agent chose, or a rule said, not to answer.
 */
export type TurnState = "queued" | "running" | "replied" | "failed" | "cancelled" | "suppressed" | "dead";

/** The visible state of one inbound message: still `accepted`, or exactly one end. Source: design §2 rule 4. */
export type InboundState =
  | "accepted"
  | "replied"
  | "merged"
  | "refused"
  | "cancelled"
  | "failed"
  | "suppressed"
  | "dead";

/** A tool call that needs no model: a command, a button, a job's payload. */
export interface DirectCall {
  readonly tool: string;
  readonly input: unknown;
  /** The turn that its session is in is cancelled, and this one follows it. */
  readonly interrupts?: boolean;
}

/** Tokens of model calls, summed. */
export interface Usage {
  /** All that was read, cached and cache-writing tokens included. */
  readonly inputTokens: number;
  /** Of the input, read from the provider's cache. */
  readonly cachedInputTokens: number;
  /** Of `inputTokens`, those that the provider put into its cache; absent where it tells of none. */
  readonly cacheWriteTokens?: number;
  /** All that was written, reasoning included. */
  readonly outputTokens: number;
  /** Of `outputTokens`; absent where the provider tells of none. */
  readonly reasoningTokens?: number;
}

export const NO_USAGE: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };

/**
 * An earlier message or memory that a prompt or a tool's answer showed. A reference and no copy: what is forgotten later
 * is gone from here too, and who may read it is asked of the record itself.
 */
export type SourceReference =
  | { readonly kind: "message"; readonly id: string; readonly sessionId: string; readonly turnSeq: number }
  | { readonly kind: "memory"; readonly id: string };

/** One line of a turn's life, for `turn show`. `detail` is short plain text without secrets. */
export interface TraceEntry {
  /** UTC milliseconds. */
  readonly at: number;
  readonly what: string;
  readonly detail?: string;
  /** Of recall and of tools: what they showed. */
  readonly sources?: readonly SourceReference[];
  /** Of the prompt: what it was made of, in its order. Sizes and reasons, no texts. */
  readonly blocks?: readonly PromptBlock[];
}

/** A piece of a prompt. They stand from what changes least to what changes most, so that a provider's cache finds them again. */
export interface PromptBlock {
  /** `instructions`, `tools`, `client`, `workspace FILE`, `awareness`, `summary`, `messages`, `others`, `recalled`, `time`, `trigger`, `newest`; else a module's id. */
  readonly block: string;
  /** Estimated. */
  readonly tokens: number;
  /** Why it is there, and what of; empty where there is nothing to say. */
  readonly why: string;
}

export interface TurnError {
  readonly code: ErrorCode;
  /** One sentence for people. */
  readonly message: string;
}

/** A message of a call that brings its own history (the OpenAI face without a session header). */
export interface GivenMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly text: string;
  readonly toolCalls?: readonly {
    readonly callId: string;
    readonly name: string;
    readonly arguments: string;
  }[];
  readonly callId?: string;
  /** Images and other files of a `user` message. */
  readonly files?: readonly FilePart[];
}

/** A tool that the client runs itself: the model's call of it ends the turn, and the client's next message answers it. */
export interface ClientTool {
  /** `[A-Za-z0-9_-]`, at most 64 characters. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
}

/** `none`: no tool is offered. `required`: the model is to call one. A name: it is to call that one. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** What a client asks of the model beside its words; for one turn. */
export interface ClientOptions {
  readonly tools?: readonly ClientTool[];
  /** The agent's own tools are not offered; by default the client's stand beside them, and take the place of namesakes. */
  readonly withoutAgentTools?: boolean;
  /** Default `auto`. Holds for the turn's first call of a model: what follows results of tools is free. */
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  /** The answer ends before the first of these. */
  readonly stop?: readonly string[];
}

/** What caused a turn that no person began: kept with it, shown by `turn show`, followed when a chain is stopped. */
export interface TurnCause {
  /** The turn at the beginning of the chain; absent where a schedule or a flow began it. */
  readonly rootTurnId?: string;
  /** The turn that asked for this one. */
  readonly parentTurnId?: string;
  /** Turns of the chain before this one; 0 for the first. */
  readonly depth: number;
  readonly of?: { readonly kind: "job-run" | "flow" | "agent-message"; readonly id: string };
  /** Of a turn that an agent caused: which one, and what it wants; told to the model. */
  readonly from?: AgentCause;
}

/** `ask` wants an answer, `message` none; `answer` is what was asked for. */
export interface AgentCause {
  readonly agentId: string;
  /** As people call it; of an answer, all who were asked. */
  readonly name: string;
  readonly kind: "ask" | "message" | "answer" | "handoff";
  /** The group that it was said in. */
  readonly channel?: string;
}

/**
 * An effect that is kept in the very commit that ends the turn, however it ends, so that whoever waits for it is told
 * exactly once. Its payload is this one with `turnId`, `state`, `messageId` of what was said if anything was, and `error`.
 * A message that carries one joins no other turn.
 */
export interface AfterEnd {
  readonly kind: string;
  readonly v: number;
  readonly lane: Lane;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What a turn needs beyond its messages, kept with it so that another process can run it. */
export interface TurnPayload {
  readonly direct?: DirectCall;
  readonly cause?: TurnCause;
  readonly afterEnd?: AfterEnd;
  /** Earlier messages of a stateless call; the newest user message is not among them. */
  readonly given?: readonly GivenMessage[];
  /** Instructions that a client adds for this turn alone. */
  readonly instructions?: string;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  /** The agent may choose to say nothing: an answer of `NO_REPLY` alone ends the turn as `suppressed` and reaches nobody. */
  readonly maySayNothing?: boolean;
  /** Logical model or `provider/model` in place of the agent's: a budget fell to it. */
  readonly model?: string;
  readonly client?: ClientOptions;
}

/** One run of the six steps, as kept. */
export interface Turn {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Revision of the agent that the last attempt ran; 0 before the first. */
  readonly agentRevision: number;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly trigger: Trigger;
  readonly lane: Lane;
  readonly state: TurnState;
  /** From 1 once running; rises with each claim. */
  readonly attempt: number;
  /** Fencing token: rises with each claim; a commit that carries an older one is refused. */
  readonly epoch: number;
  /** Id of the process that holds it. */
  readonly owner: string | undefined;
  /** How many inbound messages joined it. A finishing commit must know them all. */
  readonly inboundCount: number;
  readonly payload: TurnPayload;
  readonly dueAt: number;
  readonly deadlineAt: number;
  readonly cancelRequested: boolean;
  /** What the accepting commit reserved, and every attempt beyond it. */
  readonly reservedMicroUsd: number;
  readonly costMicroUsd: number;
  readonly usage: Usage;
  readonly error: TurnError | undefined;
  readonly trace: readonly TraceEntry[];
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
}

/**
 * A journalled piece of an attempt. `model`: what one model call answered. `intent`: an external call is about to run.
 * `result`: how a call ended. A takeover replays them instead of asking again.
 */
export type TurnStep =
  | { readonly kind: "model"; readonly n: number; readonly at: number; readonly output: ModelStepOutput }
  | {
      readonly kind: "intent";
      readonly n: number;
      readonly at: number;
      readonly callId: string;
      readonly tool: string;
    }
  | {
      readonly kind: "result";
      readonly n: number;
      readonly at: number;
      readonly result: ToolResultPart;
      readonly sources?: readonly SourceReference[];
    };

export interface ModelStepOutput {
  readonly model: string;
  /** Its row among the model calls; absent in steps that an earlier version wrote. */
  readonly recordId?: string;
  readonly text: string;
  readonly calls: readonly { readonly callId: string; readonly name: string; readonly arguments: string }[];
  readonly usage: Usage;
  readonly costMicroUsd: number;
  readonly reasoning?: { readonly model: string; readonly data: string };
}

/**
 * Why the model that wrote a reply ended it: by itself, at the length it may write, stopped by its provider's filter, or to
 * call tools of the client.
 */
export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls";

export type StepName = "open" | "place" | "equip" | "execute" | "commit" | "dispatch";

/** Source: tool events of the field, feature NG-021. */
export type ToolStatus =
  | "requested"
  | "started"
  | "succeeded"
  | "failed"
  | "retrying"
  | "denied"
  | "approval-required"
  | "unknown";

/** The part of a live event that says what happened. */
export type TurnEventBody =
  /**
   * The answer begins, or begins anew: whoever watches replaces what it showed so far. A claim begins a new attempt; a
   * model that breaks off and is asked again begins anew within its attempt.
   */
  | { readonly type: "attempt-start" }
  | {
      readonly type: "step";
      readonly step: StepName;
      readonly status: "running" | "completed" | "failed";
      readonly detail?: string;
    }
  | { readonly type: "text-delta"; readonly text: string }
  | { readonly type: "reasoning-delta"; readonly text: string }
  | {
      readonly type: "tool";
      readonly status: ToolStatus;
      readonly callId: string;
      readonly name: string;
      readonly detail?: string;
    }
  /** Always the last one. Sent after the finishing commit is durable; `text` is the whole reply. */
  | {
      readonly type: "end";
      readonly state: Exclude<TurnState, "queued" | "running">;
      readonly messageId?: string;
      /** Of that message, in its session: whoever saw this end has seen the session up to here. */
      readonly seq?: number;
      readonly text: string;
      readonly usage: Usage;
      readonly costUsd: number;
      /** Of a reply that a model wrote; absent where none did. */
      readonly finishReason?: FinishReason;
      /** With `tool-calls`: what the client is to run and to answer. */
      readonly calls?: readonly ToolCallPart[];
      readonly error?: TurnError;
    };

/**
 * A live event. Provisional until `end`: `(turnId, attempt, n)` orders all events of a turn and names each of them once.
 * Source: design §5.
 */
export type TurnEvent = TurnEventBody & {
  readonly turnId: string;
  /** The turn's attempt; 0 for the end of one that never ran. */
  readonly attempt: number;
  /** From 0 within an attempt, rising. */
  readonly n: number;
};

export type TurnListener = (event: TurnEvent) => void;

/** Carries live events from whoever runs a turn to whoever watches it. Losing all of them loses nothing kept. */
export interface TurnFeed {
  /** Hands over one event; never throws, never waits. */
  publish(event: TurnEvent): void;
  /**
   * Calls `listener` in order with every event of the turn from now on, after first replaying the present attempt so
   * far (text merged into one delta) where the turn already runs. A turn that has ended replays nothing: subscribe
   * first, then read its record. A listener that throws is dropped and logged.
   */
  subscribe(turnId: string, listener: TurnListener): Disposable;
}

/** Tapes: what a turn asked of models and tools and what they answered, so that it can be run again without them. */
import type { ClaimedTurn } from "./inbox.ts";
import type { ModelAbilities, ModelMessage, ModelReasoning, ModelRequest, ModelToolCall } from "./model.ts";
import type { Standing } from "./module.ts";
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { ToolSpec } from "./tool.ts";
import type { TurnError, TurnState, TurnStep, Usage } from "./turn.ts";

/** A tape as it is kept: JSON Lines, secrets redacted. */
export interface TapeRecord {
  readonly turnId: string;
  readonly spaceId: string;
  /** The attempt that ended the turn. */
  readonly attempt: number;
  /** One `TapeLine` a line. */
  readonly text: string;
  /** Of `text`, as UTF-8. */
  readonly bytes: number;
  /** Why it is not whole, one sentence; undefined for one that can be replayed. */
  readonly cut: string | undefined;
  /** UTC milliseconds at which the turn ended. */
  readonly createdAt: number;
}

/** Tapes by turn. They go with the session of their turn, and when they are old. */
export interface TapeStore {
  /** Keeps the tape of a turn, or replaces it by that of a later attempt. Does nothing for a turn that is gone. */
  put(tape: TapeRecord): Write;
  /** Undefined when the turn has none. */
  get(
    query: { readonly spaceId: string; readonly turnId: string },
    options: CallOptions,
  ): Promise<TapeRecord | undefined>;
  /** Deletes tapes that are older than `before` (UTC milliseconds), the oldest first, at most `limit`. */
  prune(query: {
    readonly spaceId: string;
    readonly before: number;
    readonly limit: number;
  }): Write<{ readonly count: number }>;
  /** Whether the turn has one that is whole, without reading it; undefined when there is none. */
  find(
    query: { readonly spaceId: string; readonly turnId: string },
    options: CallOptions,
  ): Promise<Omit<TapeRecord, "text"> | undefined>;
  /** How many there are and what they take, for whoever looks after the disk. */
  totals(spaceId: string, options: CallOptions): Promise<{ readonly count: number; readonly bytes: number }>;
}

/** What stands in every line. Readers refuse a version that they do not know. */
interface Line<Kind extends string> {
  readonly kind: Kind;
  readonly v: 1;
}

/** The first line: all that the turn began with. Messages are named by the number of their line. */
export interface TapeTurn extends Line<"tape.turn"> {
  readonly turn: Omit<ClaimedTurn["turn"], "trace">;
  readonly inbound: ClaimedTurn["inbound"];
  readonly principal: ClaimedTurn["principal"];
  readonly session: ClaimedTurn["session"];
  readonly agentRevision: number;
  /** The logical model that was asked for, and what it stood for. */
  readonly model: string;
  readonly choices: readonly TapeChoice[];
  readonly maxSteps: number;
  /** Earlier turns that the prompt could show, oldest first. */
  readonly history: readonly TapeHistoryTurn[];
  /** Most tokens of the history, however wide the window is; absent in tapes of an earlier version: as many as fit. */
  readonly historyTokens?: number;
  /** Of the storyline; empty where the prompt needed none. */
  readonly summary: string;
  /** What stood behind the agent's instructions; absent: nothing. */
  readonly awareness?: string;
  /** What modules showed behind the instructions, of each module; absent: nothing. */
  readonly standing?: readonly (Standing & { readonly moduleId: string })[];
  /** What modules added. */
  readonly contributions: readonly { readonly moduleId: string; readonly text: string }[];
  /** What an earlier attempt had journalled. */
  readonly journal: readonly TurnStep[];
}

export interface TapeChoice {
  /** `provider/model`. */
  readonly name: string;
  readonly provider: string;
  readonly modelId: string;
  readonly contextWindow: number;
  readonly abilities?: ModelAbilities;
}

export interface TapeHistoryTurn {
  readonly turnSeq: number;
  readonly messages: readonly number[];
  readonly tokens: number;
}

/** A message of history or prompt, once, whatever many calls it was part of. Files stand in it by the hash of their bytes. */
export interface TapeMessage extends Line<"tape.message"> {
  readonly n: number;
  readonly message: ModelMessage;
}

export interface TapeTools extends Line<"tape.tools"> {
  readonly n: number;
  readonly tools: readonly ToolSpec[];
}

/** A message that joined the running turn, before its model step `step` (from 0). */
export interface TapeJoin extends Line<"tape.join"> {
  readonly step: number;
  readonly message: ClaimedTurn["inbound"][number];
}

/** One call for an answer: the request as models got it, those that failed before one began to answer, and the answer's stream. */
export interface TapeCall extends Line<"tape.call"> {
  /** From 0, in order. */
  readonly n: number;
  /** Step of the loop, from 0; a call that broke off is followed by another of the same step. */
  readonly step: number;
  /** UTC milliseconds. */
  readonly at: number;
  readonly messages: readonly number[];
  readonly tools: number;
  readonly settings: Pick<
    ModelRequest,
    "maxOutputTokens" | "temperature" | "toolChoice" | "stop" | "responseFormat" | "hints"
  >;
  readonly failed: readonly TapeFailure[];
  /** `provider/model` that answered; absent where none did. */
  readonly model?: string;
  readonly parts: readonly TapePart[];
}

/** A call that failed before it said anything. */
export interface TapeFailure {
  readonly model: string;
  readonly error: TapeError;
  readonly usage: Usage;
  readonly latencyMs: number;
}

export interface TapeError extends TurnError {
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
}

/** A part of a stream, `ms` milliseconds after it was asked for. */
export type TapePart = { readonly ms: number } & (
  | { readonly type: "text-delta" | "reasoning-delta"; readonly text: string }
  | { readonly type: "tool-call"; readonly call: ModelToolCall }
  | {
      readonly type: "end";
      readonly reason: "stop" | "tool-calls" | "length" | "content-filter" | "error" | "aborted";
      readonly usage: Usage;
      readonly estimated: boolean;
      readonly reasoning?: ModelReasoning;
      readonly error?: TapeError;
    }
);

/** A tool call that Troupe answered. */
export interface TapeToolCall extends Line<"tape.tool"> {
  /** Place of the call in the turn. */
  readonly n: number;
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
  /** Only `allow` ran. */
  readonly rule: "allow" | "deny" | "ask";
  readonly text: string;
  readonly isError: boolean;
  readonly tookMs: number;
}

/** The last line. */
export interface TapeEnd extends Line<"tape.end"> {
  readonly state: TurnState;
  readonly reply: string;
  readonly error?: TurnError;
  /** Why lines are missing before it. */
  readonly cut?: string;
}

export type TapeLine = TapeTurn | TapeMessage | TapeTools | TapeJoin | TapeCall | TapeToolCall | TapeEnd;

/** Where a replay first left its tape, or did so again. */
export interface TapeDifference {
  readonly what: "model" | "prompt" | "tools" | "settings" | "calls" | "tool" | "state" | "reply";
  /** Number of the model call, from 1, as people count. */
  readonly call?: number;
  /** Number of the prompt's message, from 1. */
  readonly message?: number;
  /** One sentence. */
  readonly detail: string;
}

/** What a replay came to. */
export interface ReplayVerdict {
  readonly turnId: string;
  readonly isSame: boolean;
  /** The first ones, in order. */
  readonly differences: readonly TapeDifference[];
  readonly state: TurnState;
  readonly reply: string;
  readonly modelCalls: number;
  readonly toolCalls: number;
}

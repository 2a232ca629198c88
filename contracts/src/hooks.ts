/** Named points at which modules listen to, or change, what a Troupe does. */
import type { Agent, AgentSpec } from "./agent.ts";
import type { NewEffect } from "./effect.ts";
import type { ErrorCode } from "./errors.ts";
import type { InboundMessage } from "./inbox.ts";
import type { Message } from "./message.ts";
import type { CallOptions, Principal } from "./runtime.ts";
import type { ToolKind } from "./tool.ts";
import type { Lane, Trigger, TurnError, TurnState, Usage } from "./turn.ts";

/** A turn as hooks are told of it. */
export interface HookTurn {
  readonly turnId: string;
  readonly spaceId: string;
  readonly sessionId: string;
  readonly agent: Agent;
  readonly trigger: Trigger;
  readonly peerId: string;
  /** Who will read the answer. */
  readonly audience: readonly string[];
  /** From 1; rises with each run of the turn after a crash. */
  readonly attempt: number;
}

/** Post-turn work as modules ask for it: its id and its owner are added by whoever keeps it. */
export interface EffectDraft
  extends Pick<NewEffect, "kind" | "v" | "payload" | "priority" | "dueAt" | "key"> {
  /** Default `background`. */
  readonly lane?: Lane;
}

export interface InboundView {
  readonly message: InboundMessage;
  readonly agent: Agent;
  readonly principal: Principal;
}

/** Absent: let it pass as it is. */
export type InboundVerdict =
  | { readonly kind: "deny"; readonly reason: string; readonly code?: ErrorCode }
  /** Other words for the same message; who sent it, to whom and where cannot be changed. */
  | { readonly kind: "change"; readonly parts: InboundMessage["parts"] };

export interface ToolCallView {
  readonly turn: HookTurn;
  readonly principal: Principal;
  readonly callId: string;
  readonly tool: string;
  readonly toolKind: ToolKind;
  /** JSON, as the model wrote it or as an earlier hook changed it. */
  readonly arguments: string;
}

/** Absent: let it run as it is. */
export type ToolCallVerdict =
  | { readonly kind: "deny"; readonly reason: string }
  /** JSON in place of the model's; it is checked against the tool's schema and shown to the approval policy. */
  | { readonly kind: "change"; readonly arguments: string };

export interface ToolResultView extends ToolCallView {
  readonly text: string;
  readonly isError: boolean;
  readonly tookMs: number;
}

export interface TurnEndView {
  readonly turn: HookTurn;
  readonly inbound: readonly Message[];
  readonly reply: string;
  readonly state: Exclude<TurnState, "queued" | "running">;
  readonly error: TurnError | undefined;
  readonly usage: Usage;
  readonly costMicroUsd: number;
}

/** What is to join the commit that ends the turn. */
export interface TurnEndChange {
  readonly effects: readonly EffectDraft[];
}

export interface SessionView {
  readonly spaceId: string;
  readonly sessionId: string;
  readonly agentId: string;
}

export interface GatewayView {
  readonly processId: string;
}

/**
 * What each point tells and what its hooks may answer. `undefined` alone: they listen. What a hook wants otherwise it returns; what it
 * was told is not to be changed.
 *
 * - `gateway_start`, `gateway_stop`: the process takes its first message; it takes no more. Once each.
 * - `agent_loaded`: an agent came, or came back with another revision.
 * - `before_message`, a gate: before a message is accepted. A client that sends again is asked again.
 * - `session_start`: the first turn of a session begins, at most once an attempt. `session_end`: it was deleted.
 * - `turn_start`: once for each attempt. `turn_end`: before the finishing commit, for each try of it; the effects it
 *   asks for are kept with that commit, or never.
 * - `before_tool_call`, a gate: for each call that runs; one that an earlier attempt finished is not asked about again.
 * - `after_tool_call`: the result is kept; at most once a call of an attempt.
 * - `after_message`: the turn's end is durable and told; at most once, so that what must happen belongs into an effect.
 */
export interface HookPoints {
  readonly gateway_start: { readonly told: GatewayView; readonly answers: undefined };
  readonly gateway_stop: { readonly told: GatewayView; readonly answers: undefined };
  readonly agent_loaded: { readonly told: { readonly agent: Agent }; readonly answers: undefined };
  readonly before_message: { readonly told: InboundView; readonly answers: InboundVerdict | undefined };
  readonly after_message: { readonly told: TurnEndView; readonly answers: undefined };
  readonly session_start: { readonly told: SessionView; readonly answers: undefined };
  readonly session_end: { readonly told: SessionView; readonly answers: undefined };
  readonly turn_start: { readonly told: HookTurn; readonly answers: undefined };
  readonly turn_end: { readonly told: TurnEndView; readonly answers: TurnEndChange | undefined };
  readonly before_tool_call: { readonly told: ToolCallView; readonly answers: ToolCallVerdict | undefined };
  readonly after_tool_call: { readonly told: ToolResultView; readonly answers: undefined };
}

export type HookPoint = keyof HookPoints;

/** One hook. A gate that throws or is late denies; every other one is recorded, and things go on without it. */
export interface Hook<Point extends HookPoint> {
  readonly point: Point;
  /** For traces and metrics, unique among a module's hooks of the point. Default: the point's name. */
  readonly name?: string;
  /** Lower ones run first; equal ones in the order in which they came. Default 0. */
  readonly priority?: number;
  /** Longest run, milliseconds. Default 1,000; of gates 5,000. */
  readonly timeoutMs?: number;
  run(
    told: HookPoints[Point]["told"],
    options: CallOptions,
  ): HookPoints[Point]["answers"] | Promise<HookPoints[Point]["answers"]>;
}

export type AnyHook = { readonly [Point in HookPoint]: Hook<Point> }[HookPoint];

/** A hook that brought nothing. */
export interface HookFailure {
  readonly point: HookPoint;
  /** `module/name`. */
  readonly hook: string;
  readonly error: unknown;
}

export interface HookOptions extends CallOptions {
  /** The agent concerned: hooks of modules that it goes without are passed over. Absent: all are asked. */
  readonly spec?: AgentSpec;
  /** Told of each failure, after metric and log; for the turn's trace. */
  readonly onFailure?: (failure: HookFailure) => void;
}

export type MessageGateOutcome =
  | { readonly kind: "pass"; readonly message: InboundMessage }
  | { readonly kind: "deny"; readonly reason: string; readonly code: ErrorCode; readonly hook: string };

export type ToolGateOutcome =
  | { readonly kind: "pass"; readonly arguments: string; readonly changedBy: readonly string[] }
  | { readonly kind: "deny"; readonly reason: string; readonly hook: string };

/** Points whose hooks only listen. */
export type ListeningPoint = {
  [Point in HookPoint]: HookPoints[Point]["answers"] extends undefined ? Point : never;
}[HookPoint];

/**
 * Runs the hooks of a point, one after the other. No method rejects but with the signal's reason, and none is to be called
 * where nobody listens: `has` costs nothing, and building what is told does.
 */
export interface Hooks {
  has(point: HookPoint): boolean;
  tell<Point extends ListeningPoint>(
    point: Point,
    told: HookPoints[Point]["told"],
    options: HookOptions,
  ): Promise<void>;
  /** Each hook sees the message as those before left it; the first that denies, throws or is late ends it. */
  gateMessage(told: InboundView, options: HookOptions): Promise<MessageGateOutcome>;
  /** The same of a tool call. */
  gateToolCall(told: ToolCallView, options: HookOptions): Promise<ToolGateOutcome>;
  /** All that the hooks ask for; of one that fails nothing. `id` names each by its hook and place, the same every time. */
  endTurn(
    told: TurnEndView,
    options: HookOptions,
  ): Promise<readonly (EffectDraft & { readonly id: string })[]>;
}

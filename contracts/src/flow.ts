/** Flows: durable state machines with named steps and explicit waits. Source: design §3; features NR-060 to NR-065. */
import type { InboundMessage } from "./inbox.ts";

/** A JSON object: what a flow knows. */
export type FlowState = Readonly<Record<string, unknown>>;

/**
 * `running`: a step is to run, or runs. `waiting`: parked until its wait ends. The rest are ends and never change again.
 * Source: feature NR-061.
 */
export type FlowStatus = "running" | "waiting" | "finished" | "failed" | "cancelled";

/** What happens when a wait has not ended by then: the flow goes to `to`, or fails where it names no step. */
export interface FlowDeadline {
  /** UTC milliseconds. */
  readonly at: number;
  readonly to?: string;
}

/** What ends a wait. */
export type FlowWaitOn =
  | { readonly kind: "timer" /** UTC milliseconds. */; readonly at: number }
  /** An event with exactly this topic and correlation id. */
  | { readonly kind: "event"; readonly topic: string; readonly correlationId: string }
  /** A person, or code, resumes it. */
  | { readonly kind: "manual" }
  /** All flows that it began have ended. */
  | { readonly kind: "children" }
  /** A turn of an agent; `turnId` once it was accepted. */
  | { readonly kind: "turn"; readonly turn: FlowTurn; readonly turnId?: string };

/** A wait, the step that follows it, and how long it may take. */
export type FlowWait = FlowWaitOn & { readonly to: string; readonly deadline?: FlowDeadline };

/** A turn that a step asks for. What is absent is taken from the session that the flow belongs to. */
export interface FlowTurn
  extends Partial<
    Pick<InboundMessage, "agentId" | "channel" | "sessionKey" | "peerId" | "audience" | "replyTo" | "lane">
  > {
  readonly text: string;
  /** Whose sessions it is among. Default: the owner of the flow's session. */
  readonly ownerId?: string;
}

/** Why the current step runs. */
export type FlowReason = "start" | "step" | "timer" | "event" | "manual" | "children" | "turn" | "deadline";

/** One flow as kept. */
export interface FlowRun {
  readonly id: string;
  readonly spaceId: string;
  /** Name of its definition. */
  readonly definition: string;
  readonly version: number;
  /** The flow that began it. */
  readonly parentId: string | undefined;
  /** The session it belongs to: others may neither see nor move it through tools. */
  readonly sessionId: string | undefined;
  readonly agentId: string | undefined;
  /** One line for people. */
  readonly goal: string;
  readonly step: string;
  readonly reason: FlowReason;
  readonly state: FlowState;
  readonly status: FlowStatus;
  readonly wait: FlowWait | undefined;
  /** Since when it waits, UTC milliseconds. */
  readonly waitingSince: number | undefined;
  /** When the wake loop looks at it next; undefined where only somebody else moves it. */
  readonly dueAt: number | undefined;
  /** Why it is to be cancelled; never taken back. */
  readonly cancelRequested: string | undefined;
  /** Watches work outside: moved by events alone, runs no step. */
  readonly isMirrored: boolean;
  /** Rises with each change. */
  readonly revision: number;
  /** Claims since its last change: how often the current step was tried. */
  readonly attempt: number;
  readonly epoch: number;
  /** Process that works on it just now. */
  readonly owner: string | undefined;
  /** What went wrong last; of a failed flow, why it failed. */
  readonly error: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | undefined;
}

/** One line of a flow's history: written in the commit that made the change, never altered. */
export interface FlowEvent {
  readonly flowId: string;
  /** The revision that the change led to. */
  readonly n: number;
  /** UTC milliseconds. */
  readonly at: number;
  /** `started`, `step`, `waits`, `resumed`, `cancel-requested`, `finished` and so on. */
  readonly what: string;
  /** The step it stands at from here on. */
  readonly step: string;
  /** Who: a process, `operator`, an agent's id. */
  readonly by: string;
  /** One line, at most 500 characters; empty where there is nothing to say. */
  readonly detail: string;
}

/** What a change says of itself. */
export interface FlowChange {
  readonly what: string;
  readonly by: string;
  readonly detail: string;
  /** UTC milliseconds. */
  readonly at: number;
}

/** Flows: durable state machines with named steps and explicit waits. Source: design §3; features NR-060 to NR-065. */
import type { InboundMessage } from "./inbox.ts";
import type { CallOptions, Page, PageQuery, Principal } from "./runtime.ts";
import type { Write } from "./store.ts";

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

export interface NewFlow
  extends Pick<
    FlowRun,
    | ("id" | "spaceId" | "definition" | "version" | "parentId" | "sessionId" | "agentId" | "goal")
    | ("step" | "state" | "isMirrored")
  > {
  /** Absent: its first step runs at once. */
  readonly wait?: FlowWait;
}

/** Where a change leads. A wait, or an end, or neither: then the step runs. */
export interface FlowMove {
  readonly id: string;
  /** Refused when the flow has another by now. */
  readonly revision: number;
  /** Of the claim that it was made under. */
  readonly epoch?: number;
  readonly definition: string;
  readonly version: number;
  readonly step: string;
  readonly reason: FlowReason;
  readonly state: FlowState;
  readonly wait?: FlowWait;
  readonly end?: "finished" | "failed" | "cancelled";
  readonly error?: string;
  /** When the wake loop is to look; default now for a step, and for a wait what its time and deadline say. */
  readonly dueAt?: number;
}

/** What an agent does to a flow of its own: applied at the commit of its turn, to whatever the flow is by then. */
export interface FlowDrive {
  readonly id: string;
  readonly spaceId: string;
  readonly sessionId: string;
  /** Only flows of this definition. */
  readonly definition: string;
  /** Unique for the call, so that its history has it once. */
  readonly key: string;
  readonly step?: string;
  /** Joined to the state, name by name; texts, numbers and truth values alone. */
  readonly patch: Readonly<Record<string, string | number | boolean>>;
  readonly wait?: FlowWait;
  readonly end?: "finished" | "failed";
  readonly error?: string;
}

export interface FlowQuery extends PageQuery {
  readonly spaceId: string;
  readonly statuses: readonly FlowStatus[];
  readonly definition?: string;
}

/** How many flows wait for one kind of thing. */
export interface ParkedCount {
  /** Kind of the wait; `version`: no process of this kind knows their version. */
  readonly on: FlowWait["kind"] | "version";
  readonly count: number;
  /** UTC milliseconds. */
  readonly oldestAt: number;
}

/** Flows. Each change writes its line of history in the same commit. */
export interface FlowStore {
  /** The same id twice is one flow. */
  start(flow: NewFlow, change: FlowChange): Write;
  /**
   * Guard `store.conflict`: another revision or epoch, ended, or asked to cancel while the move leads elsewhere. An end
   * tells a parent that waits for its children; any but `finished` asks the children to cancel.
   */
  move(move: FlowMove, change: FlowChange): Write;
  /** No guard, since it is a part of a turn: does nothing to a flow that has ended or is to be cancelled. */
  drive(drive: FlowDrive, change: FlowChange): Write;
  /**
   * Takes due flows of `programs` (`name@version`), and whatever is to be cancelled. Raises epoch and attempt; the claim
   * ends with its lease or its process.
   */
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly programs: readonly string[];
  }): Write<readonly FlowRun[]>;
  /** Guard `store.conflict`. Gives a claim back without a change: to be tried again, or to wait on. */
  release(
    flow: Pick<FlowRun, "id" | "epoch" | "revision">,
    to: { readonly dueAt: number | undefined; readonly error?: string; readonly keepsAttempt: boolean },
  ): Write;
  /** Guard `store.conflict`. Notes the turn that a wait got, under the claim that asked for it. */
  noteTurn(flow: Pick<FlowRun, "id" | "epoch" | "revision">, wait: FlowWait): Write;
  /** Sticky: it wins over the next change, whoever makes that. Does nothing to a flow that has ended. */
  requestCancel(flow: Pick<FlowRun, "id" | "spaceId">, change: FlowChange): Write;
  get(id: string, options: CallOptions): Promise<FlowRun | undefined>;
  /** Newest first. */
  list(query: FlowQuery, options: CallOptions): Promise<Page<FlowRun>>;
  /** Newest first, those of one session. */
  ofSession(
    query: { readonly spaceId: string; readonly sessionId: string; readonly limit: number },
    options: CallOptions,
  ): Promise<readonly FlowRun[]>;
  children(parentId: string, options: CallOptions): Promise<readonly FlowRun[]>;
  /** Its history, oldest first. */
  history(id: string, options: CallOptions): Promise<readonly FlowEvent[]>;
  /** When a claim of these programs would give the next one. */
  nextDue(programs: readonly string[], options: CallOptions): Promise<number | undefined>;
  /** What is parked, by what it waits for. */
  parked(
    query: { readonly spaceId: string; readonly programs: readonly string[] },
    options: CallOptions,
  ): Promise<readonly ParkedCount[]>;
  /** Deletes flows that ended before, with their history; at most `limit`. */
  prune(query: {
    readonly spaceId: string;
    /** UTC milliseconds. */
    readonly before: number;
    readonly limit: number;
  }): Write<{ readonly count: number }>;
}

/** Something that happened outside and that a flow may wait for. */
export interface FlowSignal {
  /** The sender's id of it: the same one counts once. */
  readonly eventId: string;
  readonly spaceId: string;
  readonly topic: string;
  readonly correlationId: string;
  readonly payload: FlowState;
  /** For this flow alone. */
  readonly flowId?: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** Kept for a wait that begins later until then, and known as a repetition so long. */
  readonly expiresAt: number;
}

export interface FlowMatch {
  readonly eventId: string;
  readonly flowId: string;
}

/** Events, kept so that one which comes before its wait is not lost. */
export interface FlowSignalStore {
  /** The same event id twice is one; `isNew` says which it was. */
  keep(signal: FlowSignal): Write<{ readonly isNew: boolean }>;
  /** Guard `store.conflict`: somebody took it. Committed together with the move of the flow. */
  take(query: { readonly spaceId: string; readonly eventId: string; readonly flowId: string }): Write;
  get(
    query: { readonly spaceId: string; readonly eventId: string },
    options: CallOptions,
  ): Promise<(FlowSignal & { readonly takenBy: string | undefined }) | undefined>;
  /** Free events and the flows that wait for them: oldest events first, of each the flow that has waited longest first. */
  matches(
    query: {
      readonly limit: number;
      readonly only?: { readonly spaceId: string; readonly topic: string; readonly correlationId: string };
    },
    options: CallOptions,
  ): Promise<readonly FlowMatch[]>;
  /** Deletes what has expired, at most `limit`. `lost`: those that no flow ever waited for. */
  prune(query: {
    /** UTC milliseconds. */
    readonly before: number;
    readonly limit: number;
  }): Write<{ readonly count: number; readonly lost: number }>;
}

// ── definitions ─────────────────────────────────────────────────────────────────────────────────────────────────

/** What a step sees. */
export interface FlowContext {
  readonly flow: FlowRun;
  readonly state: FlowState;
  /** Why it runs. */
  readonly reason: FlowReason;
  /** 1 for the first try. */
  readonly attempt: number;
  /** UTC milliseconds. */
  readonly now: number;
  /** The same for every try of this step: pass it on to services that dedupe. */
  readonly idempotencyKey: string;
}

/** A flow that a step begins; it has a parent then, which may wait for it. */
export interface ChildFlow {
  /** Names it among the children that this step begins. */
  readonly key: string;
  readonly definition: string;
  readonly state?: FlowState;
  readonly goal?: string;
}

export type FlowNext =
  /** This step runs at once. */
  | { readonly step: string }
  | { readonly wait: FlowWait }
  /** A turn of an agent; the flow goes on when it has ended, however: `state.turn` tells. */
  | { readonly turn: FlowTurn; readonly to: string; readonly deadline?: FlowDeadline }
  | { readonly done: true; readonly note?: string }
  | { readonly fail: string };

/** What a step came to. Everything of it is one commit. */
export interface FlowResult {
  readonly next: FlowNext;
  /** Joined to the state, name by name. */
  readonly state?: FlowState;
  /** Committed with the change, or not at all; effects are writes too. */
  readonly writes?: readonly Write<unknown>[];
  readonly children?: readonly ChildFlow[];
}

export interface FlowStep {
  /**
   * May run more than once: what it does outside is to be idempotent by `idempotencyKey`, what it keeps belongs in
   * `writes`. Throwing is a failed try; after the last one the flow fails, with the reason kept.
   */
  run(context: FlowContext, options: CallOptions): Promise<FlowResult>;
  /** Default 5. */
  readonly maxAttempts?: number;
  /** Default 30,000 milliseconds. */
  readonly timeoutMs?: number;
}

/** Code of a flow, in one version. */
export interface FlowDefinition {
  /** `[a-z][a-z0-9-]*`, at most 48 characters. */
  readonly name: string;
  /** A whole number from 1. Raised when running flows could not go on under the new code as they are. */
  readonly version: number;
  readonly first: string;
  readonly steps: Readonly<Record<string, FlowStep>>;
  /** Runs whatever step has no entry in `steps`: for definitions whose steps are data. */
  readonly anyStep?: FlowStep;
  /**
   * How flows of older versions go on under this one, by their version. A flow keeps its version as long as the process
   * knows that; one that no process knows or can move stays parked, and is listed.
   */
  readonly migrate?: {
    readonly from: Readonly<
      Record<number, (state: FlowState, step: string) => { readonly state: FlowState; readonly step: string }>
    >;
  };
}

export interface StartFlow {
  readonly definition: string;
  /** The same one twice is one flow. Default: a new id. */
  readonly id?: string;
  readonly goal?: string;
  readonly state?: FlowState;
  readonly sessionId?: string;
  readonly agentId?: string;
  /** Watches work outside: no definition of that name is needed, and no step ever runs. */
  readonly mirrors?: { readonly topic: string; readonly correlationId: string };
}

/** Everything that operators, code and faces do with flows. */
export interface FlowPort {
  /** Resolves once it is kept. `request.invalid`: no such definition, or bad input. */
  start(flow: StartFlow, principal: Principal, options: CallOptions): Promise<{ readonly id: string }>;
  /**
   * Keeps an event; the flow that waits for it, longest where there are several, goes on exactly once. One that comes
   * before its wait is kept for a week. `duplicate`: its id was told before, and nothing more happens.
   */
  signal(
    signal: {
      readonly topic: string;
      readonly correlationId: string;
      readonly payload?: FlowState;
      readonly eventId: string;
      readonly flowId?: string;
    },
    principal: Principal,
    options: CallOptions,
  ): Promise<{ readonly kind: "resumed" | "kept" | "duplicate"; readonly flowId: string | undefined }>;
  /** Ends a wait by hand. `request.not_found`, or `request.conflict` when it does not wait. */
  resume(
    id: string,
    how: { readonly state?: FlowState; readonly step?: string },
    principal: Principal,
    options: CallOptions,
  ): Promise<FlowRun>;
  /** Asks for it; final, and goes down to its children. `request.not_found`. Repeating is harmless. */
  cancel(id: string, reason: string, principal: Principal, options: CallOptions): Promise<FlowRun>;
  get(
    id: string,
    principal: Principal,
    options: CallOptions,
  ): Promise<
    | {
        readonly flow: FlowRun;
        readonly history: readonly FlowEvent[];
        readonly children: readonly FlowRun[];
        /** Why it does not go on, one sentence; undefined for one that does, or has ended. */
        readonly parkedOn: string | undefined;
      }
    | undefined
  >;
  list(
    query: Omit<FlowQuery, "spaceId">,
    principal: Principal,
    options: CallOptions,
  ): Promise<Page<FlowRun & { readonly parkedOn: string | undefined }>>;
}

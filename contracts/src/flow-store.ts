/** How flows and the events that they wait for are kept. Source: features NR-060, NR-063, NR-064. */
import type { FlowChange, FlowEvent, FlowReason, FlowRun, FlowState, FlowStatus, FlowWait } from "./flow.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

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
  /** Only those that wait for this. */
  readonly on?: FlowWait["kind"];
  /** Only open ones that none of these programs (`name@version`) is; mirrored ones, which need none, left out. */
  readonly unknownTo?: readonly string[];
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
   * ends with its lease or its process, so a process whose own lease has ended is given none.
   */
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly programs: readonly string[];
  }): Write<readonly FlowRun[]>;
  /** Prolongs claims from now on; gives those that are still held, with the epoch that holds them and a wish to cancel. */
  renew(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly ids: readonly string[];
  }): Write<readonly Pick<FlowRun, "id" | "epoch" | "cancelRequested">[]>;
  /**
   * Guard `store.conflict`. Gives a claim back without a change: to be tried again, or to wait on. `attempt`: tries of the
   * step that count.
   */
  release(
    flow: Pick<FlowRun, "id" | "epoch" | "revision">,
    to: { readonly dueAt: number | undefined; readonly error?: string; readonly attempt: number },
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
  /** Oldest first, at most 1,000. */
  children(parentId: string, options: CallOptions): Promise<readonly FlowRun[]>;
  /** Whether any child has not ended. */
  hasOpenChildren(parentId: string, options: CallOptions): Promise<boolean>;
  /** The newest lines of its history, oldest first; at most `limit`, by default 1,000, `before` a revision. */
  history(
    query: { readonly id: string; readonly before?: number; readonly limit?: number },
    options: CallOptions,
  ): Promise<readonly FlowEvent[]>;
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

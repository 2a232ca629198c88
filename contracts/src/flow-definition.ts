/** What developers write of a flow, and what operators, code and faces do with flows. */
import type { FlowDeadline, FlowEvent, FlowReason, FlowRun, FlowState, FlowTurn, FlowWait } from "./flow.ts";
import type { FlowQuery, ParkedCount } from "./flow-store.ts";
import type { CallOptions, Page, Principal } from "./runtime.ts";
import type { Write } from "./store.ts";

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
   * `writes`. Throwing is a failed try; after the last one the flow fails, with the reason kept. The signal aborts after
   * `timeoutMs`, when the flow is to be cancelled, when Troupe stops (which is no try), and when the claim was lost.
   */
  run(context: FlowContext, options: CallOptions): Promise<FlowResult>;
  /** Default 5. */
  readonly maxAttempts?: number;
  /** Default 30,000 milliseconds. However long it is, the claim is prolonged meanwhile. */
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

/** What is known of a definition. */
export interface FlowProgram extends Pick<FlowDefinition, "name" | "version" | "first"> {
  /** Names of its steps. */
  readonly steps: readonly string[];
  /** Older versions that it says how to go on from. */
  readonly from: readonly number[];
}

/** A flow as people look at it. */
export interface FlowView extends FlowRun {
  /** Why it does not go on, a few words: `for the event paid 7`; undefined for one that does, or has ended. */
  readonly parkedOn: string | undefined;
}

export interface FlowDetails {
  readonly flow: FlowView;
  /** The newest lines, oldest first. */
  readonly history: readonly FlowEvent[];
  /** There are older lines. */
  readonly hasMore: boolean;
  readonly parent: FlowView | undefined;
  readonly children: readonly FlowView[];
}

/** Something happened that a flow may wait for. */
export interface FlowOccurrence {
  readonly topic: string;
  readonly correlationId: string;
  readonly payload?: FlowState;
  /** The sender's id of it: the same one counts once. */
  readonly eventId: string;
  /** For this flow alone. */
  readonly flowId?: string;
}

/** Everything that operators, code and faces do with flows. Rejects with `auth.forbidden` for anybody but operators. */
export interface FlowPort {
  /** Resolves once it is kept. `request.invalid`: no such definition, or bad input. */
  start(flow: StartFlow, principal: Principal, options: CallOptions): Promise<{ readonly id: string }>;
  /**
   * Keeps an event; the flow that waits for it, longest where there are several, goes on exactly once. One that comes
   * before its wait is kept for a week. `duplicate`: its id was told before, and nothing more happens.
   */
  signal(
    signal: FlowOccurrence,
    principal: Principal,
    options: CallOptions,
  ): Promise<{ readonly kind: "resumed" | "kept" | "duplicate"; readonly flowId: string | undefined }>;
  /** Ends a wait by hand. `request.not_found`, or `request.conflict` when it does not wait. */
  resume(
    id: string,
    how: { readonly state?: FlowState; readonly step?: string },
    principal: Principal,
    options: CallOptions,
  ): Promise<FlowView>;
  /** Asks for it; final, and goes down to its children. `request.not_found`. Repeating is harmless. */
  cancel(id: string, reason: string, principal: Principal, options: CallOptions): Promise<FlowView>;
  /** `before`: a revision; the history is shown up to there. */
  get(
    id: string,
    principal: Principal,
    options: CallOptions & { readonly before?: number },
  ): Promise<FlowDetails | undefined>;
  /** Newest first. `on`: only those that wait for this; `version`: only those of a version that this process does not know. */
  list(
    query: Omit<FlowQuery, "spaceId" | "on" | "unknownTo"> & { readonly on?: ParkedCount["on"] },
    principal: Principal,
    options: CallOptions,
  ): Promise<Page<FlowView>>;
  /** What this process can run, each version of it. */
  programs(principal: Principal): readonly FlowProgram[];
}

// What the driver and the processes that it kills say to each other.
import type { InboundMessage, JobInput, JobRunState, JobState, Principal } from "@troupe/contracts";
import type { Kept } from "../sim/kept.ts";

/** Where a process takes messages. */
export interface Entrance {
  /** Where channels hand messages over, people cancel, and the store can be read. */
  readonly doorUrl: string;
  readonly gatewayUrl: string;
  readonly key: string;
}

/** A process tells this once, when it works. */
export interface Ready {
  readonly processId: string;
  /** Absent where its role takes no messages. */
  readonly entrance: Entrance | undefined;
}

export interface Handover {
  readonly message: InboundMessage;
  readonly principal: Principal;
}

/** A schedule that somebody asks for; the same id twice is one. */
export interface JobWish {
  readonly id: string;
  readonly ownerId: string;
  readonly input: JobInput;
}

export interface KeptJob {
  readonly id: string;
  readonly state: JobState;
  readonly runs: readonly { readonly id: string; readonly state: JobRunState; readonly turnId?: string }[];
}

export interface Reading {
  /** Something in the store is still on its way. */
  readonly isOpen: boolean;
  readonly kept: Kept;
  readonly jobs: readonly KeptJob[];
  readonly budget: {
    readonly reservedMicroUsd: number;
    readonly reservedAfterReconcileMicroUsd: number;
    readonly spentMicroUsd: number;
  };
}

export const AGENT_ID = "ana";
export const KINDS = ["keyed", "verifiable", "blind"] as const;
export type Kind = (typeof KINDS)[number];

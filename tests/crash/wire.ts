// What the driver and the process that it kills say to each other.
import type { InboundMessage, Principal } from "@troupe/contracts";
import type { Kept } from "../sim/kept.ts";

/** The child tells this once, when it takes messages. */
export interface Ready {
  /** Where channels hand messages over, and where the store can be read. */
  readonly doorUrl: string;
  readonly gatewayUrl: string;
  /** Only when this start made it. */
  readonly key: string | undefined;
}

export interface Handover {
  readonly message: InboundMessage;
  readonly principal: Principal;
}

export interface Reading {
  /** Something in the store is still on its way. */
  readonly isOpen: boolean;
  readonly kept: Kept;
  readonly budget: {
    readonly reservedMicroUsd: number;
    readonly reservedAfterReconcileMicroUsd: number;
    readonly spentMicroUsd: number;
  };
}

export const AGENT_ID = "ana";
export const KINDS = ["keyed", "verifiable", "blind"] as const;
export type Kind = (typeof KINDS)[number];

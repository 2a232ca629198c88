// What one schedule is: how many processes, which conversations, what goes wrong. All of it follows from the seed.
import type { WhileBusy } from "@troupe/contracts";
import { type FaultPlan, NO_FAULTS, type Random } from "../../testing/src/simulator/index.ts";

export type Delivery = "keyed" | "verifiable" | "blind" | "api";

/** One message that a client will send. */
export interface PlannedMessage {
  readonly token: string;
  readonly text: string;
  readonly direct: { readonly tool: string; readonly input: unknown } | undefined;
  readonly whileBusy: WhileBusy | undefined;
  /** Milliseconds after the one before it was acknowledged, or after the beginning for bursts. */
  readonly gapMs: number;
  /** Sent again until acknowledged; the others are sent once. */
  readonly isRetried: boolean;
  /** Sent again after it was acknowledged, so many times. */
  readonly duplicates: number;
  /** Somebody cancels its turn so long after the acknowledgement. */
  readonly cancelAfterMs: number | undefined;
}

export interface PlannedConversation {
  readonly key: string | undefined;
  readonly delivery: Delivery;
  readonly target: string;
  readonly debounceMs: number;
  /** Each message waits for the acknowledgement of the one before. */
  readonly isSequential: boolean;
  readonly messages: readonly PlannedMessage[];
}

export interface SchedulePlan {
  /** One process at a time, which ends all other leases when it starts, as with the embedded database. */
  readonly isEmbedded: boolean;
  readonly processes: number;
  readonly skewMs: number;
  readonly keepsCommitOrder: boolean;
  readonly faults: FaultPlan;
  readonly conversations: readonly PlannedConversation[];
  readonly dailyLimitMicroUsd: number | undefined;
  /** Probabilities of a model call that goes wrong. */
  readonly modelFailShare: number;
  readonly modelHangShare: number;
  readonly paceMs: number;
  readonly toolFailShare: number;
  readonly summaryEveryTurns: number;
}

export function planSchedule(random: Random): SchedulePlan {
  const isEmbedded = random.chance(0.3);
  const processes = isEmbedded ? 1 : random.int(2, 3);
  const isRough = random.chance(0.85);
  const count = random.int(1, 3);
  let tokens = 0;
  const conversations = Array.from({ length: count }, (_, at) =>
    planConversation(random, at, () => ++tokens),
  );
  return {
    isEmbedded,
    processes,
    skewMs: random.chance(0.3) ? random.int(0, 1_500) : 0,
    keepsCommitOrder: random.chance(0.7),
    faults: isRough ? planFaults(random, isEmbedded) : NO_FAULTS,
    conversations,
    dailyLimitMicroUsd: random.chance(0.15) ? random.int(1, 8) * 6_000 : undefined,
    modelFailShare: random.chance(0.5) ? 0.15 : 0,
    modelHangShare: random.chance(0.15) ? 0.1 : 0,
    paceMs: random.pick([1, 20, 150]),
    toolFailShare: random.chance(0.3) ? 0.2 : 0,
    summaryEveryTurns: random.pick([1, 2, 20]),
  };
}

function planFaults(random: Random, isEmbedded: boolean): FaultPlan {
  return {
    strikeEvery: random.chance(0.85) ? random.pick([8, 25, 60]) : undefined,
    stopShare: isEmbedded ? 0.2 : random.pick([0, 0.5, 1]),
    leaveShare: random.pick([0, 0.3]),
    stopMs: random.pick([
      [100, 2_000],
      [3_000, 9_000],
    ] as const),
    maxStrikes: random.int(1, 4),
    slowShare: random.chance(0.5) ? 0.06 : 0,
    slowMs: random.pick([300, 2_500]),
    dropShare: random.pick([0, 0.3, 1]),
    duplicateShare: random.pick([0, 0.3]),
    mishapShare: random.chance(0.6) ? 0.25 : 0,
    refuseShare: random.chance(0.35) ? 0.04 : 0,
    refuseMs: 1_500,
  };
}

const TOOL_STEPS = ["note", "look", "act", "note,act", "act,look", "note,note"];

function planConversation(random: Random, at: number, nextToken: () => number): PlannedConversation {
  const delivery = random.pick<Delivery>(["keyed", "verifiable", "blind", "api"]);
  const isStateless = delivery === "api" && random.chance(0.15);
  const isSequential = random.chance(0.6);
  const count = random.int(1, isStateless ? 2 : 4);
  return {
    key: isStateless ? undefined : `talk${at}`,
    delivery,
    target: `room${at}`,
    debounceMs: delivery !== "api" && random.chance(0.4) ? random.int(50, 600) : 0,
    isSequential,
    messages: Array.from({ length: count }, () => planMessage(random, nextToken(), isSequential)),
  };
}

function planMessage(random: Random, number: number, isSequential: boolean): PlannedMessage {
  const steps = random.chance(0.45)
    ? Array.from({ length: random.int(1, 2) }, () => random.pick(TOOL_STEPS))
    : [];
  const token = `m${number}`;
  const isDirect = random.chance(0.1);
  const isRefused = random.chance(0.03);
  return {
    token,
    text: [token, ...steps.map((step) => `+${step}`), ...(isRefused ? ["forbidden"] : [])].join(" "),
    direct: isDirect ? { tool: random.pick(["note", "look", "act"]), input: { token } } : undefined,
    whileBusy: random.pick([undefined, undefined, "steer", "interrupt"] as const),
    gapMs:
      random.pick([0, random.int(0, 50), random.int(0, 1_500)]) + (isSequential ? 0 : random.int(0, 1_000)),
    isRetried: random.chance(0.9),
    duplicates: random.chance(0.2) ? random.int(1, 2) : 0,
    cancelAfterMs: random.chance(0.08) ? random.int(0, 600) : undefined,
  };
}

// What one schedule behind the reply is: jobs, flows, effects and agents that talk, and what goes wrong. All follows from the seed.
import type { EffectRetry, JobSpec } from "@troupe/contracts";
import { type FaultPlan, NO_FAULTS, type Random } from "../../../testing/src/simulator/index.ts";
import { type AgentPlan, planAgents } from "./plan-agents.ts";
import { type FlowPlan, planFlows } from "./plan-flows.ts";

export interface PlannedJob {
  readonly id: string;
  /** What its run is to do, as a word that the model answers; a reminder says it. */
  readonly token: string;
  readonly isReminder: boolean;
  /** After the beginning, milliseconds. */
  readonly dueMs: number;
  /** Undefined: once. */
  readonly everyMs: number | undefined;
  readonly maxRuns: number | undefined;
  readonly missed: JobSpec["missed"];
  readonly overlap: JobSpec["overlap"];
  readonly channel: Delivery;
  /** Place among the jobs of one that has to be completed before. */
  readonly needs: number | undefined;
  readonly onFailed: JobSpec["onFailedDependency"];
  /** What people do to it, after the beginning. */
  readonly acts: readonly {
    readonly atMs: number;
    readonly action: "pause" | "resume" | "cancel" | "run";
  }[];
}

export type Delivery = "keyed" | "verifiable" | "blind";

export const EFFECT_KINDS = ["sim.one", "sim.batch", "sim.bad", "sim.shed", "sim.unknown"] as const;
export type EffectKind = (typeof EFFECT_KINDS)[number];

export interface PlannedEffect {
  readonly id: string;
  readonly kind: EffectKind;
  readonly lane: "realtime" | "background" | "heavy";
  readonly key: string | undefined;
  readonly priority: number;
  /** Not before so long after it was put, milliseconds. */
  readonly delayMs: number;
  readonly takesMs: number;
  /** Its first attempts throw, so many of them. */
  readonly fails: number;
  /** Its first attempts take their process down, so many of them. */
  readonly kills: number;
}

/** Effects that are put in one commit. */
export interface PlannedPut {
  readonly atMs: number;
  readonly effects: readonly PlannedEffect[];
}

/** How each kind is tried again. Strikes of a schedule alone never use up the attempts of what is not bad. */
export const RETRIES: Readonly<Record<EffectKind, EffectRetry>> = {
  "sim.one": { maxAttempts: 12, baseMs: 200, capMs: 1_000 },
  "sim.batch": { maxAttempts: 12, baseMs: 200, capMs: 1_000 },
  "sim.bad": { maxAttempts: 3, baseMs: 200, capMs: 1_000 },
  "sim.shed": { maxAttempts: 12, baseMs: 200, capMs: 1_000 },
  "sim.unknown": { maxAttempts: 3, baseMs: 200, capMs: 1_000 },
};

export interface Jump {
  readonly atMs: number;
  readonly byMs: number;
  /** `one`: the wall clock of a process alone; `database`; `all` of them, as where they share a machine. */
  readonly of: "one" | "database" | "all";
}

export interface BehindPlan {
  /** One process at a time, which ends all other leases when it starts, as with the embedded database. */
  readonly isEmbedded: boolean;
  readonly processes: number;
  /** Some processes know the older version of the flows alone, the others both. */
  readonly isMixed: boolean;
  readonly skewMs: number;
  readonly keepsCommitOrder: boolean;
  readonly faults: FaultPlan;
  readonly jumps: readonly Jump[];
  readonly cuts: readonly { readonly atMs: number; readonly forMs: number; readonly at: number }[];
  readonly jobs: readonly PlannedJob[];
  readonly flows: FlowPlan;
  readonly effects: readonly PlannedPut[];
  /** Some effects are of a kind that is left out under load. */
  readonly sheds: boolean;
  readonly agents: AgentPlan;
  readonly paceMs: number;
  readonly modelFailShare: number;
  readonly toolFailShare: number;
}

export function planBehind(random: Random): BehindPlan {
  const isEmbedded = random.chance(0.25);
  const processes = isEmbedded ? 1 : random.int(2, 3);
  const isRough = random.chance(0.9);
  const isJumpy = isRough && random.chance(0.3);
  // One to three subjects at a time: enough for them to meet, and few enough that a schedule stays short.
  const share = (): boolean => random.chance(0.42);
  const jobs = share() ? planJobs(random) : [];
  const flows = share() ? planFlows(random) : { flows: [], events: [] };
  const effects = share() ? planEffects(random) : [];
  const isBare = jobs.length + flows.flows.length + effects.length === 0;
  const agents = isBare || share() ? planAgents(random) : { talks: [], words: new Map(), loopMax: 4 };
  return {
    ...{ isEmbedded, processes, jobs, flows, effects, agents },
    sheds: effects.some((put) => put.effects.some(({ kind }) => kind === "sim.shed")),
    isMixed: processes > 1 && random.chance(0.3),
    skewMs: random.chance(0.25) ? random.int(0, 1_500) : 0,
    keepsCommitOrder: random.chance(0.7),
    faults: isRough ? planFaults(random, isEmbedded) : NO_FAULTS,
    jumps: isJumpy ? Array.from({ length: random.int(1, 2) }, () => planJump(random)) : [],
    cuts:
      isRough && random.chance(0.4)
        ? Array.from({ length: random.int(1, 3) }, () => ({
            atMs: random.int(0, 15_000),
            forMs: random.int(200, 6_000),
            at: random.next(),
          }))
        : [],
    paceMs: random.pick([1, 20, 150]),
    modelFailShare: random.chance(0.25) ? 0.1 : 0,
    toolFailShare: random.chance(0.3) ? 0.2 : 0,
  };
}

function planFaults(random: Random, isEmbedded: boolean): FaultPlan {
  return {
    strikeEvery: random.chance(0.9) ? random.pick([12, 40, 120]) : undefined,
    stopShare: isEmbedded ? 0.2 : random.pick([0, 0.5, 1]),
    leaveShare: random.pick([0, 0.3]),
    stopMs: random.pick([
      [100, 2_000],
      [3_000, 9_000],
    ] as const),
    maxStrikes: random.int(1, 4),
    slowShare: random.chance(0.4) ? 0.05 : 0,
    slowMs: random.pick([300, 2_500]),
    dropShare: random.pick([0, 0.3, 1]),
    duplicateShare: random.pick([0, 0.3]),
    mishapShare: random.chance(0.5) ? 0.25 : 0,
    refuseShare: random.chance(0.3) ? 0.03 : 0,
    refuseMs: 1_500,
  };
}

function planJump(random: Random): Jump {
  return {
    atMs: random.int(500, 15_000),
    byMs: random.pick([-1, 1]) * random.pick([700, 3_000, 20_000, 90_000]),
    of: random.pick(["one", "database", "all"] as const),
  };
}

function planJobs(random: Random): readonly PlannedJob[] {
  return Array.from({ length: random.int(1, 3) }, (_, at): PlannedJob => {
    const isOnce = random.chance(0.4);
    const maxRuns = isOnce || random.chance(0.3) ? undefined : random.int(1, 4);
    const isReminder = random.chance(0.3);
    return {
      id: `job${at}`,
      token: `j${at}`,
      isReminder,
      dueMs: random.int(200, 6_000),
      everyMs: isOnce ? undefined : random.pick([1_000, 2_500, 4_000]),
      maxRuns,
      missed: random.pick(["skip", "one", "all"] as const),
      overlap: random.pick(["skip", "queue"] as const),
      channel: random.pick(["keyed", "verifiable", "blind"] as const),
      needs: isOnce && at > 0 && random.chance(0.6) ? random.int(0, at - 1) : undefined,
      onFailed: random.pick(["fail", "hold"] as const),
      acts: planActs(random, !isOnce && maxRuns === undefined),
    };
  });
}

/** What would go on for ever is cancelled at last; what is paused is resumed or cancelled. */
function planActs(random: Random, isEndless: boolean): PlannedJob["acts"] {
  const acts: PlannedJob["acts"][number][] = [];
  let atMs = random.int(500, 6_000);
  if (random.chance(0.2)) acts.push({ atMs, action: "run" });
  if (random.chance(0.3)) {
    acts.push({ atMs, action: "pause" });
    atMs += random.int(300, 5_000);
    acts.push({ atMs, action: "resume" });
    atMs += random.int(300, 3_000);
  }
  if (isEndless || random.chance(0.15)) acts.push({ atMs: atMs + random.int(0, 6_000), action: "cancel" });
  return acts;
}

function planEffects(random: Random): readonly PlannedPut[] {
  let number = 0;
  const one = (kind: EffectKind, over: Partial<PlannedEffect> = {}): PlannedEffect => ({
    ...{ id: `e${++number}`, kind, lane: "realtime", key: undefined, priority: random.int(0, 9), delayMs: 0 },
    ...{ takesMs: random.pick([0, 20, 900]), fails: random.chance(0.15) ? 1 : 0, kills: 0, ...over },
  });
  const puts: PlannedPut[] = [];
  const put = (effects: readonly PlannedEffect[]): void =>
    void puts.push({ atMs: random.int(0, 9_000), effects });
  for (const key of ["k0", "k1"].slice(0, random.int(0, 2)))
    for (let i = random.int(1, 3); i > 0; i--)
      put(
        Array.from({ length: random.int(1, 3) }, () =>
          one(random.chance(0.12) ? "sim.bad" : "sim.one", {
            ...{ key, lane: random.pick(["realtime", "background"] as const) },
            delayMs: random.chance(0.3) ? random.int(0, 1_500) : 0,
            kills: random.chance(0.06) ? 1 : 0,
          }),
        ),
      );
  if (random.chance(0.6))
    put(
      Array.from({ length: random.int(2, 7) }, () =>
        one("sim.batch", { lane: "background", kills: random.chance(0.05) ? 1 : 0 }),
      ),
    );
  if (random.chance(0.4)) put([one("sim.bad", { kills: random.pick([0, 0, 9]) }), one("sim.one")]);
  if (random.chance(0.3)) put(Array.from({ length: 6 }, () => one("sim.shed", { lane: "heavy" })));
  if (random.chance(0.2)) put([one("sim.unknown", { lane: "background" })]);
  return puts;
}

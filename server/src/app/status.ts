import type {
  CallOptions,
  Clock,
  DeadLetter,
  Hold,
  InboundState,
  JobCounts,
  LaneBacklog,
  ParkedCount,
  ProcessRecord,
  ProviderHealth,
  Stores,
  WaitingCount,
} from "@troupe/contracts";
import { dayOf, spaceDay } from "../kit/index.ts";
import { budgetRulesOf } from "./budgets.ts";
import type { Config } from "./config/index.ts";
import type { HealthState, Phase } from "./health.ts";
import type { HoldState } from "./hold.ts";
import type { ReloadReport } from "./reload.ts";
import type { ProcessFacts } from "./roll-call.ts";

/** What `./troupe status` tells: what runs, what waits and since when, what is wrong. Times are UTC milliseconds. */
export interface StatusReport {
  readonly version: string;
  /** `not_running`: a command looks into the home by itself, and nobody serves it. */
  readonly phase: Phase | "not_running";
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** What is otherwise than usual while work is taken. */
  readonly notes?: readonly string[];
  readonly home: string;
  readonly process: {
    readonly id: string;
    readonly pid: number;
    readonly startedAt: number;
    readonly rssBytes: number;
  };
  readonly now: number;
  readonly turns: { readonly running: number; readonly waiting: number };
  readonly messages: {
    readonly states: Readonly<Partial<Record<InboundState, number>>>;
    readonly oldestAcceptedAt: number | undefined;
  };
  readonly outbox: Readonly<Record<"pending" | "sending", WaitingCount>>;
  /** While it is there, no reply goes out to a channel and no job runs. */
  readonly hold: Hold | undefined;
  /** Settings whose secret cannot be opened, and why: their providers are not asked. */
  readonly unreadable: readonly { readonly setting: string; readonly reason: string }[];
  readonly lanes: readonly LaneReport[];
  /** Effects that were left out under load. */
  readonly shed: WaitingRows;
  /** What was given up and waits for an operator, by kind, and the last of all. */
  readonly deadLetters: {
    readonly kinds: readonly DeadKind[];
    readonly latest: readonly DeadLetter[];
  };
  /** `due`: their time has come and they have not begun. */
  readonly jobs: JobCounts;
  /** Flows that wait, by what for; `version`: for a process that knows their version, which this one does not. */
  readonly flows: { readonly parked: readonly ParkedCount[] };
  /** Every process that the store knows, the living first. */
  readonly processes: readonly (ProcessRecord & { readonly facts?: ProcessFacts })[];
  /** What the space spent today. */
  readonly budget: {
    /** UTC day. */
    readonly day: string;
    readonly spentMicroUsd: number;
    readonly reservedMicroUsd: number;
    readonly limitMicroUsd: number | undefined;
    /** Accounts whose owner was asked for more and has not answered; `budget list` tells them. */
    readonly asked: number;
  };
  readonly models: Config["models"];
  /** How the providers stand that were asked since the last start or reload. */
  readonly providers: readonly ProviderHealth[];
  readonly agents: readonly string[];
  readonly lastReload: ReloadReport | undefined;
}

export interface LaneReport extends LaneBacklog {
  /** No living process works in it, so that what waits there waits on. */
  readonly isLeft: boolean;
}

export interface DeadKind {
  readonly kind: string;
  readonly count: number;
  /** When the first of them failed. */
  readonly oldestAt: number;
}

/** `isMore`: there are more than were counted. */
export interface WaitingRows {
  readonly count: number;
  readonly isMore: boolean;
  readonly oldestAt: number | undefined;
}

export interface StatusDeps {
  readonly stores: Pick<
    Stores,
    "inbox" | "outbox" | "effects" | "deadLetters" | "jobRuns" | "leases" | "ledger" | "flows"
  >;
  readonly flowDefinitions: { readonly programs: readonly string[] };
  readonly hold: HoldState;
  readonly health: HealthState;
  readonly isServing: boolean;
  readonly turnStats: () => { readonly running: number; readonly waiting: number };
  readonly agentIds: () => readonly string[];
  readonly config: () => Config;
  readonly lastReload: () => ReloadReport | undefined;
  readonly providerHealth: () => readonly ProviderHealth[];
  /** What the living processes say of themselves. */
  readonly facts: (options: CallOptions) => Promise<readonly ProcessFacts[]>;
  readonly spaceId: string;
  readonly processId: string;
  readonly version: string;
  readonly clock: Clock;
}

const COUNTED_ROWS = 200;
/** Of what needs an operator, so many are told one by one. */
const TOLD_ROWS = 10;

export async function readStatus(deps: StatusDeps, options: CallOptions): Promise<StatusReport> {
  const { stores, health, spaceId, clock } = deps;
  const now = clock.now();
  const config = deps.config();
  const { programs } = deps.flowDefinitions;
  const [messages, jobs, [today], asked, outbox, behind, records, hold, facts, parked] = await Promise.all([
    stores.inbox.counts(spaceId, options),
    stores.jobRuns.counts(spaceId, options),
    stores.ledger.accounts([spaceDay(spaceId, now)], options),
    stores.ledger.asked(spaceId, options),
    stores.outbox.waiting(spaceId, options),
    readBehind(deps, options),
    stores.leases.list(options),
    deps.hold.refresh(options),
    deps.isServing ? deps.facts(options) : [],
    stores.flows.parked({ spaceId, programs }, options),
  ]);
  const { running, waiting } = deps.turnStats();
  return {
    version: deps.version,
    phase: deps.isServing ? health.phase : "not_running",
    ...health.ready(),
    home: config.home,
    process: {
      id: deps.processId,
      pid: process.pid,
      startedAt: health.startedAt,
      rssBytes: process.memoryUsage.rss(),
    },
    now,
    turns: { running, waiting },
    messages,
    outbox,
    hold,
    unreadable: [...config.unreadable].map(([setting, reason]) => ({ setting, reason })),
    ...behind,
    lanes: behind.lanes.map((lane) => ({ ...lane, isLeft: isLeft(lane, facts) })),
    jobs,
    flows: { parked },
    processes: records.map((record) => {
      const said = facts.find(({ id }) => id === record.id);
      return said === undefined ? record : { ...record, facts: said };
    }),
    budget: {
      day: spaceDay(spaceId, now).period,
      spentMicroUsd: today?.spentMicroUsd ?? 0,
      reservedMicroUsd: today?.reservedMicroUsd ?? 0,
      asked: asked.filter(({ period }) => isPresent(period, now)).length,
      limitMicroUsd: dailyLimitOf(config),
    },
    models: config.models,
    providers: deps.providerHealth(),
    agents: deps.agentIds(),
    lastReload: deps.lastReload(),
  };
}

/** What comes behind the replies. */
async function readBehind({ stores, spaceId }: StatusDeps, options: CallOptions) {
  const { effects, deadLetters } = stores;
  const [lanes, shed, kinds, latest] = await Promise.all([
    effects.lanes(spaceId, options),
    effects.list({ spaceId, states: ["shed"], limit: COUNTED_ROWS }, options),
    deadLetters.counts(spaceId, options),
    deadLetters.list({ spaceId, limit: TOLD_ROWS }, options),
  ]);
  const times = shed.items.map((row) => row.createdAt);
  return {
    lanes,
    shed: {
      count: times.length,
      isMore: shed.next !== undefined,
      oldestAt: times.length === 0 ? undefined : Math.min(...times),
    },
    deadLetters: { kinds, latest: latest.items },
  };
}

/** A process that does not say what it works in, as older ones do not, may work in all. */
function isLeft({ lane }: LaneBacklog, facts: readonly ProcessFacts[]): boolean {
  return facts.length > 0 && facts.every(({ lanes }) => lanes !== undefined && !lanes.includes(lane));
}

/** A day or month that has passed needs no answer any more. */
function isPresent(period: string, now: number): boolean {
  return dayOf(now).startsWith(period);
}

/** The tightest budget of the whole space for a day. */
function dailyLimitOf(config: Config): number | undefined {
  const limits = budgetRulesOf(config).flatMap(({ per, dailyMicroUsd }) =>
    per === "space" && dailyMicroUsd !== undefined ? [dailyMicroUsd] : [],
  );
  return limits.length === 0 ? undefined : Math.min(...limits);
}

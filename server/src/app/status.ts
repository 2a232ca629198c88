import type {
  CallOptions,
  Clock,
  EffectState,
  Hold,
  InboundState,
  OutboxState,
  Page,
  ProcessRecord,
  ProviderHealth,
  Stores,
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
  readonly outbox: Readonly<Record<OpenOutboxState, WaitingRows>>;
  /** While it is there, no reply goes out to a channel. */
  readonly hold: Hold | undefined;
  /** Settings whose secret cannot be opened, and why: their providers are not asked. */
  readonly unreadable: readonly { readonly setting: string; readonly reason: string }[];
  /** Replies that did not surely arrive and are not sent again by themselves: `unknown` and `dead`, the newest first. */
  readonly unsent: readonly UnsentReply[];
  readonly effects: Readonly<Record<OpenEffectState, WaitingRows>>;
  /** Effects that were given up or that no handler knows, the newest first. */
  readonly failedEffects: readonly FailedEffect[];
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

type OpenOutboxState = Exclude<OutboxState, "delivered">;
type OpenEffectState = Exclude<EffectState, "done">;

export interface UnsentReply {
  readonly turnId: string;
  readonly state: "unknown" | "dead";
  readonly channel: string;
  readonly target: string;
  readonly error: string | undefined;
  readonly at: number;
}

export interface FailedEffect {
  readonly turnId: string;
  readonly kind: string;
  readonly state: "parked" | "dead";
  readonly error: string | undefined;
  readonly at: number;
}

/** `isMore`: there are more than were counted. */
export interface WaitingRows {
  readonly count: number;
  readonly isMore: boolean;
  readonly oldestAt: number | undefined;
}

export interface StatusDeps {
  readonly stores: Pick<Stores, "inbox" | "outbox" | "effects" | "leases" | "ledger">;
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
  const [messages, [today], asked, outbox, effects, records, hold, facts] = await Promise.all([
    stores.inbox.counts(spaceId, options),
    stores.ledger.accounts([spaceDay(spaceId, now)], options),
    stores.ledger.asked(spaceId, options),
    readOutbox(deps, options),
    readEffects(deps, options),
    stores.leases.list(options),
    deps.hold.refresh(options),
    deps.isServing ? deps.facts(options) : [],
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
    ...outbox,
    hold,
    unreadable: [...config.unreadable].map(([setting, reason]) => ({ setting, reason })),
    ...effects,
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

async function readOutbox(
  { stores, spaceId }: StatusDeps,
  options: CallOptions,
): Promise<Pick<StatusReport, "outbox" | "unsent">> {
  const read = (state: OpenOutboxState) =>
    stores.outbox.list({ spaceId, states: [state], limit: COUNTED_ROWS }, options);
  const [waiting, unknown, dead] = await Promise.all([
    stores.outbox.waiting(spaceId, options),
    read("unknown"),
    read("dead"),
  ]);
  const told = (page: typeof dead, state: UnsentReply["state"]): readonly UnsentReply[] =>
    page.items.map(({ turnId, address, error, createdAt, endedAt }) => ({
      ...{ turnId, state, channel: address.channel, target: address.target, error },
      at: endedAt ?? createdAt,
    }));
  return {
    outbox: {
      pending: { ...waiting.pending, isMore: false },
      sending: { ...waiting.sending, isMore: false },
      unknown: countOf(unknown),
      dead: countOf(dead),
    },
    unsent: newest([...told(unknown, "unknown"), ...told(dead, "dead")]),
  };
}

async function readEffects(
  { stores, spaceId }: StatusDeps,
  options: CallOptions,
): Promise<Pick<StatusReport, "effects" | "failedEffects">> {
  const read = (state: OpenEffectState) =>
    stores.effects.list({ spaceId, states: [state], limit: COUNTED_ROWS }, options);
  const [waiting, parked, dead, shed] = await Promise.all([
    stores.effects.waiting(spaceId, options),
    read("parked"),
    read("dead"),
    read("shed"),
  ]);
  const told = (page: typeof dead, state: FailedEffect["state"]): readonly FailedEffect[] =>
    page.items.map(({ turnId, kind, error, createdAt, endedAt }) => ({
      ...{ turnId, kind, state, error },
      at: endedAt ?? createdAt,
    }));
  return {
    effects: {
      pending: { ...waiting.pending, isMore: false },
      running: { ...waiting.running, isMore: false },
      parked: countOf(parked),
      dead: countOf(dead),
      shed: countOf(shed),
    },
    failedEffects: newest([...told(parked, "parked"), ...told(dead, "dead")]),
  };
}

function newest<Row extends { readonly at: number }>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => b.at - a.at).slice(0, TOLD_ROWS);
}

function countOf(page: Page<{ readonly createdAt: number }>): WaitingRows {
  const times = page.items.map((row) => row.createdAt);
  return {
    count: page.items.length,
    isMore: page.next !== undefined,
    oldestAt: times.length === 0 ? undefined : Math.min(...times),
  };
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

import type { BudgetState, CallOptions, Clock, InboundState, OutboxState, Stores } from "@troupe/contracts";
import { dayOf } from "../kit/index.ts";
import type { Config } from "./config/index.ts";
import type { HealthState, Phase } from "./health.ts";
import type { ReloadReport } from "./reload.ts";

/** What `./troupe status` tells: what runs, what waits and since when, what is wrong. Times are UTC milliseconds. */
export interface StatusReport {
  readonly version: string;
  /** `not_running`: a command looks into the home by itself, and nobody serves it. */
  readonly phase: Phase | "not_running";
  readonly ready: boolean;
  readonly reasons: readonly string[];
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
  readonly outbox: Readonly<Record<Exclude<OutboxState, "delivered">, WaitingRows>>;
  readonly budget: BudgetState & { readonly limitMicroUsd: number | undefined };
  readonly models: Config["models"];
  readonly agents: readonly string[];
  readonly lastReload: ReloadReport | undefined;
}

/** `isMore`: there are more than were counted. */
export interface WaitingRows {
  readonly count: number;
  readonly isMore: boolean;
  readonly oldestAt: number | undefined;
}

export interface StatusDeps {
  readonly stores: Pick<Stores, "inbox" | "outbox" | "ledger">;
  readonly health: HealthState;
  readonly isServing: boolean;
  readonly turnStats: () => { readonly running: number; readonly waiting: number };
  readonly agentIds: () => readonly string[];
  readonly config: () => Config;
  readonly lastReload: () => ReloadReport | undefined;
  readonly spaceId: string;
  readonly processId: string;
  readonly version: string;
  readonly clock: Clock;
}

const OPEN_STATES: readonly Exclude<OutboxState, "delivered">[] = ["pending", "sending", "unknown", "dead"];
const COUNTED_ROWS = 200;

export async function readStatus(deps: StatusDeps, options: CallOptions): Promise<StatusReport> {
  const { stores, health, spaceId, clock } = deps;
  const now = clock.now();
  const config = deps.config();
  const [messages, budget, ...rows] = await Promise.all([
    stores.inbox.counts(spaceId, options),
    stores.ledger.budget(spaceId, dayOf(now), options),
    ...OPEN_STATES.map((state) => countRows(stores, spaceId, state, options)),
  ]);
  const outbox = Object.fromEntries(
    OPEN_STATES.map((state, i) => [state, rows[i]]),
  ) as StatusReport["outbox"];
  const { dailyUsd } = config.budget;
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
    budget: {
      ...budget,
      limitMicroUsd: dailyUsd === undefined ? undefined : Math.round(dailyUsd * 1_000_000),
    },
    models: config.models,
    agents: deps.agentIds(),
    lastReload: deps.lastReload(),
  };
}

async function countRows(
  stores: Pick<Stores, "outbox">,
  spaceId: string,
  state: OutboxState,
  options: CallOptions,
): Promise<WaitingRows> {
  const page = await stores.outbox.list({ spaceId, states: [state], limit: COUNTED_ROWS }, options);
  const times = page.items.map((row) => row.createdAt);
  return {
    count: page.items.length,
    isMore: page.next !== undefined,
    oldestAt: times.length === 0 ? undefined : Math.min(...times),
  };
}

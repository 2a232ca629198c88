import {
  type Agent,
  type Channel,
  DEFAULT_SPACE_ID,
  type Gate,
  type InboundMessage,
  type Inbox,
  type ModelChoice,
  type ModelRouter,
  type ToolSource,
  type TurnFeed,
  textOf,
} from "@troupe/contracts";
import {
  AGENT_DEFAULTS,
  type AgentSettings,
  createSupervisor,
  estimateMicroUsd,
  type Supervisor,
} from "../agent/index.ts";
import type { LocalBus } from "../bus/index.ts";
import {
  createInbox,
  createRateLimit,
  neverAnswerYourself,
  notEmpty,
  type Reservation,
  rateLimited,
} from "../inbox/index.ts";
import { estimateTokens } from "../kit/index.ts";
import { createIndexer, createMemoryModule, createSummaryHandler, type Indexer } from "../memory/index.ts";
import { createBuiltinTools, createToolbox, type LoadableToolbox } from "../tools/index.ts";
import {
  createEffectWorkers,
  createRelay,
  type EffectWorkers,
  type ProcessLease,
  type Relay,
} from "../workers/index.ts";
import type { SwappableAgents } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";

/** Tokens of history that a reservation allows for; what a call really cost is settled after it. */
const RESERVED_HISTORY_TOKENS = 4000;

/** A platform that has not taken a reply by then is asked again later; the claim outlives that well. */
const SEND_TIMEOUT_MS = 30_000;
const SEND_LEASE_MS = 90_000;

/** Doorbells and due times wake the loops; a sweep only mends a doorbell that was lost, which one process never loses. */
const SWEEP_MS = 20_000;

/** Everything between the way in and the way out. */
export interface TurnParts {
  readonly inbox: Inbox;
  readonly supervisor: Supervisor;
  readonly relay: Relay;
  readonly effects: EffectWorkers;
  readonly indexer: Indexer;
  readonly toolbox: LoadableToolbox;
}

export function composeTurns(
  foundation: Foundation,
  parts: {
    readonly router: ModelRouter;
    readonly agents: SwappableAgents;
    readonly bus: LocalBus;
    readonly feed: TurnFeed;
    /** The configuration in force. */
    readonly config: () => Config;
    readonly lease: ProcessLease;
    readonly channels: readonly Channel[];
    readonly toolSources: readonly ToolSource[];
  },
): TurnParts {
  const { stores, clock, logger, metrics, random } = foundation;
  const { router, agents, config } = parts;
  const dailyLimitMicroUsd = (): number | undefined => {
    const { dailyUsd } = config().budget;
    return dailyUsd === undefined ? undefined : Math.round(dailyUsd * 1_000_000);
  };
  const indexer = createIndexer({ search: stores.search, clock, logger, metrics });
  const builtin = createBuiltinTools({
    memories: stores.memories,
    search: stores.search,
    sessions: stores.sessions,
    random,
  });
  const toolbox = createToolbox({ sources: [builtin, ...parts.toolSources], clock, logger, metrics });
  const supervisor = createSupervisor({
    ...foundation,
    ...stores,
    ...parts,
    toolbox,
    modules: [createMemoryModule({ search: stores.search, clock, logger, metrics })],
    settings: agentSettings(config, dailyLimitMicroUsd),
    onKept: () => indexer.nudge(),
  });
  const inbox = createInbox({
    ...foundation,
    ...stores,
    intake: supervisor.intake,
    control: supervisor.control,
    feed: parts.feed,
    agents,
    gates: gatesOf(foundation, config),
    reservation: (agent, message) => reservationOf(agent, message, router, dailyLimitMicroUsd()),
    deadlineMs: (agent) => agent.spec.deadlineMs ?? config().turns.deadlineSeconds * 1000,
  });
  const summary = createSummaryHandler({
    ...foundation,
    ...stores,
    router,
    agents,
    // Read anew for each summary, since a reload may change it.
    get dailyLimitMicroUsd() {
      return dailyLimitMicroUsd();
    },
  });
  const relay = createRelay({
    ...foundation,
    ...stores,
    bus: parts.bus,
    channels: new Map(parts.channels.map((channel) => [channel.id, channel])),
    lease: parts.lease,
    leaseMs: SEND_LEASE_MS,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    sweepMs: SWEEP_MS,
  });
  const effects = createEffectWorkers({
    ...foundation,
    ...stores,
    bus: parts.bus,
    handlers: [summary],
    sweepMs: SWEEP_MS,
  });
  return { inbox, supervisor, relay, effects, indexer, toolbox };
}

function agentSettings(config: () => Config, dailyLimitMicroUsd: () => number | undefined): AgentSettings {
  const { limits } = config();
  return {
    ...AGENT_DEFAULTS,
    sweepMs: SWEEP_MS,
    concurrency: limits.maxConcurrentTurns,
    maxWaiting: limits.maxQueuedTurns,
    get maxSteps() {
      return config().turns.maxSteps;
    },
    dailyLimitMicroUsd,
  };
}

function gatesOf({ clock }: Foundation, config: () => Config): readonly Gate[] {
  const limit = createRateLimit({ clock, perMinute: () => config().limits.ratePerMinute ?? 0 });
  return [neverAnswerYourself(), notEmpty(), rateLimited(limit)];
}

/** What a turn may cost at most before it asks for more: one call of the dearest model of its list. */
function reservationOf(
  agent: Agent,
  message: InboundMessage,
  router: ModelRouter,
  limitMicroUsd: number | undefined,
): Reservation {
  const choices = message.direct === undefined ? router.choices(agent.spec.model) : [];
  if (choices.every(isFree)) return { microUsd: 0, limitMicroUsd };
  const given =
    message.given?.reduce((sum, one) => sum + estimateTokens(one.text), 0) ?? RESERVED_HISTORY_TOKENS;
  const inputTokens = estimateTokens(agent.spec.instructions) + estimateTokens(textOf(message.parts)) + given;
  return { microUsd: estimateMicroUsd(choices, inputTokens, message.maxOutputTokens), limitMicroUsd };
}

function isFree({ price }: ModelChoice): boolean {
  return price === undefined || price.inputUsdPerMillion + price.outputUsdPerMillion === 0;
}

/** The one space of this version. */
export const SPACE: string = DEFAULT_SPACE_ID;

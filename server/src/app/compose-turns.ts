import {
  type Budgets,
  type Channel,
  DEFAULT_SPACE_ID,
  type EffectHandler,
  type Gate,
  type Inbox,
  type Lane,
  type MessageBus,
  type ModelRouter,
  type Notices,
  type Placer,
  type QuietTimes,
  SUBJECTS,
  type Tool,
  type ToolSource,
  TroupeError,
  type TurnFeed,
  type TurnIntake,
} from "@troupe/contracts";
import { createSupervisor, type Supervisor } from "../agent/index.ts";
import { mayReach } from "../delegation/index.ts";
import { createInbox, neverAnswerYourself, notEmpty, rateLimited } from "../inbox/index.ts";
import { quietHoursGate } from "../jobs/index.ts";
import { createRateLimit, type LaneLimits, ringFor, type WakeLoop } from "../kit/index.ts";
import {
  createDreamHandler,
  createDreamLoop,
  createExtractHandler,
  createIndexer,
  createLearnHandler,
  createPlacer,
  createReflectHandler,
  createSummaryHandler,
  type Indexer,
  learningOf,
  loadMeaning,
  type PersonBook,
} from "../memory/index.ts";
import type { Vault } from "../secrets/index.ts";
import {
  createBlueprintPolicy,
  createBuiltinTools,
  createCommandTools,
  createToolbox,
  type LoadableToolbox,
} from "../tools/index.ts";
import {
  createBlobSweep,
  createEffectWorkers,
  createRelay,
  type EffectWorkers,
  type ProcessLease,
  type Relay,
} from "../workers/index.ts";
import { agentSettings } from "./agent-settings.ts";
import type { SwappableAgents } from "./agents.ts";
import { budgetNotices } from "./budget-notices.ts";
import { createBudgets, rulesInForce } from "./budgets.ts";
import type { Foundation } from "./compose.ts";
import type { DeadLetterParts } from "./compose-dead-letters.ts";
import { composeDelegation, type Delegation } from "./compose-delegation.ts";
import type { ModuleParts } from "./compose-modules.ts";
import type { VectorParts } from "./compose-vectors.ts";
import type { Config } from "./config/index.ts";
import { createUseCounter } from "./memory-uses.ts";
import { outlayOf } from "./outlay.ts";
import { selfFacts } from "./self-facts.ts";
import { createTapeKeeper, type TapeKeeper } from "./tapes.ts";
import { tellTimeBy, zoneOf } from "./time-zone.ts";

/** A platform that has not taken a reply by then is asked again later; the claim outlives that well. */
const SEND_TIMEOUT_MS = 30_000;
const SEND_LEASE_MS = 90_000;

/** Everything between the way in and the way out. */
export interface TurnParts {
  readonly inbox: Inbox;
  readonly supervisor: Supervisor;
  readonly relay: Relay;
  readonly effects: EffectWorkers;
  readonly indexer: Indexer;
  readonly toolbox: LoadableToolbox;
  readonly blobSweep: WakeLoop;
  readonly dreamLoop: WakeLoop;
  readonly budgets: Budgets;
  readonly tapeKeeper: TapeKeeper;
  readonly placer: Pick<ReturnType<typeof createPlacer>, "forgetAll">;
}

/** What turns are joined with. */
interface Joined {
  readonly router: ModelRouter;
  readonly agents: SwappableAgents;
  readonly bus: MessageBus;
  readonly feed: TurnFeed;
  /** The configuration in force. */
  readonly config: () => Config;
  readonly lease: ProcessLease;
  readonly channels: readonly Channel[];
  readonly notices: Notices;
  readonly toolSources: readonly ToolSource[];
  /** Serve what people type and what runs of jobs say; no model is offered them. */
  readonly commandTools: readonly Tool[];
  readonly effectHandlers: readonly EffectHandler[];
  readonly modules: ModuleParts;
  readonly vectors: Pick<VectorParts, "vectorFiller" | "wideSearch">;
  readonly deadLetters: DeadLetterParts;
  /** What each lane may do here. */
  readonly lanes: Readonly<Record<Lane, LaneLimits>>;
  readonly quiet: QuietTimes;
  readonly people: Pick<PersonBook, "changing">;
  readonly vault: Vault;
  /** Whether an agent has a folder for files of its own. */
  readonly hasWorkspace: (agentId: string) => Promise<boolean>;
  /** How the way in reaches the turns of all processes. */
  readonly intakeFor: (local: TurnIntake) => TurnIntake;
  /** Doorbells and due times wake the loops; a sweep only mends a doorbell that was lost. */
  readonly sweepMs: number;
  /** A text without what no log may show. */
  readonly hide: (text: string) => string;
}

export function composeTurns(foundation: Foundation, parts: Joined): TurnParts {
  const { stores, clock } = foundation;
  const { router, agents, config } = parts;
  const budgets = createBudgets({
    ...{ ...foundation, ...stores, rules: rulesInForce(config) },
    onAsked: budgetNotices(parts.notices),
  });
  const indexer = indexerOf(foundation, parts.vectors);
  const delegation = composeDelegation(foundation, {
    ...{ agents, bus: parts.bus, config },
    accept: (...call) => inbox.accept(...call),
    cancel: (...call) => supervisor.control.cancel(...call),
    onDead: parts.deadLetters.onAgentMessage,
  });
  const placer = placerOf(foundation);
  const toolbox = toolboxOf(foundation, parts, delegation, placer);
  const tapeKeeper = tapeKeeperOf(foundation, parts);
  const countUses = createUseCounter({ ...stores, clock }, SPACE);
  const supervisor = createSupervisor({
    ...foundation,
    ...stores,
    ...parts,
    toolbox,
    approval: createBlueprintPolicy(),
    modules: parts.modules.modules,
    hooks: parts.modules.hooks,
    asksModel: (asker) =>
      (asker === "storylines" ? config().storylines : config().modules[asker])?.whenUnsure === "model",
    placer,
    budgets,
    recorder: tapeKeeper,
    tellTime: tellTimeBy(config),
    settings: agentSettings(config, parts.sweepMs),
    learning: learningOf,
    onKept(ended) {
      indexer.nudge();
      countUses(ended.run.trace, ended.run.inbound);
      parts.deadLetters.onTurn(ended);
    },
  });
  const inbox = createInbox({
    ...foundation,
    ...stores,
    intake: parts.intakeFor(supervisor.intake),
    control: supervisor.control,
    feed: parts.feed,
    agents,
    gates: [...gatesOf(foundation, config), quietHoursGate(parts.quiet, clock)],
    hooks: parts.modules.hooks,
    mayHandOff: mayReach,
    ...{ parseCommand: toolbox.parseCommand, onKept: sessionRinger(foundation, parts.bus) },
    budgets,
    outlay: (agent, message, { at, sessionId, model }) => {
      const historyTokens = supervisor.shownTokens(sessionId);
      return outlayOf(agent, message, { router, toolbox, budgets, historyTokens }, at, model);
    },
    deadlineMs: (agent) => agent.spec.deadlineMs ?? config().turns.deadlineSeconds * 1000,
  });
  const relay = relayOf(foundation, parts);
  const effects = effectsOf(foundation, parts, [
    ...memoryHandlers(foundation, { ...parts, budgets }),
    ...delegation.handlers,
  ]);
  return {
    ...{ inbox, supervisor, relay, effects, indexer, budgets, toolbox },
    ...{ blobSweep: sweepOf(foundation, config), dreamLoop: dreamLoopOf(foundation, config), tapeKeeper },
    placer: forgettingAll(placer, supervisor, parts.bus),
  };
}

function placerOf({ stores, people, logger, metrics, wordVectors }: Foundation) {
  const { storylines } = stores;
  return createPlacer({ storylines, people, logger, metrics, meaning: () => loadMeaning(wordVectors) });
}

/** Turns belong to other storylines than they did, here or by another process: placing and prompts read conversations anew. */
function forgettingAll(
  placer: Pick<ReturnType<typeof createPlacer>, "forgetAll">,
  supervisor: Pick<Supervisor, "forgetHistories">,
  bus: Pick<MessageBus, "subscribe">,
): TurnParts["placer"] {
  const forgetAll = (): void => {
    placer.forgetAll();
    supervisor.forgetHistories();
  };
  // Bells may have been missed while the bus was away.
  for (const subject of [SUBJECTS.storylinesChanged, SUBJECTS.busBack]) bus.subscribe(subject, forgetAll);
  return { forgetAll };
}

/** What is new to the index of words is new to that of meanings too. */
function indexerOf(
  { stores, clock, logger, metrics }: Foundation,
  { vectorFiller }: Pick<VectorParts, "vectorFiller">,
): Indexer {
  const indexer = createIndexer({ search: stores.search, clock, logger, metrics });
  return {
    ...indexer,
    nudge(messages) {
      indexer.nudge(messages);
      vectorFiller.nudge();
    },
  };
}

/** Work after the reply on what agents keep in mind. */
function memoryHandlers(
  foundation: Foundation,
  parts: Pick<Joined, "router" | "agents" | "config" | "hasWorkspace"> & { readonly budgets: Budgets },
): readonly EffectHandler[] {
  const { config, hasWorkspace } = parts;
  const deps = { ...foundation, ...foundation.stores, ...parts };
  const feelings = (): boolean => config().memory.feelings === "on";
  return [
    createSummaryHandler(deps),
    createLearnHandler({ ...foundation.stores, feelings }),
    createExtractHandler({ ...deps, feelings }),
    createDreamHandler({ ...deps, hasWorkspace, zone: () => zoneOf(config()) }),
    createReflectHandler(deps),
  ];
}

function effectsOf(
  foundation: Foundation,
  parts: Pick<Joined, "bus" | "modules" | "effectHandlers" | "lanes" | "deadLetters" | "sweepMs">,
  own: readonly EffectHandler[],
): EffectWorkers {
  const { bus, modules, effectHandlers, lanes, deadLetters, sweepMs } = parts;
  return createEffectWorkers({
    ...foundation,
    ...foundation.stores,
    ...{ bus, lanes, sweepMs },
    handlers: checkedHandlers([...own, ...modules.effectHandlers, ...effectHandlers]),
    onDead: deadLetters.onEffect,
    onKept: (writes) => ringFor({ ...foundation, bus }, writes),
  });
}

function toolboxOf(
  { stores, random, clock, logger, metrics }: Foundation,
  parts: Pick<
    Joined,
    "agents" | "modules" | "toolSources" | "commandTools" | "config" | "vectors" | "people"
  >,
  { withTools, commandTools }: Delegation,
  placer: Placer,
): LoadableToolbox {
  const facts = selfFacts(parts.agents, () => toolbox);
  const builtin = createBuiltinTools({
    memories: stores.memories,
    search: { ...stores.search, ...parts.vectors.wideSearch },
    sessions: stores.sessions,
    random,
    defaultZone: () => zoneOf(parts.config()),
    ...facts,
  });
  const toolbox = createToolbox({
    sources: [withTools(builtin), ...parts.modules.toolSources, ...parts.toolSources],
    commandTools: [
      ...createCommandTools({ ...stores, placer, onChange: () => parts.people.changing() }),
      ...parts.commandTools,
      ...commandTools,
    ],
    ...{ clock, logger, metrics },
  });
  return toolbox;
}

function tapeKeeperOf(
  foundation: Foundation,
  parts: {
    readonly vault: Vault;
    readonly hide: (text: string) => string;
    readonly agents: SwappableAgents;
    readonly config: () => Config;
  },
): TapeKeeper {
  const { vault, hide, agents, config } = parts;
  return createTapeKeeper({
    ...foundation,
    ...{ vault, hide },
    limitOf(spaceId, agentId) {
      const { record, maxBytes } = config().tape;
      return (agents.get(spaceId, agentId)?.spec.tape ?? record) ? maxBytes : undefined;
    },
  });
}

function relayOf(
  foundation: Foundation,
  parts: {
    readonly bus: MessageBus;
    readonly channels: readonly Channel[];
    readonly lease: ProcessLease;
    readonly deadLetters: DeadLetterParts;
    readonly sweepMs: number;
  },
): Relay {
  return createRelay({
    ...foundation,
    ...foundation.stores,
    bus: parts.bus,
    channels: new Map(parts.channels.map((channel) => [channel.id, channel])),
    lease: parts.lease,
    leaseMs: SEND_LEASE_MS,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    sweepMs: parts.sweepMs,
    onDead: parts.deadLetters.onDelivery,
  });
}

function sweepOf(foundation: Foundation, config: () => Config): WakeLoop {
  const keepTapesDays = () => config().tape.keepDays;
  const keepAgentMessagesDays = () => config().agentLimits.keepDays;
  return createBlobSweep({
    ...foundation,
    ...foundation.stores,
    ...{ spaceId: SPACE, keepTapesDays, keepAgentMessagesDays },
  });
}

function dreamLoopOf(foundation: Foundation, config: () => Config): WakeLoop {
  return createDreamLoop({
    ...{ ...foundation, ...foundation.stores, spaceId: SPACE },
    hour: () => (config().memory.dreams ? config().memory.dreamHour : undefined),
    zone: () => zoneOf(config()),
  });
}

/** Rings for whoever watches a session from somewhere else. */
function sessionRinger(
  { ids, clock }: Foundation,
  bus: MessageBus,
): (payload: { readonly sessionId: string; readonly turnId: string }) => void {
  const kind = SUBJECTS.sessionChanged;
  return (payload) => bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload });
}

/** Throws `config.invalid` where two handle one kind: nobody could say which of them does. */
function checkedHandlers(handlers: readonly EffectHandler[]): readonly EffectHandler[] {
  const kinds = handlers.map(({ kind }) => kind);
  const twice = kinds.find((kind, at) => kinds.indexOf(kind) !== at);
  if (twice === undefined) return handlers;
  throw new TroupeError(`Two handlers are given for effects of the kind "${twice}". Leave one out.`, {
    code: "config.invalid",
  });
}

function gatesOf({ clock }: Foundation, config: () => Config): readonly Gate[] {
  const limit = createRateLimit({ clock, perMinute: () => config().limits.ratePerMinute ?? 0 });
  return [neverAnswerYourself(), notEmpty(), rateLimited(limit)];
}

/** The one space of this version. */
export const SPACE: string = DEFAULT_SPACE_ID;

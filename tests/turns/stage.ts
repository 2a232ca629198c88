import type {
  AcceptResult,
  Agent,
  AgentDirectory,
  AgentSpec,
  ApprovalPolicy,
  BlobStore,
  Committed,
  EffectHandler,
  Gate,
  Hooks,
  InboundMessage,
  MessageBus,
  ModelChoice,
  ModelPrice,
  ModelRouter,
  Module,
  Principal,
  Stores,
  Tool,
  Toolbox,
  TurnEvent,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  createLogRecorder,
  createManualClock,
  createMemoryBlobs,
  createScriptedModel,
  type ManualClock,
  type ScriptedModel,
} from "@troupe/testing";
import { afterAll } from "vitest";
import {
  AGENT_DEFAULTS,
  type AgentSettings,
  createSupervisor,
  createTellTime,
  type Supervisor,
  type TapeRecorder,
} from "../../server/src/agent/index.ts";
import { type BudgetRule, createBudgets } from "../../server/src/app/budgets.ts";
import { createLocalBus, createLocalTurnFeed } from "../../server/src/bus/index.ts";
import {
  createDelegationCommandTools,
  createDelegationHandlers,
  createDelegationTools,
  type DelegationLimits,
  type HandlerDeps,
  mayReach,
} from "../../server/src/delegation/index.ts";
import { createInbox, neverAnswerYourself, notEmpty } from "../../server/src/inbox/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createPlacer, loadMeaning, type PersonBook } from "../../server/src/memory/index.ts";
import {
  createBlueprintPolicy,
  createBuiltinTools,
  createCommandTools,
  createToolbox,
} from "../../server/src/tools/index.ts";
import { createEffectWorkers } from "../../server/src/workers/index.ts";
import { createTestStores } from "../lab/test-store.ts";
import { inboundOf } from "./stage-read.ts";

export { endOf, inboundOf, messagesOf, promptOf, recordOf, streamed } from "./stage-read.ts";

export const OPERATOR: Principal = { spaceId: "default", kind: "operator", id: "operator" };
export const NEVER: AbortSignal = new AbortController().signal;
const options = { signal: NEVER };

/** A store and the processes that share it, on one clock that stands still until told otherwise. */
export interface Stage {
  readonly clock: ManualClock;
  readonly stores: Stores;
  readonly model: ScriptedModel;
  process(id: string, over?: ProcessOptions): Promise<StagedProcess>;
  close(): Promise<void>;
}

export interface ProcessOptions {
  readonly settings?: Partial<AgentSettings>;
  readonly blobs?: BlobStore;
  readonly spec?: Partial<AgentSpec>;
  /** Agents beside ana; with them agents may ask one another, and effects are worked on. */
  readonly others?: readonly AgentSpec[];
  readonly limits?: DelegationLimits;
  /** Ends the work on effects. */
  readonly life?: AbortSignal;
  readonly tools?: readonly Tool[];
  readonly people?: Pick<PersonBook, "changing" | "namesOf">;
  /** What the process makes of the stage's stores, as they are composed. Default: nothing. */
  readonly around?: (own: Stores) => Stores;
  /** Beside the tools that come with Troupe, and offered as they are. */
  readonly builtin?: readonly Tool[];
  readonly modules?: readonly Module[];
  /** Turns are placed among several storylines. Default: each session has one. */
  readonly hasStorylines?: boolean;
  /** Modules that a model is asked about where they are unsure. */
  readonly asksModel?: (moduleId: string) => boolean;
  /** With them effects are worked on. */
  readonly effectHandlers?: readonly EffectHandler[];
  readonly hooks?: Hooks;
  /** Behind those that are always asked. */
  readonly gates?: readonly Gate[];
  readonly price?: ModelPrice;
  /** What a message reserves, and what its space may spend a day. Absent: no budget, so nothing is reserved. */
  readonly reservation?: { readonly microUsd: number; readonly limitMicroUsd: number };
  readonly budgets?: readonly BudgetRule[];
  /** A logical model `small` that costs nothing. */
  readonly small?: ScriptedModel;
  readonly deadlineMs?: number;
  /** Told with each call of a model until when its answer is wanted, UTC milliseconds. */
  readonly onAsk?: (deadlineAt: number | undefined) => void;
  readonly onKept?: () => void;
  /** Takes the tapes of turns. Absent: none is recorded. */
  readonly recorder?: TapeRecorder;
  /** The zone of a peer, in which prompts say what time it is. Absent: they say nothing of it. */
  readonly zoneOf?: (peerId: string) => string;
  /** Default: what the agent's blueprint says. */
  readonly approval?: ApprovalPolicy;
  readonly unit?: (own: UnitOfWork) => UnitOfWork;
  /** What turns read of conversations. */
  readonly sessions?: (own: Stores["sessions"]) => Stores["sessions"];
  /** Stands before each commit; rejecting refuses it, never resolving is a crash before it. */
  readonly beforeCommit?: (writes: readonly Write<unknown>[]) => Promise<void>;
}

export interface StagedProcess {
  readonly supervisor: Supervisor;
  readonly events: TurnEvent[];
  readonly log: ReturnType<typeof createLogRecorder>;
  readonly agents: AgentDirectory;
  readonly toolbox: Toolbox;
  readonly bus: MessageBus;
  readonly metrics: ReturnType<typeof createMetrics>;
  /** Turns that somebody watches, or whose live events are kept for it. */
  watched(): number;
  send(text: string, over?: Partial<InboundMessage>): Promise<AcceptResult>;
  /** The way in, for whoever is no person. */
  accept(message: InboundMessage, principal: Principal): Promise<AcceptResult>;
  /** Sends and lets everything happen that needs no time. */
  say(text: string, over?: Partial<InboundMessage>): Promise<Extract<AcceptResult, { kind: "accepted" }>>;
}

export const LEASE_MS = 30_000;
const YEAR_MS = 365 * 86_400_000;

const testStores = createTestStores();
afterAll(() => testStores[Symbol.asyncDispose]());

export async function openStage(
  about: {
    readonly rule?: Parameters<typeof createScriptedModel>[0] extends { rule?: infer Rule } | undefined
      ? Rule
      : never;
  } = {},
): Promise<Stage> {
  const clock = createManualClock();
  const ids = createIdGenerator(clock);
  const metrics = createMetrics();
  const quiet = createLogRecorder();
  const store = await testStores.open({
    clock,
    ids,
    metrics,
    logger: quiet,
    leaseClock: () => clock.now(),
  });
  const { stores } = store;
  const model = createScriptedModel({ clock, ...about });
  const lives = createLives(stores, clock);
  return {
    clock,
    stores,
    model,
    process: (id, over = {}) =>
      openProcess({ id, clock, ids, stores: over.around?.(stores) ?? stores, model, lives, over }),
    close: () => store.close(),
  };
}

async function openProcess(parts: {
  readonly id: string;
  readonly clock: ManualClock;
  readonly ids: ReturnType<typeof createIdGenerator>;
  readonly stores: Stores;
  readonly model: ScriptedModel;
  readonly lives: ReturnType<typeof createLives>;
  readonly over: ProcessOptions;
}): Promise<StagedProcess> {
  const { id, clock, ids, stores, model, lives, over } = parts;
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const unit = gated(over.unit?.(stores.unit) ?? stores.unit, over.beforeCommit);
  await unit.commit([stores.leases.register({ id, pid: 1, role: "all", leaseMs: LEASE_MS })], options);
  await lives.goOn(id);
  const agent: Agent = {
    spaceId: "default",
    revision: 7,
    spec: { id: "ana", name: "Ana", model: "default", instructions: "You help.", ...over.spec },
  };
  const all = [agent, ...(over.others ?? []).map((spec) => ({ spaceId: "default", revision: 1, spec }))];
  const agents = {
    get: (_space: string, agentId: string) => all.find(({ spec }) => spec.id === agentId),
    list: () => all,
  };
  const events: TurnEvent[] = [];
  const feed = createLocalTurnFeed({ logger, metrics });
  const bus = createLocalBus({ logger, metrics, clock });
  const budgets = createBudgets({
    ...stores,
    unit,
    clock,
    metrics,
    rules: () => over.budgets ?? rulesOf(over),
  });
  const builtin = createBuiltinTools({ ...stores, random: () => 0.5, more: over.builtin ?? [] });
  const delegation: HandlerDeps = {
    ...{ ...stores, unit, agents, bus, clock, ids, logger, metrics },
    accept: (...call) => inbox.accept(...call),
    cancel: (...call) => supervisor.control.cancel(...call),
    limits: () => over.limits ?? { loopGuard: { max: 20, windowMinutes: 30 }, maxDepth: 4, maxHops: 12 },
  };
  const social = over.others === undefined ? [] : createDelegationTools(delegation);
  // Read ahead: it takes real time.
  const meaningOf = over.hasStorylines === true ? await loadMeaning() : undefined;
  const placing =
    meaningOf === undefined
      ? {}
      : { placer: createPlacer({ ...stores, ...over, logger, metrics, meaning: async () => meaningOf }) };
  const toolbox = createToolbox({
    sources: [
      { id: builtin.id, list: async (call) => [...(await builtin.list(call)), ...social] },
      { id: "test", list: async () => over.tools ?? [] },
    ],
    commandTools: [
      ...createCommandTools({ ...stores, ...placing, onChange: () => over.people?.changing() }),
      ...createDelegationCommandTools(delegation),
    ],
    logger,
    metrics,
    clock,
  });
  await toolbox.load(options);
  // Loaded with the first tool call otherwise, which takes real time.
  await import("ajv/dist/2020.js");
  const blobs = over.blobs ?? createMemoryBlobs({ clock });
  const supervisor = createSupervisor({
    ...stores,
    sessions: over.sessions?.(stores.sessions) ?? stores.sessions,
    unit,
    agents,
    router: routerOf(model, over),
    toolbox,
    approval: over.approval ?? createBlueprintPolicy(),
    modules: over.modules ?? [],
    ...(over.asksModel === undefined ? {} : { asksModel: over.asksModel }),
    ...(over.hooks === undefined ? {} : { hooks: over.hooks }),
    ...placing,
    feed,
    bus,
    clock,
    ids,
    logger,
    metrics,
    blobs,
    processId: id,
    random: () => 0.5,
    budgets,
    ...(over.recorder === undefined ? {} : { recorder: over.recorder }),
    ...(over.zoneOf === undefined ? {} : { tellTime: createTellTime(over.zoneOf) }),
    ...(over.onKept === undefined ? {} : { onKept: over.onKept }),
    settings: { ...AGENT_DEFAULTS, ...over.settings },
  });
  const inbox = createInbox({
    ...stores,
    unit,
    intake: supervisor.intake,
    control: supervisor.control,
    feed,
    agents,
    blobs,
    gates: [neverAnswerYourself(), notEmpty(), ...(over.gates ?? [])],
    ...(over.hooks === undefined ? {} : { hooks: over.hooks }),
    parseCommand: toolbox.parseCommand,
    budgets,
    outlay: (_agent, { peerId }, { at, model: name }) => ({
      microUsd: name === "small" ? 0 : (over.reservation?.microUsd ?? 0),
      budgets: budgets.of({ spaceId: "default", agentId: "ana", peerId }, at),
    }),
    deadlineMs: () => over.deadlineMs ?? 60_000,
    mayHandOff: mayReach,
    processId: id,
    clock,
    ids,
    logger,
    metrics,
  });
  const workers = createEffectWorkers({
    ...{ ...stores, unit, bus, clock, logger, metrics, processId: id, random: () => 0.5 },
    handlers: [...createDelegationHandlers(delegation), ...(over.effectHandlers ?? [])],
  });
  if (over.others !== undefined || over.effectHandlers !== undefined) workers.start(over.life ?? NEVER);
  const send = (text: string, more: Partial<InboundMessage> = {}): Promise<AcceptResult> =>
    inbox.accept(
      { ...inboundOf(text, clock.now()), watch: (event) => void events.push(event), ...more },
      OPERATOR,
      options,
    );
  return {
    supervisor,
    events,
    log: logger,
    agents,
    toolbox,
    bus,
    metrics,
    watched: () => feed.size,
    accept: (message, principal) => inbox.accept(message, principal, options),
    send,
    async say(text, more) {
      const result = await send(text, more);
      await clock.settle();
      if (result.kind !== "accepted") throw new Error(`not accepted: ${JSON.stringify(result)}`);
      return result;
    },
  };
}

function rulesOf({ reservation }: ProcessOptions): readonly BudgetRule[] {
  if (reservation === undefined) return [];
  return [
    {
      ...{ name: "daily", per: "space", only: undefined, monthlyMicroUsd: undefined },
      ...{ atLimit: "refuse", cheaperModel: undefined, dailyMicroUsd: reservation.limitMicroUsd },
    },
  ];
}

/** The process that came last renews its lease all the time; of those before it the lease ends as if they had slept since. */
function createLives({ unit, leases }: Stores, clock: ManualClock) {
  const endsAt = new Map<string, number>();
  return {
    async goOn(id: string): Promise<void> {
      const now = clock.now();
      for (const { id: other, leaseUntil } of await leases.list(options)) {
        const at = endsAt.get(other) ?? leaseUntil;
        if (other === id || leaseUntil <= Math.max(at, now)) continue;
        await unit.commit([at > now ? leases.renew(other, at - now) : leases.end(other)], options);
      }
      endsAt.set(id, now + LEASE_MS);
      await unit.commit([leases.renew(id, YEAR_MS)], options);
    },
  };
}

function gated(unit: UnitOfWork, beforeCommit: ProcessOptions["beforeCommit"]): UnitOfWork {
  if (beforeCommit === undefined) return unit;
  return {
    ...unit,
    ride: (writes) => unit.ride(writes),
    flush: (one) => unit.flush(one),
    async commit(writes, one): Promise<Committed> {
      await beforeCommit(writes);
      return unit.commit(writes, one);
    },
  };
}

function routerOf(model: ScriptedModel, { price, small, onAsk }: ProcessOptions): ModelRouter {
  const lists: Readonly<Record<string, ModelChoice | undefined>> = {
    default: { model, name: "scripted/model", price },
    small: small && { model: small, name: "scripted/small", price: undefined },
  };
  return {
    choices(name) {
      const choice = lists[name];
      if (choice !== undefined) return [choice];
      throw new TroupeError(`No model is configured under the name "${name}".`, { code: "model.unknown" });
    },
    async *stream([choice], request, { signal, deadlineAt, onModel }) {
      onAsk?.(deadlineAt);
      if (choice === undefined) throw new TypeError("A call without a choice.");
      onModel(choice);
      yield* choice.model.stream(request, { signal });
    },
  };
}

import type { Channel, MessageBus, ModelRouter, Module, Notices, QuietTimes, Tool } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import {
  type AskSmall,
  type Conditions,
  createConditions,
  createHeartbeats,
  createJobModule,
  createJobService,
  createReminderTool,
  createScheduler,
  type Heartbeats,
  type JobService,
  type Scheduler,
} from "../jobs/index.ts";
import { smallChoices } from "../kit/index.ts";
import { askOnce } from "../memory/index.ts";
import type { SwappableAgents } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import { composeQuiet } from "./compose-quiet.ts";
import { SPACE, type TurnParts } from "./compose-turns.ts";
import type { Config } from "./config/index.ts";
import { peerZone, zoneOf } from "./time-zone.ts";

const MINUTE_MS = 60_000;

/** Everything that schedules bring. */
export interface JobParts {
  readonly jobs: JobService;
  readonly scheduler: Scheduler;
  readonly heartbeats: Heartbeats;
  readonly conditions: Conditions;
  readonly quiet: QuietTimes;
  readonly jobModule: Module;
  /** Say what a run says without a model; no model is offered them. */
  readonly jobCommandTools: readonly Tool[];
}

/** Joins schedules; they are made before the turns that they begin, so the way in is asked for when it is needed. */
export function composeJobs(
  foundation: Foundation,
  parts: {
    readonly bus: MessageBus;
    readonly channels: readonly Channel[];
    readonly notices: Notices;
    readonly sweepMs: number;
    /** The configuration in force. */
    readonly config: () => Config;
    readonly agents: SwappableAgents;
    readonly router: ModelRouter;
    readonly turns: () => Pick<TurnParts, "inbox" | "supervisor" | "budgets">;
  },
): JobParts {
  const { stores, clock, ids } = foundation;
  const { bus, config, turns, sweepMs } = parts;
  const kind = SUBJECTS.jobDue;
  const quiet = composeQuiet(config, parts.agents);
  const onChange = (): void =>
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
  const common = {
    ...{ ...foundation, ...stores, notices: parts.notices, quiet, onChange },
    control: { cancel: (...call: CancelCall) => turns().supervisor.control.cancel(...call) },
  };
  const jobs = createJobService({
    ...common,
    maxPerOwner: () => config().jobs.maxPerOwner,
    zone: (peerId) => peerZone(config(), peerId),
    hasChannel: (id) => parts.channels.some((channel) => channel.id === id),
  });
  const scheduler = createScheduler({
    ...{ ...common, bus, sweepMs, inboxRows: stores.inbox },
    inbox: { accept: (...call) => turns().inbox.accept(...call) },
    runMs: () => config().jobs.maxRunMinutes * MINUTE_MS,
  });
  const askSmall = smallAsker(foundation, parts);
  const conditions = createConditions({ ...common, bus, askSmall, spaceId: SPACE });
  const onSettled = (): void => scheduler.nudge();
  const jobModule = createJobModule({ ...common, service: jobs, onSettled, askSmall, conditions });
  const heartbeats = createHeartbeats({ ...common, zone: () => zoneOf(config()) });
  const jobCommandTools = [createReminderTool()];
  return { jobs, scheduler, heartbeats, conditions, quiet, jobModule, jobCommandTools };
}

/** Asks the model `small`, or where there is none the agent's own, for the one whose conversation it is. */
function smallAsker(
  foundation: Foundation,
  {
    agents,
    router,
    turns,
  }: {
    readonly agents: SwappableAgents;
    readonly router: ModelRouter;
    readonly turns: () => Pick<TurnParts, "budgets">;
  },
): AskSmall {
  const { stores } = foundation;
  return async (request, { holder, turnId, sessionId, agentId }, { signal }) => {
    const session = await stores.sessions.get(sessionId, { signal });
    const agent = agents.get(SPACE, agentId);
    if (session === undefined || agent === undefined) return "";
    const { spaceId, peerId, ownerId } = session;
    const about = { spaceId, agentId, sessionId, turnId, peerId, ownerId, storylineId: undefined };
    const choices = smallChoices(router, agent.spec.model);
    const deps = { ...foundation, ...stores, router, budgets: turns().budgets };
    return askOnce(deps, { choices, request, holder, purpose: "decision", about, signal });
  };
}

type CancelCall = Parameters<TurnParts["supervisor"]["control"]["cancel"]>;

// Turns as the product runs them: tools, memory, modules, the supervisor, and the way in.
import type {
  AgentDirectory,
  BlobStore,
  Budgets,
  Clock,
  IdGenerator,
  Logger,
  MessageBus,
  ModelRouter,
  Module,
  Stores,
  Tool,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { AGENT_DEFAULTS, createSupervisor } from "../../server/src/agent/index.ts";
import { createUseCounter } from "../../server/src/app/memory-uses.ts";
import { createLocalTurnFeed } from "../../server/src/bus/index.ts";
import {
  createDelegationCommandTools,
  createDelegationTools,
  type HandlerDeps,
  mayReach,
} from "../../server/src/delegation/index.ts";
import { createInbox, neverAnswerYourself, notEmpty } from "../../server/src/inbox/index.ts";
import type { Metrics } from "../../server/src/kit/index.ts";
import { createMemoryModule, type createPlacer, learningOf } from "../../server/src/memory/index.ts";
import { joinModules } from "../../server/src/modules/index.ts";
import {
  type CommandToolDeps,
  createBlueprintPolicy,
  createBuiltinTools,
  createCommandTools,
  createToolbox,
} from "../../server/src/tools/index.ts";
import type { Meaning } from "./meaning.ts";

interface Common extends Omit<Stores, "agents"> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ids: IdGenerator;
  readonly random: () => number;
  readonly agents: AgentDirectory;
  readonly blobs: BlobStore;
  readonly processId: string;
  readonly spaceId: string;
  readonly bus: MessageBus;
  readonly router: ModelRouter;
  readonly budgets: Budgets;
}

export async function composeTurns(
  common: Common,
  placer: ReturnType<typeof createPlacer>,
  more: Pick<Meaning, "turnSearch" | "wideSearch"> & {
    readonly modules: readonly Module[];
    readonly commandTools: readonly Tool[];
  },
  linking: Pick<CommandToolDeps, "onChange" | "randomBytes">,
) {
  const { clock, logger, metrics } = common;
  const countUses = createUseCounter(common, DEFAULT_SPACE_ID);
  const feed = createLocalTurnFeed({ logger, metrics });
  const delegation: HandlerDeps = {
    ...common,
    accept: (...call) => inbox.accept(...call),
    cancel: (...call) => supervisor.control.cancel(...call),
    limits: () => ({ loopGuard: { max: 20, windowMinutes: 30 }, maxDepth: 4, maxHops: 12 }),
  };
  const builtin = createBuiltinTools({
    ...common,
    search: { ...common.search, ...more.wideSearch },
    more: createDelegationTools(delegation),
  });
  const joined = joinModules(more.modules, { add: () => {} });
  const toolbox = createToolbox({
    sources: [builtin, ...joined.toolSources],
    commandTools: [
      ...createCommandTools({ ...common, placer, ...linking }),
      ...createDelegationCommandTools(delegation),
      ...more.commandTools,
    ],
    ...{ logger, metrics, clock },
  });
  await toolbox.load({ signal: new AbortController().signal });
  const supervisor = createSupervisor({
    ...{ ...common, toolbox, feed, placer, learning: learningOf, approval: createBlueprintPolicy() },
    modules: [createMemoryModule({ ...common, search: more.turnSearch }), ...more.modules],
    onKept: ({ run }) => countUses(run.trace, run.inbound),
    // Soon, so that much of what is said goes through summaries.
    settings: { ...AGENT_DEFAULTS, summaryEveryTurns: 4 },
  });
  const inbox = createInbox({
    ...{ ...common, intake: supervisor.intake, control: supervisor.control, feed },
    gates: [neverAnswerYourself(), notEmpty()],
    parseCommand: toolbox.parseCommand,
    outlay: () => ({ microUsd: 0, budgets: [] }),
    deadlineMs: () => 60_000,
    mayHandOff: mayReach,
  });
  supervisor.start();
  const { control, sessions: sessionControl } = supervisor;
  return { inbox, delegation, control, sessionControl, feed, effects: joined.effectHandlers };
}

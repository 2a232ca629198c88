import type { CallOptions, MessageBus, TurnIntake } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createSharedIntake, type SharedIntake } from "../inbox/index.ts";
import { createWakeLoop } from "../kit/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";
import type { Config } from "./config/index.ts";
import { isShared } from "./open-store.ts";
import { dutiesOf, type Role } from "./roles.ts";
import { createRollCall, type ProcessFacts } from "./roll-call.ts";

/** What a process has to do with the others of its Troupe; nothing where it is the only one. */
export interface Processes {
  /** How the way in reaches the turns: those of this process, or of all. */
  intakeFor(local: TurnIntake): TurnIntake;
  start(signal: AbortSignal): void;
  /** No further messages are taken here. */
  close(): void;
  stop(withinMs: number): Promise<void>;
  /** This process changed the agents in the store. */
  tellAgents(): void;
  /** What the living processes say of themselves, this one included; those that do not answer in time are left out. */
  facts(options: CallOptions): Promise<readonly ProcessFacts[]>;
}

export interface ProcessesParts {
  readonly bus: MessageBus;
  readonly role: Role;
  readonly config: () => Config;
  /** Takes the agents that the store has by now. */
  readonly readAgents: (options: CallOptions) => Promise<void>;
  /** Something may be new to the search index. */
  readonly nudgeIndexer: () => void;
  readonly ownFacts: () => ProcessFacts;
}

/** Looked at so often without being told to. */
const AGENTS_EVERY_MS = 120_000;
const UPKEEP_EVERY_MS = 60_000;
/** The dead are shown for so long. */
const KEEP_DEAD_MS = 10 * 60_000;
const RETRY_MS = 2_000;

export function composeProcesses(foundation: Foundation, parts: ProcessesParts): Processes {
  if (!isShared(parts.config())) return alone(parts);
  const { stores, clock, logger, ids, processId } = foundation;
  const { bus, role, config } = parts;
  const duties = dutiesOf(role);
  const rollCall = createRollCall({ bus, clock, ids, processId, own: parts.ownFacts });
  const common = { clock, logger, retryMs: RETRY_MS };
  const agents = createWakeLoop({
    ...common,
    name: "agents",
    round: async (signal) => {
      await parts.readAgents({ signal });
      return AGENTS_EVERY_MS;
    },
  });
  const upkeep = createWakeLoop({
    ...common,
    name: "processes",
    round: async (signal) => {
      await stores.unit.commit([stores.leases.endDead(KEEP_DEAD_MS)], { signal });
      return UPKEEP_EVERY_MS;
    },
  });
  let shared: SharedIntake | undefined;
  let heard: DisposableStack | undefined;

  return {
    intakeFor(local) {
      shared = createSharedIntake({
        ...{ bus, clock, ids, logger, processId, spaceId: SPACE },
        ...{ turns: stores.turns, sessions: stores.sessions },
        local: duties.runsTurns ? local : undefined,
        maxWaiting: () => config().limits.maxQueuedTurns,
      });
      return shared.intake;
    },
    start(signal) {
      shared?.start();
      heard = new DisposableStack();
      heard.use(rollCall);
      const wakeAgents = ({ payload }: { readonly payload: Readonly<Record<string, unknown>> }): void => {
        if (payload.from !== processId) agents.wake();
      };
      heard.use(bus.subscribe(SUBJECTS.configChanged, wakeAgents));
      heard.use(bus.subscribe(SUBJECTS.busBack, wakeAgents));
      agents.start(signal);
      if (!duties.worksBehind) return;
      upkeep.start(signal);
      heard.use(bus.subscribe(SUBJECTS.sessionChanged, parts.nudgeIndexer));
    },
    close: () => shared?.stop(),
    async stop(withinMs) {
      heard?.[Symbol.dispose]();
      await Promise.all([agents.stop(withinMs), upkeep.stop(withinMs)]);
    },
    tellAgents() {
      const kind = SUBJECTS.configChanged;
      bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: { from: processId } });
    },
    facts: (options) => rollCall.ask(options),
  };
}

function alone({ ownFacts }: ProcessesParts): Processes {
  return {
    intakeFor: (local) => local,
    start: () => undefined,
    close: () => undefined,
    stop: async () => undefined,
    tellAgents: () => undefined,
    facts: async () => [ownFacts()],
  };
}

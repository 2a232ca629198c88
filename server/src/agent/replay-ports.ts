import type {
  Budgets,
  Committed,
  Logger,
  MessageBus,
  OutboxStore,
  Storyline,
  TurnStep,
  TurnStore,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { AgentDeps } from "./deps.ts";
import type { SessionViews } from "./session-views.ts";

/** Stands for every write: a replay keeps nothing. */
const NOTHING: Write<never> = {};
const nothing = (): Write<never> => NOTHING;

const unit: UnitOfWork = {
  commit: async (): Promise<Committed> => ({ read: () => ({ lastSeq: 0, created: false }) as never }),
  ride: () => undefined,
  flush: async () => undefined,
};

export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};

const bus: MessageBus = {
  publish: () => undefined,
  subscribe: () => NO_MATTER,
  request: () => Promise.reject(new TroupeError("A replay asks nobody.", { code: "bus.no_responder" })),
  respond: () => NO_MATTER,
  room: () => Promise.resolve(),
};
const NO_MATTER: Disposable = { [Symbol.dispose]: () => undefined };

/** No budget pays for a replay: what a model was paid is on the tape. */
const budgets: Budgets = { of: () => [], atLimit: async () => ({ kind: "retry" }) };

function turnsOf(journal: readonly TurnStep[]): TurnStore {
  return {
    ...{ open: nothing, join: nothing, claim: nothing, reclaim: nothing, reserve: nothing, journal: nothing },
    ...{ finish: nothing, recount: nothing, markMessages: nothing, cancelQueued: nothing, note: nothing },
    requestCancel: nothing,
    steps: async () => journal,
    get: async () => undefined,
    inbound: async () => [],
    list: async () => ({ items: [] }),
    nextDue: async () => undefined,
    countQueued: async () => 0,
    outlook: async () => ({ isDue: false, nextDueAt: undefined, cancelled: [] }),
  };
}

/** Ports over which a turn runs without changing anything, and without reading what is kept by now. */
export function replayPorts(parts: {
  readonly journal: readonly TurnStep[];
  /** Asked for when the prompt needs the storyline's summary. */
  readonly storyline: () => Storyline;
}): Pick<AgentDeps, PortName> {
  const outbox: Pick<OutboxStore, "put"> = { put: nothing };
  return {
    ...{ unit, bus, budgets, outbox, logger: SILENT },
    sessions: {
      ...{ take: nothing, append: nothing, remove: nothing },
      history: async () => [],
      get: async () => undefined,
      handoff: async () => undefined,
    },
    // Bytes of files are not on a tape, and its model needs none.
    blobs: { get: async () => undefined },
    storylines: {
      open: nothing,
      touch: nothing,
      placeTurn: nothing,
      ofSession: async () => parts.storyline(),
      get: async () => parts.storyline(),
      placedIn: async () => [],
      compactions: async () => [],
      turnsOf: async () => [],
    },
    turns: turnsOf(parts.journal),
    inbox: { end: nothing, ofTurn: async () => [] },
    effects: { put: nothing },
    moduleInstances: { open: async () => [], add: nothing, update: nothing, archive: nothing },
    agentDeliveries: { stop: nothing },
    ledger: { reserve: nothing, release: nothing, record: nothing, callsOfTurn: async () => [] },
  };
}

type PortName =
  | ("unit" | "sessions" | "blobs" | "storylines" | "turns" | "inbox" | "outbox" | "effects" | "ledger")
  | ("budgets" | "bus" | "logger" | "agentDeliveries" | "moduleInstances");

/** One session whose view is given, and that nobody else uses. */
export function singleView(load: SessionViews["load"]): SessionViews {
  return {
    load,
    append: () => undefined,
    peek: () => undefined,
    forget: () => undefined,
    forgetAll: () => undefined,
    doubtAll: () => undefined,
    stats: { sessions: 1, bytes: 0 },
  };
}

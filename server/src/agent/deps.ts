import type {
  AgentDeliveryStore,
  AgentDirectory,
  AgentSpec,
  ApprovalPolicy,
  BlobStore,
  Budgets,
  Clock,
  EffectStore,
  Hooks,
  IdGenerator,
  InboxStore,
  Ledger,
  Logger,
  Message,
  MessageBus,
  ModelRouter,
  Module,
  ModuleInstanceStore,
  NewEffect,
  OutboxStore,
  Placer,
  SessionStore,
  StorylineStore,
  Toolbox,
  TraceEntry,
  Trigger,
  TurnError,
  TurnFeed,
  TurnState,
  TurnStore,
  UnitOfWork,
} from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { TellTime } from "./present-time.ts";
import type { TapeRecorder } from "./tape.ts";

/** What running turns needs. Everything is a port; `app` joins them. */
export interface AgentDeps {
  readonly unit: UnitOfWork;
  readonly sessions: Pick<SessionStore, "take" | "append" | "history" | "get" | "remove" | "handoff">;
  readonly blobs: Pick<BlobStore, "get">;
  readonly storylines: Pick<
    StorylineStore,
    "open" | "ofSession" | "get" | "touch" | "placeTurn" | "placedIn" | "compactions" | "turnsOf"
  >;
  readonly turns: TurnStore;
  readonly inbox: Pick<InboxStore, "end" | "ofTurn">;
  readonly outbox: Pick<OutboxStore, "put">;
  readonly effects: Pick<EffectStore, "put">;
  readonly agentDeliveries: Pick<AgentDeliveryStore, "stop">;
  readonly ledger: Pick<Ledger, "reserve" | "release" | "record" | "callsOfTurn">;
  readonly budgets: Budgets;
  readonly agents: AgentDirectory;
  readonly router: ModelRouter;
  readonly toolbox: Toolbox;
  readonly approval: ApprovalPolicy;
  readonly modules: readonly Module[];
  readonly moduleInstances: Pick<ModuleInstanceStore, "open" | "add" | "update" | "archive">;
  /** Whether a model is asked where the rules of this module are unsure. Absent: never. */
  readonly asksModel?: (moduleId: string) => boolean;
  /** Absent: every turn belongs to the storyline that its session began with. */
  readonly placer?: Pick<Placer, "place" | "ended">;
  /** Absent: nobody listens. */
  readonly hooks?: Hooks;
  readonly feed: TurnFeed;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly processId: string;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  readonly settings: AgentSettings;
  /** Absent: no turn is recorded. */
  readonly recorder?: TapeRecorder;
  /** Absent: prompts say nothing of the time. */
  readonly tellTime?: TellTime;
  /**
   * Work after the reply that an answered turn of a kept conversation makes; arithmetic alone, for the turn waits. Absent:
   * none.
   */
  readonly learning?: (turn: LearningTurn) => LearningDraft | undefined;
  /** Called after each finishing commit. */
  readonly onKept?: (ended: KeptTurn) => void;
}

export interface LearningDraft extends Pick<NewEffect, "kind" | "v" | "payload"> {
  /** So long after the end of the turn it begins, milliseconds. */
  readonly delayMs?: number;
}

export interface LearningTurn {
  readonly agent: AgentSpec;
  readonly trigger: Trigger;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly inbound: readonly Message[];
}

/** A turn whose end is kept. */
export interface KeptTurn {
  readonly state: TurnState;
  readonly error: TurnError | undefined;
  readonly run: { readonly trace: readonly TraceEntry[]; readonly inbound: readonly Message[] };
}

export interface AgentSettings {
  /** Turns that may run at once, by lane. */
  readonly concurrency: { readonly realtime: number; readonly background: number; readonly heavy: number };
  /** Turns that may wait in this process before new messages are refused. */
  readonly maxWaiting: number;
  /** Attempts after which a turn is given up. */
  readonly maxAttempts: number;
  /** Model calls in one turn, unless the agent says otherwise. */
  readonly maxSteps: number;
  /** Tool calls of one step that run at once. */
  readonly toolParallelism: number;
  /** Longest wait for enrichment before the model is asked without it. */
  readonly gatherMs: number;
  /** Longest wait for a model that is asked what modules are unsure of. */
  readonly unsureMs: number;
  /** A storyline's summary is refreshed after so many turns. */
  readonly summaryEveryTurns: number;
  /** Most tokens of a storyline that prompts show as it was said; before that it is shortened behind a reply. */
  readonly historyTokens: number;
  /** How often the store is swept for turns that no doorbell told of. */
  readonly sweepMs: number;
  readonly viewCacheBytes: number;
}

export const AGENT_DEFAULTS: AgentSettings = {
  concurrency: { realtime: 2_000, background: 16, heavy: 2 },
  maxWaiting: 10_000,
  maxAttempts: 5,
  maxSteps: 8,
  toolParallelism: 4,
  gatherMs: 250,
  unsureMs: 3_000,
  summaryEveryTurns: 20,
  historyTokens: 48_000,
  sweepMs: 5_000,
  viewCacheBytes: 64 * 1024 * 1024,
};

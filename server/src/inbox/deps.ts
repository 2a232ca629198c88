import type {
  Agent,
  AgentDirectory,
  AppliedBudget,
  BlobStore,
  Budgets,
  Clock,
  DirectCall,
  Gate,
  Hooks,
  IdGenerator,
  InboundMessage,
  InboxStore,
  Ledger,
  Logger,
  SessionStore,
  TurnControl,
  TurnFeed,
  TurnIntake,
  TurnStore,
  UnitOfWork,
} from "@troupe/contracts";
import type { Counter, Metrics } from "../kit/index.ts";
import type { Bursts } from "./bursts.ts";
import type { Handed } from "./handed.ts";

/** What a message may cost at most before its turn asks for more, and the budgets that pay for it. */
export interface Outlay {
  readonly microUsd: number;
  readonly budgets: readonly AppliedBudget[];
}

/** `at`: UTC milliseconds at which the message is accepted. `model`: in place of the agent's. */
export interface OutlayAsked {
  readonly at: number;
  readonly sessionId: string;
  readonly model?: string;
}

export interface InboxDeps {
  readonly unit: UnitOfWork;
  readonly sessions: Pick<SessionStore, "touch" | "append" | "get">;
  readonly blobs: Pick<BlobStore, "renew">;
  readonly turns: Pick<TurnStore, "open" | "join" | "get">;
  readonly inbox: Pick<InboxStore, "accept" | "refuse" | "find">;
  readonly ledger: Pick<Ledger, "reserve">;
  readonly intake: TurnIntake;
  readonly control: Pick<TurnControl, "cancel">;
  readonly feed: TurnFeed;
  readonly agents: AgentDirectory;
  /** Asked in order; the first that does not allow decides. */
  readonly gates: readonly Gate[];
  /** Asked behind the gates. Absent: nobody listens. */
  readonly hooks?: Pick<Hooks, "has" | "gateMessage">;
  readonly outlay: (agent: Agent, message: InboundMessage, about: OutlayAsked) => Outlay;
  readonly budgets: Pick<Budgets, "atLimit">;
  readonly deadlineMs: (agent: Agent) => number;
  /** Whether a conversation of one agent may be answered by the other. Absent: none is. */
  readonly mayHandOff?: (own: Agent, other: Agent) => boolean;
  /** The call that a typed command means; undefined for every other text. */
  readonly parseCommand: (text: string) => DirectCall | undefined;
  /** Called once the store keeps an accepted message, for the doorbell of its session. Must not throw. */
  readonly onKept?: (kept: { readonly sessionId: string; readonly turnId: string }) => void;
  readonly processId: string;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The way in with what it counts and collects. */
export interface Way {
  readonly deps: InboxDeps;
  readonly bursts: Bursts;
  readonly handed: Handed;
  readonly outcomes: Counter;
}

import type {
  Agent,
  AgentDirectory,
  Clock,
  Gate,
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

/** What a message may cost at most before its turn asks for more, and what the day still allows. */
export interface Reservation {
  readonly microUsd: number;
  /** Undefined: no limit is configured. */
  readonly limitMicroUsd: number | undefined;
}

export interface InboxDeps {
  readonly unit: UnitOfWork;
  readonly sessions: Pick<SessionStore, "touch" | "append">;
  readonly turns: Pick<TurnStore, "open" | "join" | "get">;
  readonly inbox: Pick<InboxStore, "accept" | "refuse" | "find">;
  readonly ledger: Pick<Ledger, "reserve">;
  readonly intake: TurnIntake;
  readonly control: Pick<TurnControl, "cancel">;
  readonly feed: TurnFeed;
  readonly agents: AgentDirectory;
  /** Asked in order; the first that does not allow decides. */
  readonly gates: readonly Gate[];
  readonly reservation: (agent: Agent, message: InboundMessage) => Reservation;
  readonly deadlineMs: (agent: Agent) => number;
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
  readonly outcomes: Counter;
}

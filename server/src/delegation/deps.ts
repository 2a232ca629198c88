import type {
  AgentChannelStore,
  AgentDelivery,
  AgentDeliveryStore,
  AgentDirectory,
  Clock,
  EffectStore,
  IdGenerator,
  Inbox,
  InboxStore,
  Logger,
  MessageBus,
  SessionStore,
  StorylineStore,
  TurnControl,
  TurnStore,
  UnitOfWork,
} from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";

/** How far agents may go among themselves. */
export interface DelegationLimits {
  /** Activations of one pair of agents, in both directions, within the window. */
  readonly loopGuard: { readonly max: number; readonly windowMinutes: number };
  /** Delegations within one another. */
  readonly maxDepth: number;
  /** Turns of one chain. */
  readonly maxHops: number;
}

export interface DelegationDeps {
  readonly unit: UnitOfWork;
  readonly agentChannels: AgentChannelStore;
  readonly agentDeliveries: AgentDeliveryStore;
  readonly turns: Pick<TurnStore, "get" | "list">;
  readonly sessions: Pick<
    SessionStore,
    "get" | "messages" | "history" | "take" | "append" | "handOff" | "handBack"
  >;
  readonly storylines: Pick<StorylineStore, "ofSession">;
  readonly inbox: Pick<InboxStore, "ofTurn" | "find">;
  readonly effects: Pick<EffectStore, "put">;
  readonly agents: AgentDirectory;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Asked each time, since a reload may change what it answers. */
  readonly limits: () => DelegationLimits;
}

/** What handlers need beside: the way in and the way to stop. */
export interface HandlerDeps extends DelegationDeps {
  readonly accept: Inbox["accept"];
  readonly cancel: TurnControl["cancel"];
  /** Told of each message that was given up, once that is kept. */
  readonly onDead?: (delivery: AgentDelivery, reason: string) => void;
}

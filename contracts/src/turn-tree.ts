/** What caused a turn, and all that it caused: what `turn show` and `GET /api/turns/{id}` tell beside its own life. */
import type { AgentDeliveryState, AgentMessageKind } from "./agent-channel.ts";
import type { EffectState } from "./effect.ts";
import type { JobState } from "./job.ts";
import type { AgentCause, Trigger, TurnState } from "./turn.ts";

export interface TurnReference {
  readonly turnId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly trigger: Trigger;
  readonly state: TurnState;
  readonly costMicroUsd: number;
  /** UTC milliseconds. */
  readonly createdAt: number;
  readonly finishedAt?: number;
}

export interface TurnOrigin {
  /** Turns above it, the first of its chain first, as far as they are still there and whoever asks may see them. */
  readonly above: readonly TurnReference[];
  /** The agent that asked for it. */
  readonly from?: AgentCause;
  /** The schedule whose run it is; `title` is empty where that is gone, or somebody else's. */
  readonly job?: { readonly id: string; readonly runId: string; readonly title: string };
  /** `goal` is empty where the flow belongs to no conversation of whoever asks. */
  readonly flow?: { readonly id: string; readonly goal: string };
}

/** A message to an agent, and the turn that it became. */
export interface CausedMessage {
  readonly id: string;
  readonly channelId: string;
  readonly kind: AgentMessageKind;
  readonly to: string;
  readonly state: AgentDeliveryState;
  /** Its beginning, at most 200 characters. */
  readonly excerpt: string;
  /** Why it ended as it did, for people. */
  readonly reason?: string;
  readonly turnId?: string;
}

export interface TurnBranch {
  readonly messages: readonly CausedMessage[];
  readonly effects: readonly {
    readonly id: string;
    readonly kind: string;
    readonly state: EffectState;
    readonly error?: string;
  }[];
  readonly jobs: readonly { readonly id: string; readonly title: string; readonly state: JobState }[];
  /** Oldest first. */
  readonly turns: readonly (TurnReference & TurnBranch)[];
}

/** `isMore`: there are more turns below than are told of. */
export interface TurnTree extends TurnBranch {
  readonly isMore: boolean;
}

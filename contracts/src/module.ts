import type { Agent } from "./agent.ts";
import type { Message } from "./message.ts";
import type { CallOptions } from "./runtime.ts";
import type { SourceReference, Trigger } from "./turn.ts";

/** A turn as modules see it: what it is about and who will read its answer. */
export interface TurnView {
  readonly turnId: string;
  readonly spaceId: string;
  readonly agent: Agent;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly trigger: Trigger;
  readonly audience: readonly string[];
  readonly peerId: string;
  readonly inbound: readonly Message[];
  readonly language: string;
  /** Oldest `turnSeq` whose messages the prompt shows as they are; what lies before may be recalled. */
  readonly shownFromTurnSeq: number;
}

/** What a module adds to the prompt of one turn. */
export interface Contribution {
  /**
   * Shown to the model just before the newest message, and kept there in the history of later prompts, so that their
   * prefix stays the same. Of several lines the first is a heading; a line that the prompt still shows from an earlier turn
   * is left out. Empty: nothing to add.
   */
  readonly text: string;
  /** Short, for progress and trace: "2 memories". */
  readonly detail?: string;
  /** What the text shows of earlier messages and memories; kept with the turn. */
  readonly sources?: readonly SourceReference[];
}

/**
 * Adds context to turns. Gathering starts with the turn and is waited for within a bound only: enrichment fails open, a
 * late or failed module makes a shorter prompt. Modules never know each other.
 */
export interface Module {
  readonly id: string;
  /** Most tokens of its contribution; the assembler cuts what is over. */
  readonly budgetTokens: number;
  gather(turn: TurnView, options: CallOptions): Promise<Contribution>;
}

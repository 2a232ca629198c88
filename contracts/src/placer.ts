import type { Audience } from "./message.ts";
import type { CallOptions } from "./runtime.ts";

/** What a turn is placed by. */
export interface PlaceQuery {
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly peerId: string;
  /** Everyone who will read the answer: storylines that one of them may not know are no candidates. */
  readonly readers: Audience;
  readonly turnId: string;
  readonly turnSeq: number;
  /** Of the session's turn before it that ended; 0 for none. */
  readonly previousTurnSeq: number;
  readonly text: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** The storyline that the session began with; its title is empty in the session's first turn. */
  readonly home: { readonly id: string; readonly title: string };
  /** The turn says nothing of its own (a command, a job): it belongs where the last one did. */
  readonly isSilent: boolean;
  /** Which storyline a person chose: its number in the list, its id, or words of its title. */
  readonly chosen?: string | undefined;
  /** Turns that ended, oldest first, each with what was said in it; asked for where the session is not known any more. */
  readonly earlier: () => readonly PlacedText[];
}

export interface PlacedText {
  readonly turnSeq: number;
  readonly texts: readonly string[];
}

/** `begun` in this turn; `continued`; `resumed` after others; `chosen` by a person. */
export type PlacedHow = "begun" | "continued" | "resumed" | "chosen";

/** Where a turn may belong. */
export interface PlaceChoice {
  readonly id: string;
  readonly title: string;
  readonly how: PlacedHow;
  /** What was said of it elsewhere, for the model: a heading and lines. Empty where the conversation holds it itself. */
  readonly note: string;
  /** It began under another name of the one who reads, which a link joins: nothing of it, not its title, is kept under this one. */
  readonly isOfAnotherName?: true;
  /** Every name of the one who reads, where links join several: what one of them knows may be told of it. */
  readonly names?: Audience;
}

export interface Placement extends PlaceChoice {
  /** Others that the turn touches, at most two. */
  readonly sideIds: readonly string[];
  /** Where the arithmetic is unsure: all that it may be, by names to ask a model with; the placement itself is the way out. */
  readonly otherwise?: Readonly<Record<string, PlaceChoice>>;
}

/** An open storyline as a person sees it. */
export interface OpenStoryline {
  readonly id: string;
  readonly title: string;
  readonly isCurrent: boolean;
  /** It comes from another session of the same person. */
  readonly isElsewhere: boolean;
}

/** Finds the storyline of a turn: continue, resume another, or begin one. */
export interface Placer {
  /**
   * Resolves at once where the session is known; reads it otherwise. The same turn again gives the same. Rejects as the store
   * does; nothing changes then.
   */
  place(query: PlaceQuery, options: CallOptions): Placement | Promise<Placement>;
  /** The turn ended with this: what it said counts for the next ones. Without it the session is read anew. */
  ended(turn: {
    readonly sessionId: string;
    readonly turnSeq: number;
    readonly placement: PlaceChoice;
    readonly texts: readonly string[];
    readonly at: number;
  }): void;
  /** What is open for a session, the current one first; empty where the session is not known here. */
  open(sessionId: string): readonly OpenStoryline[];
  /** The one that a person means by its number in that list, its id, or words that no other title has. */
  find(sessionId: string, wish: string): OpenStoryline | undefined;
  forget(sessionId: string): void;
}

/** What agents keep in mind: records with two times, and what they rest on. */
import type { Audience } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { SourceReference } from "./turn.ts";

/**
 * `fact`: something that is or was so. `episode`: something that happened. `observation`: what the agent noticed by itself.
 * `reflection`: what it made of several others. `summary`: several others in short. `procedure`: how something is done.
 * `relationship`: what somebody is to somebody, or can be asked about. `lore`: what is so in a world. `document`: a piece of a file or page.
 */
export const MEMORY_KINDS = [
  "fact",
  "episode",
  "observation",
  "reflection",
  "summary",
  "procedure",
  "relationship",
  "lore",
  "document",
] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/** Where a record belongs: to its agent, to every agent of the space, or to one storyline or session of the agent. */
export type MemoryScope =
  | { readonly kind: "agent" | "space" }
  | { readonly kind: "storyline" | "session"; readonly id: string };

/** What a record felt like. */
export interface MemoryEmotion {
  /** -1 (bad) to 1 (good). */
  readonly valence: number;
  /** 0 to 1. */
  readonly intensity: number;
}

/** Small JSON: at most `MAX_ATTRIBUTE_BYTES`. */
export type MemoryAttributes = Readonly<Record<string, string | number | boolean>>;

export const MAX_ATTRIBUTE_BYTES: number = 4_096;

/**
 * Why a record counts no longer. `corrected`: a person said otherwise. `contradicted`: something newer says otherwise.
 * `merged`: another record says it too. `forgotten`: somebody asked for that. `undone`: it should not have been made.
 * `expired`: its time is over. `archived`: nobody asked for it any more.
 */
export type MemoryClosing =
  | "corrected"
  | "contradicted"
  | "merged"
  | "forgotten"
  | "undone"
  | "expired"
  | "archived";

/** A record as it is put. */
export interface NewMemory {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Who may be told. Of a record made from others it is what their audiences share. */
  readonly audience: Audience;
  readonly text: string;
  /** The turn that it comes from; of a piece of a document, the document. */
  readonly turnId: string;
  /** Since when it is known, UTC milliseconds. */
  readonly recordedAt: number;
  /** Default `fact`. */
  readonly kind?: MemoryKind;
  /** Default: the agent. */
  readonly scope?: MemoryScope;
  /** Default: none. */
  readonly attributes?: MemoryAttributes;
  /**
   * The one question that it answers, in a form of its own (`peer-1 name`): of several open records of an agent and audience
   * with one slot, at most one is true. Default: none.
   */
  readonly slot?: string;
  /** Since when, and until when, it was so: UTC milliseconds. Absent: nobody said. */
  readonly validFrom?: number;
  readonly validTo?: number;
  /** The messages and records that it was made from. Default: none. */
  readonly sources?: readonly SourceReference[];
  /** How much it matters, 0 to 1. Default 0.5. */
  readonly salience?: number;
  readonly emotion?: MemoryEmotion;
}

/** How a record ended. */
export interface ClosedMemory {
  /** Until when it was believed, UTC milliseconds. */
  readonly at: number;
  readonly reason: MemoryClosing;
  /** The record that took its place. */
  readonly successorId?: string;
}

/**
 * Something that an agent keeps in mind. It has two times: since and until when it was so (`validFrom`, `validTo`), and since
 * and until when that was believed (`recordedAt`, `closed.at`). Its words never change: what turns out to be otherwise closes it
 * and names its successor. A closed record is neither searched nor listed with the open ones, and stays for `why`.
 */
export interface MemoryRecord extends NewMemory {
  readonly kind: MemoryKind;
  readonly scope: MemoryScope;
  readonly attributes: MemoryAttributes;
  /** Those of the record and of everything that proved it. */
  readonly sources: readonly SourceReference[];
  readonly salience: number;
  /** How many turns told it, from 1. */
  readonly proofCount: number;
  /** How often it was shown to a model or a person, and when last. */
  readonly uses: number;
  readonly lastUsedAt?: number;
  /** Since when it is held fast, for it helped again and again: it fades no more. UTC milliseconds. */
  readonly promotedAt?: number;
  /** Absent: it is open. */
  readonly closed?: ClosedMemory;
}

/** Told again: another turn that says what a record says. */
export interface MemoryProof {
  readonly spaceId: string;
  readonly memoryId: string;
  readonly turnId: string;
  readonly sources: readonly SourceReference[];
  /** UTC milliseconds. */
  readonly at: number;
}

export interface MemoryClose extends ClosedMemory {
  readonly spaceId: string;
  readonly id: string;
  /** Guard `store.conflict`: it is open. Default: what is closed already, or unknown, stays as it is. */
  readonly mustBeOpen?: boolean;
}

export interface MemoryQuery extends PageQuery {
  readonly spaceId: string;
  /** Records of this agent, and those that belong to the whole space. Absent: of all. */
  readonly agentId?: string;
  /** Only what all of them know. Undefined is for an operator, who sees what everybody knows. */
  readonly readers: Audience | undefined;
  /** Default: all but pieces of documents. */
  readonly kinds?: readonly MemoryKind[];
  /** Default `open`. */
  readonly state?: "open" | "closed" | "all";
  /** Only open ones of this agent itself that are held fast, of any kind unless `kinds` says which; `state` means nothing. */
  readonly heldFastOf?: string;
}

/** What something new is compared with. */
export interface MemoryLikeness {
  readonly spaceId: string;
  readonly agentId: string;
  readonly text: string;
  readonly slot?: string;
  /** Its own are found first, however many others were told the same. */
  readonly audience?: Audience;
}

/** How many records of one kind of an agent there are. */
export interface MemoryCount {
  readonly agentId: string;
  readonly kind: MemoryKind;
  readonly open: number;
  readonly closed: number;
}

export interface MemoryStore {
  /** Keeps a record and makes it searchable in the same commit. The same id twice is one record, however it ended since. */
  put(memory: NewMemory): Write;
  /** Counts a turn that told an open record again, and adds its sources. The same turn counts once. */
  prove(proof: MemoryProof): Write;
  /** Takes a record out of search and lists in the same commit. */
  close(closing: MemoryClose): Write;
  /** Guard `store.conflict`: the record, as it was read, is closed still. Opens it again and makes it searchable. */
  reopen(memory: MemoryRecord): Write;
  /** Counts that these were shown; unknown and closed ones are passed over. */
  use(of: { readonly spaceId: string; readonly ids: readonly string[]; readonly at: number }): Write;
  /** Deletes a record, open or closed, with its proofs and index entries. */
  erase(spaceId: string, id: string): Write;
  /** Keeps a record as it was, open or closed, in place of the one with its id; its proofs become its own sources. */
  restore(memory: MemoryRecord): Write;
  /** Those of these ids that all of `readers` know (undefined: an operator), open ones alone unless asked; in no order. */
  find(
    query: {
      readonly spaceId: string;
      readonly readers: Audience | undefined;
      readonly ids: readonly string[];
      readonly includeClosed?: boolean;
    },
    options: CallOptions,
  ): Promise<readonly MemoryRecord[]>;
  /** Newest first. */
  list(query: MemoryQuery, options: CallOptions): Promise<Page<MemoryRecord>>;
  /** The records that this one took the place of. */
  replacedBy(
    of: { readonly spaceId: string; readonly id: string },
    options: CallOptions,
  ): Promise<readonly MemoryRecord[]>;
  /**
   * Open records of the agent that may say the same, whoever knows them, those of the asked audience first, newest first: with the same slot, the
   * same words, or at least four words of five, and some that have less in common. Of many that are alike the newest few, and the newest few
   * of that audience. At most fifty.
   */
  alike(query: MemoryLikeness, options: CallOptions): Promise<readonly MemoryRecord[]>;
  counts(
    query: { readonly spaceId: string; readonly agentId?: string },
    options: CallOptions,
  ): Promise<readonly MemoryCount[]>;
}

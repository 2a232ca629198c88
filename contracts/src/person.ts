/** Who is the same human on several channels: links between peers, each with its proof. */
import type { Message } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** `code`: a code told to one peer was typed by the other. `operator`: an operator says so. */
export type LinkProof = "code" | "operator";

/** Two peers that are one human, by the names that audiences have for them. Persons are what links join. */
export interface PersonLink {
  readonly id: string;
  readonly spaceId: string;
  /** Sorted. */
  readonly names: readonly [string, string];
  readonly proof: LinkProof;
  /** UTC milliseconds. */
  readonly linkedAt: number;
  /** Absent: it holds. */
  readonly endedAt?: number;
}

/** A code that was told to a peer and may be typed by another one, once. The code itself is not kept. */
export interface LinkOffer {
  readonly spaceId: string;
  /** Whom it was told, as audiences call them. */
  readonly name: string;
  /** SHA-256 of the code, hex. The code is short, so it is worth something for minutes only. */
  readonly codeHash: string;
  /** UTC milliseconds; it is refused from then on. */
  readonly until: number;
}

/** How a channel shows one of its peers to people. */
export interface PeerProfile {
  readonly spaceId: string;
  /** As audiences call them. */
  readonly name: string;
  readonly shownName: string;
  /** Since when it shows them so, UTC milliseconds. */
  readonly since: number;
}

/** How much a peer and an agent have talked where nobody else reads. Sums of what conversations count anyway. */
export interface Acquaintance {
  readonly name: string;
  readonly agentId: string;
  readonly sessions: number;
  /** Of both. */
  readonly messages: number;
  /** UTC milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What a peer said where several people read. */
export interface SpokenCount {
  readonly name: string;
  readonly sessionId: string;
  readonly messages: number;
  /** UTC milliseconds. */
  readonly lastAt: number;
}

export interface PersonStore {
  /** A channel shows a peer so from now on; what it shows already changes nothing. */
  shown(profile: Omit<PeerProfile, "since"> & { readonly at: number }): Write;
  /** Those of these names that a channel has shown, in no order. */
  profiles(
    query: { readonly spaceId: string; readonly names: readonly string[] },
    options: CallOptions,
  ): Promise<readonly PeerProfile[]>;
  /** Of each agent that has talked with one of these names in private, in no order. */
  acquaintances(
    query: { readonly spaceId: string; readonly names: readonly string[]; readonly agentId?: string },
    options: CallOptions,
  ): Promise<readonly Acquaintance[]>;
  /** In which conversations of several people these names spoke, the latest first, at most 200. */
  spoken(
    query: { readonly spaceId: string; readonly names: readonly string[] },
    options: CallOptions,
  ): Promise<readonly SpokenCount[]>;
  /** What a name wrote where several people read, oldest first, with what branches hold of it. */
  written(
    query: PageQuery & { readonly spaceId: string; readonly name: string },
    options: CallOptions,
  ): Promise<Page<Message>>;
  /** Every name that talks with an agent or that a channel has shown, groups too, in the order of names. */
  names(query: PageQuery & { readonly spaceId: string }, options: CallOptions): Promise<Page<string>>;
  /** A peer has one offer: a newer one takes its place. Deletes those of the space that ended before `at`. */
  offer(offer: LinkOffer & { readonly at: number }): Write;
  /** The offer that this code is of, unless it ended at `at`. */
  offered(
    query: { readonly spaceId: string; readonly codeHash: string; readonly at: number },
    options: CallOptions,
  ): Promise<LinkOffer | undefined>;
  /**
   * Links whoever was told the code with `name`, and uses the code up. Does nothing for a code that is unknown, used or late, and
   * for a peer's own; whoever must know asks `offered` first.
   */
  redeem(how: {
    readonly spaceId: string;
    readonly codeHash: string;
    readonly name: string;
    readonly linkId: string;
    readonly at: number;
  }): Write;
  /** Keeps a link. The same id twice is one. */
  link(link: Omit<PersonLink, "endedAt">): Write;
  /** Ends a link by its id, or all of a peer by its name; nothing is shared over it from then on. It stays to be read. */
  unlink(which: { readonly spaceId: string; readonly of: string; readonly at: number }): Write;
  /** Links that hold, newest first, at most so many. */
  open(spaceId: string, limit: number, options: CallOptions): Promise<readonly PersonLink[]>;
  /** Newest first, ended ones too; with `name` those of one peer. */
  list(
    query: PageQuery & { readonly spaceId: string; readonly name?: string | undefined },
    options: CallOptions,
  ): Promise<Page<PersonLink>>;
}

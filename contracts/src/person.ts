/** Who is the same human on several channels: links between peers, each with its proof. */
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

export interface PersonStore {
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

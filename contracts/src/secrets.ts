/** Secrets as they are kept: sealed. Whoever reads the database alone reads none of them. */
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";

/** The owner of secrets that belong to the space itself; others are ids of people or principals. */
export const SPACE_OWNER = "";

/** Names a secret. */
export interface SecretKey {
  readonly spaceId: string;
  readonly owner: string;
  readonly name: string;
}

/** A sealed secret. Bytes are base64url. */
export interface SecretRow extends SecretKey {
  /** Rises by one with each change, from 1; part of what the seal covers. */
  readonly version: number;
  /** The data key that it is sealed with. */
  readonly keyVersion: number;
  /** 96 random bits, never used twice with one key. */
  readonly nonce: string;
  /** AES-256-GCM: ciphertext, then the 128 bits of its tag. */
  readonly sealed: string;
  /** Tells equal values of a space apart from others, and nothing to those without its data key. */
  readonly fingerprint: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The key of a space's secrets, itself sealed with the master key, which no store ever holds. Bytes are base64url. */
export interface DataKeyRow {
  readonly spaceId: string;
  /** From 1; the highest one seals, the others open what they sealed. */
  readonly version: number;
  /** Which master key opens it. */
  readonly masterKeyId: string;
  readonly nonce: string;
  readonly sealed: string;
  readonly createdAt: number;
}

/** Rows alone: sealing and opening happen above it, so that every adapter is equally blind. */
export interface SecretStore {
  /**
   * Guard `store.conflict`: what is kept has not the version before `row.version` (none at all for version 1), or there is
   * no data key of `row.keyVersion`.
   */
  put(row: SecretRow): Write;
  /** Guard `store.conflict`: there is none. */
  remove(secret: SecretKey): Write;
  get(secret: SecretKey, options: CallOptions): Promise<SecretRow | undefined>;
  /** All of the space, by owner and name. They are as many as a person typed in, so there are no pages. */
  list(spaceId: string, options: CallOptions): Promise<readonly SecretRow[]>;
  /** Guard `store.conflict`: the space has a data key of this version already. */
  putKey(key: DataKeyRow): Write;
  /** Seals a data key anew. Guard `store.conflict`: it is sealed with another master key than `from`. */
  rewrapKey(key: DataKeyRow, from: string): Write;
  /** Guard `store.conflict`: there is none, or a secret is still sealed with it. */
  removeKey(key: { readonly spaceId: string; readonly version: number }): Write;
  /** The data keys of every space, by space and version. */
  keys(options: CallOptions): Promise<readonly DataKeyRow[]>;
}

/** What a space sends out waits for a person. */
export interface Hold {
  readonly spaceId: string;
  /** One sentence: why. */
  readonly reason: string;
  /** UTC milliseconds. Rows made before it may have been sent by another copy of this home. */
  readonly since: number;
}

/**
 * Whether a space's outbox is held. While it is, `OutboxStore.claim` gives none of its rows and `nextDue` names none, so no
 * relay of any process can send one. Source: design §7, a restored home.
 */
export interface HoldStore {
  /** One that is there stays as it is. */
  place(hold: Hold): Write;
  /** Guard `store.conflict`: nothing is held. */
  lift(spaceId: string): Write;
  get(spaceId: string, options: CallOptions): Promise<Hold | undefined>;
}

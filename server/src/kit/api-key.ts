import { hash, randomBytes } from "node:crypto";
import type { Clock, IdGenerator, KeyRecord } from "@troupe/contracts";

/** 256 random bits: nothing to guess, so a plain hash of it may be kept. */
const KEY_BYTES = 32;
const HINT_CHARACTERS = 8;

export interface NewApiKey {
  readonly record: KeyRecord;
  /** The key itself. It is told once and kept nowhere. */
  readonly key: string;
}

/** A new key and what is kept of it. */
export function makeApiKey(
  deps: { readonly clock: Clock; readonly ids: IdGenerator },
  what: Pick<KeyRecord, "spaceId" | "name" | "kind">,
): NewApiKey {
  const key = `trp_${randomBytes(KEY_BYTES).toString("base64url")}`;
  const record = {
    ...{ id: deps.ids.next(), ...what, hash: hashApiKey(key), hint: key.slice(0, HINT_CHARACTERS) },
    ...{ createdAt: deps.clock.now(), revokedAt: undefined },
  };
  return { key, record };
}

/** SHA-256 of a key, hex: what the store keeps instead of it. */
export function hashApiKey(key: string): string {
  return hash("sha256", key, "hex");
}

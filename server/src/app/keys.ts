import { createHash, randomBytes } from "node:crypto";
import type { CallOptions, Clock, IdGenerator, KeyRecord, Stores } from "@troupe/contracts";

/** 256 random bits: nothing to guess, so a plain hash of it may be kept. */
const KEY_BYTES = 32;
const HINT_CHARACTERS = 8;

export interface NewKey {
  readonly record: KeyRecord;
  /** The key itself. It is told once and kept nowhere. */
  readonly key: string;
}

export function makeKey(
  deps: { readonly clock: Clock; readonly ids: IdGenerator },
  what: { readonly spaceId: string; readonly name: string; readonly kind: KeyRecord["kind"] },
): NewKey {
  const key = `trp_${randomBytes(KEY_BYTES).toString("base64url")}`;
  const hash = createHash("sha256").update(key).digest("hex");
  const hint = key.slice(0, HINT_CHARACTERS);
  return {
    key,
    record: { id: deps.ids.next(), ...what, hash, hint, createdAt: deps.clock.now(), revokedAt: undefined },
  };
}

/** Makes the operator's key where there has never been any key; undefined else. */
export async function makeFirstKey(
  deps: { readonly stores: Pick<Stores, "unit" | "keys">; readonly clock: Clock; readonly ids: IdGenerator },
  spaceId: string,
  options: CallOptions,
): Promise<NewKey | undefined> {
  const existing = await deps.stores.keys.list(spaceId, options);
  if (existing.length > 0) return undefined;
  const made = makeKey(deps, { spaceId, name: "operator", kind: "operator" });
  await deps.stores.unit.commit([deps.stores.keys.put(made.record)], options);
  return made;
}

import { hash } from "node:crypto";
import type { CallOptions, Clock, KeyRecord, KeyStore } from "@troupe/contracts";

/** Finds the record of a key, without asking the store each time. */
export interface KeyRing {
  /** Undefined for an unknown or revoked key. Answers at once when it knows; the key itself is never kept. */
  find(key: string, options: CallOptions): KeyRecord | undefined | Promise<KeyRecord | undefined>;
  /** Forgets all it knows: a key was made or revoked here. */
  clear(): void;
}

const MOST_KNOWN = 1_024;
/** Unknown keys cost a look at the store, so they are remembered too, apart: guessing must not push out real keys. */
const MOST_UNKNOWN = 1_024;
/** Another process may revoke a key; this is how long it may still be taken here. */
const KNOWN_FOR_MS = 30_000;
const UNKNOWN_FOR_MS = 5_000;
const LONGEST_KEY = 256;

interface Remembered {
  readonly record: KeyRecord | undefined;
  readonly untilMs: number;
}

/** SHA-256 of a key, hex: what the store keeps instead of it. */
export function hashKey(key: string): string {
  return hash("sha256", key, "hex");
}

export function createKeyRing(deps: {
  readonly keys: Pick<KeyStore, "findByHash">;
  readonly clock: Clock;
}): KeyRing {
  const known = new Map<string, Remembered>();
  const unknown = new Map<string, Remembered>();
  const asking = new Map<string, Promise<KeyRecord | undefined>>();
  // Rises with each clear, so that an answer that was under way at that time is not remembered.
  let generation = 0;

  const ask = async (digest: string, options: CallOptions): Promise<KeyRecord | undefined> => {
    const asked = generation;
    try {
      const found = await deps.keys.findByHash(digest, options);
      const record = found?.revokedAt === undefined ? found : undefined;
      if (asked === generation) {
        const now = deps.clock.monotonicMs();
        if (record === undefined)
          remember(unknown, MOST_UNKNOWN, digest, { record, untilMs: now + UNKNOWN_FOR_MS });
        else remember(known, MOST_KNOWN, digest, { record, untilMs: now + KNOWN_FOR_MS });
      }
      return record;
    } finally {
      if (asked === generation) asking.delete(digest);
    }
  };

  return {
    find(key, options) {
      if (key.length > LONGEST_KEY) return undefined;
      // Looking up a digest takes the same time whatever the key: there is nothing to learn by timing.
      const digest = hashKey(key);
      const now = deps.clock.monotonicMs();
      const hit = recall(known, digest, now) ?? recall(unknown, digest, now);
      if (hit !== undefined) return hit.record;
      let answer = asking.get(digest);
      if (answer === undefined) {
        answer = ask(digest, options);
        asking.set(digest, answer);
      }
      return answer;
    },
    clear() {
      generation += 1;
      known.clear();
      unknown.clear();
      asking.clear();
    },
  };
}

function recall(memory: Map<string, Remembered>, digest: string, now: number): Remembered | undefined {
  const hit = memory.get(digest);
  if (hit === undefined) return undefined;
  memory.delete(digest);
  if (hit.untilMs <= now) return undefined;
  // Put back at the end: the first entry is always the one that was not used for longest.
  memory.set(digest, hit);
  return hit;
}

function remember(memory: Map<string, Remembered>, most: number, digest: string, entry: Remembered): void {
  memory.set(digest, entry);
  if (memory.size <= most) return;
  const oldest = memory.keys().next();
  if (oldest.done !== true) memory.delete(oldest.value);
}

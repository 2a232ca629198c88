import { hash, randomFillSync } from "node:crypto";
import type { Clock, IdGenerator } from "@troupe/contracts";

/** Crockford's base 32: no I, L, O, U. Source: github.com/ulid/spec. */
const ALPHABET: Uint8Array = Buffer.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "latin1");
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;
const ID_CHARACTERS = TIME_CHARACTERS + RANDOM_CHARACTERS;
const POOL_BYTES = 4096;

/** ULIDs that rise within a millisecond too. `fill` brings randomness; the simulator gives a seeded one. */
export function createIdGenerator(
  clock: Clock,
  fill: (bytes: Uint8Array) => void = (bytes) => void randomFillSync(bytes),
): IdGenerator {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let lastMs = -1;
  const random = new Uint8Array(RANDOM_CHARACTERS);
  // Put together from characters an id would be a tree of strings, ten times as large, for as long as a turn holds it.
  const id = Buffer.alloc(ID_CHARACTERS);

  const refresh = (): void => {
    if (used + RANDOM_CHARACTERS > POOL_BYTES) {
      fill(pool);
      used = 0;
    }
    for (let i = 0; i < RANDOM_CHARACTERS; i++) random[i] = (pool[used + i] ?? 0) & 31;
    // The first digit stays low, so that counting up within a millisecond never runs over.
    random[0] = (random[0] ?? 0) & 15;
    used += RANDOM_CHARACTERS;
  };
  const countUp = (): void => {
    for (let i = RANDOM_CHARACTERS - 1; i >= 0; i--) {
      const digit = (random[i] ?? 0) + 1;
      random[i] = digit & 31;
      if (digit < 32) return;
    }
  };

  return {
    next() {
      const now = Math.max(clock.now(), lastMs);
      if (now === lastMs) countUp();
      else {
        lastMs = now;
        writeTime(id, now);
        refresh();
      }
      for (let i = 0; i < RANDOM_CHARACTERS; i++)
        id[TIME_CHARACTERS + i] = ALPHABET[random[i] as number] as number;
      return id.toString("latin1");
    },
  };
}

function writeTime(id: Uint8Array, ms: number): void {
  let rest = ms;
  for (let i = TIME_CHARACTERS - 1; i >= 0; i--) {
    id[i] = ALPHABET[rest % 32] as number;
    rest = Math.floor(rest / 32);
  }
}

/** The id of a session: two people who use the same key for their conversations have two conversations, even behind one principal. */
export function sessionIdFrom(session: {
  readonly spaceId: string;
  readonly agentId: string;
  readonly channel: string;
  readonly ownerId: string;
  readonly peerId: string;
  readonly key: string;
}): string {
  const { spaceId, agentId, channel, ownerId, peerId, key } = session;
  return derivedId("session", spaceId, agentId, channel, ownerId, peerId, key);
}

/** An id that follows from its parts: the same parts give the same 26 characters. */
export function derivedId(...parts: readonly string[]): string {
  const digest = hash("sha256", JSON.stringify(parts), "buffer");
  const id = Buffer.allocUnsafe(ID_CHARACTERS);
  let at = 0;
  let bits = 0;
  let value = 0;
  for (let i = 0; at < ID_CHARACTERS; i++) {
    value = (value << 8) | (digest[i] as number);
    bits += 8;
    while (bits >= 5 && at < ID_CHARACTERS) {
      bits -= 5;
      id[at++] = ALPHABET[(value >> bits) & 31] as number;
    }
    value &= (1 << bits) - 1;
  }
  return id.toString("latin1");
}

import { type CallOptions, type Clock, type KeyRecord, type KeyStore, TroupeError } from "@troupe/contracts";
import { createRateLimit, hashApiKey } from "../kit/index.ts";
import { networkOf } from "./network.ts";

/** Finds the record of a key, without asking the store each time, and bounds how often an address may guess. */
export interface KeyRing {
  /**
   * Undefined for an unknown or revoked key. Answers at once when it knows; the key itself is never kept. `address`:
   * where the request came from. Throws or rejects with `rate.limited` when too many wrong keys came from there; a key
   * that was valid here before is taken all the same, since behind a proxy all people have one address.
   */
  find(
    key: string,
    address: string,
    options: CallOptions,
  ): KeyRecord | undefined | Promise<KeyRecord | undefined>;
  /** Believes nothing without asking again: a key was made or revoked here. */
  clear(): void;
}

const MOST_KNOWN = 1_024;
/** Unknown keys cost a look at the store, so they are remembered too, apart: guessing must not push out real keys. */
const MOST_UNKNOWN = 1_024;
/** Another process may revoke a key; this is how long it may still be taken here. */
const KNOWN_FOR_MS = 30_000;
const UNKNOWN_FOR_MS = 5_000;
const LONGEST_KEY = 256;
/** Wrong keys of one address: so many at once, then one a second. Nobody guesses 256 bits; this spares store and log. */
const WRONG_KEYS_PER_MINUTE = 60;
const MOST_ADDRESSES = 4_096;

export function createKeyRing(deps: {
  readonly keys: Pick<KeyStore, "findByHash">;
  readonly clock: Clock;
}): KeyRing {
  const { clock } = deps;
  const lookups = createLookups(deps);
  const guesses = createRateLimit({
    clock,
    perMinute: () => WRONG_KEYS_PER_MINUTE,
    maxKeys: MOST_ADDRESSES,
  });
  /** Counted before the answer is there, so that guesses side by side count too, and given back unless it was one. */
  const askForStranger = async (
    digest: string,
    network: string,
    options: CallOptions,
  ): Promise<KeyRecord | undefined> => {
    let isGuess = false;
    try {
      const record = await lookups.ask(digest, options);
      isGuess = record === undefined;
      return record;
    } finally {
      if (!isGuess) guesses.giveBack(network);
    }
  };
  return {
    find(key, address, options) {
      // Looking up a digest takes the same time whatever the key: there is nothing to learn by timing.
      const digest = key.length > LONGEST_KEY ? "" : hashApiKey(key);
      const own = lookups.known(digest);
      if (own !== undefined) return own === "stale" ? lookups.ask(digest, options) : own;
      const network = networkOf(address);
      const waitMs = guesses.take(network);
      if (waitMs > 0) throw tooManyWrongKeys(waitMs);
      if (digest === "" || lookups.isUnknown(digest)) return undefined;
      return askForStranger(digest, network, options);
    },
    clear: () => lookups.forget(),
  };
}

/** What the store said of keys, by digest. */
interface Lookups {
  /** The record of a valid key, or that it was valid once and must be asked for again. */
  known(digest: string): KeyRecord | "stale" | undefined;
  /** The store said a moment ago that there is no such valid key. */
  isUnknown(digest: string): boolean;
  /** Asks the store; callers that ask for the same key at one time share the answer. */
  ask(digest: string, options: CallOptions): Promise<KeyRecord | undefined>;
  forget(): void;
}

function createLookups({
  keys,
  clock,
}: {
  readonly keys: Pick<KeyStore, "findByHash">;
  readonly clock: Clock;
}): Lookups {
  const known = new Map<string, { readonly record: KeyRecord; readonly untilMs: number }>();
  const unknown = new Map<string, { readonly untilMs: number }>();
  const asking = new Map<string, Promise<KeyRecord | undefined>>();
  // Rises with each forgetting, so that an answer that was under way at that time is not remembered.
  let generation = 0;

  const read = async (digest: string, options: CallOptions): Promise<KeyRecord | undefined> => {
    const asked = generation;
    try {
      const found = await keys.findByHash(digest, options);
      const record = found?.revokedAt === undefined ? found : undefined;
      if (asked !== generation) return record;
      const now = clock.monotonicMs();
      known.delete(digest);
      if (record === undefined) remember(unknown, MOST_UNKNOWN, digest, { untilMs: now + UNKNOWN_FOR_MS });
      else remember(known, MOST_KNOWN, digest, { record, untilMs: now + KNOWN_FOR_MS });
      return record;
    } finally {
      if (asked === generation) asking.delete(digest);
    }
  };
  return {
    known(digest) {
      const hit = recall(known, digest);
      if (hit === undefined) return undefined;
      return hit.untilMs > clock.monotonicMs() ? hit.record : "stale";
    },
    isUnknown: (digest) => (recall(unknown, digest)?.untilMs ?? 0) > clock.monotonicMs(),
    ask(digest, options) {
      const answer = asking.get(digest) ?? read(digest, options);
      asking.set(digest, answer);
      return answer;
    },
    forget() {
      generation += 1;
      for (const [digest, { record }] of known) known.set(digest, { record, untilMs: 0 });
      unknown.clear();
      asking.clear();
    },
  };
}

function tooManyWrongKeys(waitMs: number): TroupeError {
  const message = `Too many wrong keys came from this address. Try again in ${Math.ceil(waitMs / 1_000)} s, with a key that ./troupe key create made.`;
  return new TroupeError(message, { code: "rate.limited", retryable: true, retryAfterMs: waitMs });
}

function recall<Entry>(memory: Map<string, Entry>, digest: string): Entry | undefined {
  const hit = memory.get(digest);
  if (hit === undefined) return undefined;
  // Put back at the end: the first entry is always the one that was not used for longest.
  memory.delete(digest);
  memory.set(digest, hit);
  return hit;
}

function remember<Entry>(memory: Map<string, Entry>, most: number, digest: string, entry: Entry): void {
  memory.set(digest, entry);
  if (memory.size <= most) return;
  const oldest = memory.keys().next();
  if (oldest.done !== true) memory.delete(oldest.value);
}

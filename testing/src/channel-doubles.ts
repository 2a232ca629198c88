import type { Channel, Clock, OutboundMessage, VerifiableChannel } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";

/** A message as the platform shows it to people. */
export interface Arrival {
  readonly key: string;
  readonly target: string;
  readonly text: string;
  readonly platformId: string;
}

/**
 * What the next send meets. `arrives` says whether the message reached the platform all the same. `delay`: works, after
 * `ms` milliseconds; an abort during the wait ends it with the signal's reason. `hang`: never answers until aborted.
 * `defect`: the adapter throws something that is not a `TroupeError`.
 */
export type Mishap =
  | { readonly kind: "rate-limited"; readonly retryAfterMs?: number }
  | { readonly kind: "rejected" }
  | { readonly kind: "unavailable"; readonly arrives: boolean }
  | { readonly kind: "delay"; readonly ms: number; readonly arrives: "before" | "after" }
  | { readonly kind: "hang"; readonly arrives: boolean }
  | { readonly kind: "defect"; readonly arrives: boolean };

/** The far side. It lives on when a channel object, or a whole process, is given up; people see only `arrived`. */
export interface FakePlatform {
  /** What people see, in order of arrival. */
  readonly arrived: readonly Arrival[];
  /** Every send that was begun, repeats included. */
  readonly sends: readonly OutboundMessage[];
  /** Every look-up of a verifiable channel, by key. */
  readonly lookups: readonly string[];
  /** The next sends meet these, one each; afterwards all goes well again. */
  meet(...mishaps: readonly Mishap[]): void;
  /** The next look-up fails with `channel.unavailable`. */
  failNextLookup(): void;
  keyed(id: string): Channel;
  verifiable(id: string): VerifiableChannel;
  blind(id: string): Channel;
}

export function createFakePlatform({ clock }: { readonly clock: Clock }): FakePlatform {
  const arrived: Arrival[] = [];
  const sends: OutboundMessage[] = [];
  const lookups: string[] = [];
  const script: Mishap[] = [];
  let lookupFails = false;

  const arrive = (message: OutboundMessage, dedupe: boolean): string => {
    const known = dedupe ? arrived.find((one) => one.key === message.key) : undefined;
    if (known !== undefined) return known.platformId;
    const platformId = `p-${arrived.length + 1}`;
    arrived.push({ key: message.key, target: message.target, text: message.text, platformId });
    return platformId;
  };
  const sender =
    (id: string, dedupe: boolean): Channel["send"] =>
    async (message, { signal }) => {
      signal.throwIfAborted();
      sends.push(message);
      const mishap = script.shift();
      const land = (): { platformId: string } => ({ platformId: arrive(message, dedupe) });
      return mishap === undefined ? land() : suffer(mishap, { id, clock, signal, land });
    };
  const find: VerifiableChannel["find"] = async (key, { signal }) => {
    signal.throwIfAborted();
    lookups.push(key);
    if (lookupFails) {
      lookupFails = false;
      throw new TroupeError("The platform does not answer.", {
        code: "channel.unavailable",
        retryable: true,
      });
    }
    const found = arrived.find((one) => one.key === key);
    return found === undefined ? undefined : { platformId: found.platformId };
  };

  return {
    arrived,
    sends,
    lookups,
    meet: (...mishaps) => void script.push(...mishaps),
    failNextLookup() {
      lookupFails = true;
    },
    keyed: (id) => ({ id, delivery: "keyed", send: sender(id, true) }),
    verifiable: (id) => ({ id, delivery: "verifiable", send: sender(id, false), find }),
    blind: (id) => ({ id, delivery: "blind", send: sender(id, false) }),
  };
}

interface Scene {
  readonly id: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly land: () => { readonly platformId: string };
}

async function suffer(mishap: Mishap, { id, clock, signal, land }: Scene): Promise<{ platformId: string }> {
  switch (mishap.kind) {
    case "rate-limited":
      throw new TroupeError(`${id} asks for fewer messages.`, {
        code: "channel.rate_limited",
        retryable: true,
        ...(mishap.retryAfterMs === undefined ? {} : { retryAfterMs: mishap.retryAfterMs }),
      });
    case "rejected":
      throw new TroupeError(`${id} refused the message.`, { code: "channel.rejected" });
    case "unavailable":
      if (mishap.arrives) land();
      throw new TroupeError(`${id} cannot be reached.`, { code: "channel.unavailable", retryable: true });
    case "delay": {
      const early = mishap.arrives === "before" ? land() : undefined;
      await pause(clock, mishap.ms, signal);
      return early ?? land();
    }
    case "hang":
      if (mishap.arrives) land();
      await pause(clock, undefined, signal);
      throw new Error("unreachable: only an abort ends a hanging send");
    case "defect":
      if (mishap.arrives) land();
      throw new TypeError("a defect of the adapter");
  }
}

/** Waits `ms` milliseconds, or for ever, until the signal aborts. */
function pause(clock: Clock, ms: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer?.[Symbol.dispose]();
      reject(signal.reason);
    };
    const pass = (): void => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const timer = ms === undefined ? undefined : clock.schedule(ms, pass);
    signal.addEventListener("abort", stop, { once: true });
  });
}

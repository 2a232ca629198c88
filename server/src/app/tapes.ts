import { type CallOptions, type Clock, type Logger, SPACE_OWNER, type Stores } from "@troupe/contracts";
import type { EndedTape, TapeRecorder } from "../agent/index.ts";
import { type Metrics, type Redact, redactText, tapeText } from "../kit/index.ts";
import type { Vault } from "../secrets/index.ts";

/** Tapes that wait to be written; a further one is lost, which is counted. */
const MAX_WAITING = 64;
/** A shorter value stands in too many places by chance. */
const SHORTEST_SECRET = 6;

export interface TapeKeeper extends TapeRecorder {
  /** How tapes are redacted just now. Rejects where a kept secret cannot be read: then nobody knows what to hide. */
  redactor(spaceId: string, options: CallOptions): Promise<Redact>;
  /** Resolves when all that was handed over is with the store, or lost. */
  settle(): Promise<void>;
}

/** Turns tapes into rows, after their turns. It fails open: a tape that cannot be written is lost, and no turn notices. */
export function createTapeKeeper(deps: {
  readonly stores: Pick<Stores, "unit" | "tapes">;
  readonly vault: Pick<Vault, "list" | "get">;
  /** What no log may show. */
  readonly hide: Redact;
  readonly limitOf: TapeRecorder["limitOf"];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): TapeKeeper {
  const { stores, hide, clock, logger, metrics } = deps;
  const waiting = new Set<Promise<void>>();
  const secretsOf = createSecretValues(deps.vault);
  const written = metrics.counter("tapes_written_total", "Tapes of turns that were handed to the store.");
  const lost = metrics.counter("tapes_lost_total", "Tapes of turns that could not be written.");
  metrics.probe("tapes_waiting", "Tapes of turns that wait to be written.", () => waiting.size);

  const redactor: TapeKeeper["redactor"] = async (spaceId, options) => {
    const secrets = await secretsOf(spaceId, options);
    return (text) => {
      let shown = hide(redactText(text));
      for (const secret of secrets)
        if (shown.includes(secret)) shown = shown.replaceAll(secret, "[redacted]");
      return shown;
    };
  };
  const write = async (tape: EndedTape): Promise<void> => {
    const { turnId, spaceId, attempt, maxBytes } = tape;
    // Whoever waited for the turn is answered first.
    await new Promise<void>((resolve) => void clock.schedule(0, resolve));
    try {
      const redact = await redactor(spaceId, UNBOUNDED);
      const text = tapeText(tape.lines(), { redact, maxBytes });
      const record = { turnId, spaceId, attempt, ...text, createdAt: clock.now() };
      stores.unit.ride([stores.tapes.put(record)]);
      written.add(1);
    } catch (error) {
      lost.add(1);
      logger.warn("tape.lost", { turnId, error });
    }
  };
  return {
    redactor,
    limitOf: deps.limitOf,
    keep(tape) {
      if (waiting.size >= MAX_WAITING) {
        lost.add(1);
        logger.warn("tape.lost", { turnId: tape.turnId, waiting: waiting.size });
        return;
      }
      const done = write(tape).finally(() => waiting.delete(done));
      waiting.add(done);
    },
    async settle() {
      while (waiting.size > 0) await Promise.all(waiting);
    },
  };
}

const UNBOUNDED: CallOptions = { signal: new AbortController().signal };

/** The values of all secrets of a space. Each is opened once a version; a list of names is read each time. */
function createSecretValues(
  vault: Pick<Vault, "list" | "get">,
): (spaceId: string, options: CallOptions) => Promise<readonly string[]> {
  let known = new Map<string, readonly string[]>();
  return async (spaceId, options) => {
    const next = new Map<string, readonly string[]>();
    for (const { name, version } of await vault.list(spaceId, SPACE_OWNER, options)) {
      const key = JSON.stringify([spaceId, name, version]);
      const value =
        known.get(key) ?? textsOf(await vault.get({ spaceId, owner: SPACE_OWNER, name }, options));
      next.set(key, value);
    }
    known = next;
    return [...next.values()].flat();
  };
}

/** A secret as it is, and as it stands inside JSON. */
function textsOf(value: string | undefined): readonly string[] {
  if (value === undefined || value.length < SHORTEST_SECRET) return [];
  return [...new Set([value, JSON.stringify(value).slice(1, -1)])];
}

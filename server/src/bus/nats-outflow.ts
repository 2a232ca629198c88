import type { Clock, Logger } from "@troupe/contracts";
import { type Counter, type Metrics, untilAborted } from "../kit/index.ts";
import type { Link } from "./nats-link.ts";

/** Bytes that the server has not confirmed yet: beyond half of them producers wait, beyond all of them envelopes are lost. */
const MOST_BYTES = 8 * 1024 * 1024;
/** How much is sent between two questions whether it has arrived. */
const ASK_AFTER_BYTES = 64 * 1024;
/** Source: feature NR-005. */
const LONGEST_WAIT_MS = 500;

export interface Outflow {
  /** False: it was not handed to the server, being away or behind. Never throws. */
  send(subject: string, bytes: Uint8Array): boolean;
  /** Resolves when there is room, after half a second at most. */
  room(signal: AbortSignal): Promise<void>;
  /** Nothing is under way any more. */
  reset(): void;
}

export function createOutflow(deps: {
  readonly link: Link;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly dropped: Counter;
}): Outflow {
  const { link, clock, logger, dropped } = deps;
  let unconfirmed = 0;
  let sinceAsked = 0;
  let isAsking = false;
  let wasFull = false;
  /** Raised by `reset`, so that an answer about an earlier connection counts for nothing. */
  let era = 0;
  deps.metrics.probe("bus_unconfirmed_bytes", "Bytes on their way to the bus's server", () => unconfirmed);

  const ask = (): void => {
    const connection = link.up;
    if (isAsking || connection === undefined) return;
    isAsking = true;
    const [covered, ours] = [sinceAsked, era];
    sinceAsked = 0;
    connection.flush().then(
      () => {
        if (ours !== era) return;
        isAsking = false;
        unconfirmed -= covered;
        wasFull = false;
        if (sinceAsked >= ASK_AFTER_BYTES) ask();
      },
      () => {
        if (ours === era) isAsking = false;
      },
    );
  };
  return {
    send(subject, bytes) {
      const connection = link.up;
      const reason =
        connection === undefined ? "disconnected" : unconfirmed >= MOST_BYTES ? "behind" : undefined;
      if (connection === undefined || reason !== undefined) {
        dropped.add(1, { reason: reason ?? "disconnected" });
        if (reason === "behind" && !wasFull) logger.warn("bus.behind", { unconfirmedBytes: unconfirmed });
        wasFull ||= reason === "behind";
        return false;
      }
      try {
        connection.publish(subject, bytes);
      } catch (error) {
        dropped.add(1, { reason: "refused" });
        logger.warn("bus.refused", { subject, bytes: bytes.length, error });
        return false;
      }
      unconfirmed += bytes.length;
      sinceAsked += bytes.length;
      if (sinceAsked >= ASK_AFTER_BYTES) ask();
      return true;
    },
    async room(signal) {
      signal.throwIfAborted();
      const share = unconfirmed / MOST_BYTES;
      if (share <= 0.5) return;
      ask();
      await pause(clock, Math.min(1, (share - 0.5) * 2) * LONGEST_WAIT_MS, signal);
    },
    reset() {
      era += 1;
      isAsking = false;
      unconfirmed = 0;
      sinceAsked = 0;
      wasFull = false;
    },
  };
}

/** Resolves after so many milliseconds; rejects with the signal's reason. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ = clock.schedule(ms, resolve);
  await untilAborted(promise, signal);
}

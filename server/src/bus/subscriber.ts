import type { Envelope, EnvelopeHandler } from "@troupe/contracts";

/** Source: feature NR-006. */
export const PLACES = 256;

export interface SubscriberEvents {
  onDrop(): void;
  onFull(): void;
  onError(error: unknown, subject: string): void;
}

/** One subscriber's own queue: bounded, and never in the way of whoever publishes. */
export interface Subscriber {
  put(envelope: Envelope, subject: string): void;
  /** Nothing more is handed over, what waits included. */
  stop(): void;
  /** How many envelopes wait. */
  size(): number;
}

interface Waiting {
  readonly envelope: Envelope;
  readonly subject: string;
}

/** A queue of 256 places and one pump, which runs once an event-loop turn while something waits. */
export function createSubscriber(handler: EnvelopeHandler, on: SubscriberEvents): Subscriber {
  let waiting: Waiting[] = [];
  let oldest = 0;
  let isPumping = false;
  let wasFull = false;
  let isStopped = false;

  const pump = (): void => {
    const batch = waiting;
    const from = oldest;
    waiting = [];
    oldest = 0;
    wasFull = false;
    isPumping = false;
    for (let i = from; i < batch.length && !isStopped; i++) {
      const { envelope, subject } = batch[i] as Waiting;
      try {
        handler(envelope, subject);
      } catch (error) {
        on.onError(error, subject);
      }
    }
  };

  return {
    put(envelope, subject) {
      if (isStopped) return;
      if (waiting.length - oldest >= PLACES) {
        oldest += 1;
        on.onDrop();
        if (!wasFull) on.onFull();
        wasFull = true;
        // Lost places are given back in one go, so that a long burst costs no shifting and no growing array.
        if (oldest >= PLACES) {
          waiting = waiting.slice(oldest);
          oldest = 0;
        }
      }
      waiting.push({ envelope, subject });
      if (isPumping) return;
      isPumping = true;
      setImmediate(pump);
    },
    size: () => waiting.length - oldest,
    stop() {
      isStopped = true;
      waiting = [];
      oldest = 0;
    },
  };
}

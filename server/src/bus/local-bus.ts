import type { Clock, Logger, MessageBus } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import { createDirectory } from "./directory.ts";
import { busClosed, createResponders } from "./responders.ts";
import { createSubscriber, PLACES } from "./subscriber.ts";

export interface LocalBusDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface LocalBus extends MessageBus {
  /** Drops what is under way; later publishing is dropped and counted, later requests reject with `bus.closed`. */
  close(): void;
}

/** The bus of a single process. Envelopes are handed over as they are, not copied: nobody changes one. */
export function createLocalBus({ clock, logger, metrics }: LocalBusDeps): LocalBus {
  const dropped = metrics.counter("bus_dropped_total", "Envelopes that a subscriber or a closed bus lost");
  const subscribers = createDirectory();
  const responders = createResponders({ clock, logger });
  metrics.probe("bus_queue_length", "Envelopes that wait for their subscribers", () => subscribers.waiting());
  let isClosed = false;
  return {
    publish(subject, envelope) {
      if (isClosed) dropped.add(1, { reason: "closed" });
      else for (const subscriber of subscribers.reached(subject)) subscriber.put(envelope, subject);
    },
    subscribe(pattern, handler, options) {
      const subscriber = createSubscriber(handler, {
        onDrop: () => dropped.add(1, { reason: "slow" }),
        onFull: () => logger.warn("bus.subscriber_slow", { pattern, places: PLACES }),
        onError: (error, subject) => logger.error("bus.handler_failed", { subject, error }),
      });
      return subscribers.add(pattern, subscriber, options?.group);
    },
    async request(subject, envelope, { timeoutMs, signal }) {
      signal.throwIfAborted();
      if (isClosed) throw busClosed();
      return await responders.ask(subject, envelope, { timeoutMs, signal });
    },
    respond: (subject, answer) => responders.add(subject, answer),
    room: async ({ signal }) => signal.throwIfAborted(),
    close() {
      isClosed = true;
      subscribers.clear();
      responders.clear();
    },
  };
}

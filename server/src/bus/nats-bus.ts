import type { Msg } from "@nats-io/nats-core";
import type { EnvelopeHandler, MessageBus } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createDirectory } from "./directory.ts";
import type { LocalBusDeps } from "./local-bus.ts";
import { createAsking } from "./nats-asking.ts";
import { openLink } from "./nats-link.ts";
import { createOutflow } from "./nats-outflow.ts";
import { createRemotes } from "./nats-remotes.ts";
import { busClosed } from "./responders.ts";
import { createSubscriber, PLACES } from "./subscriber.ts";
import { packEnvelope, type Unpacked, unpackEnvelope } from "./wire.ts";

export interface NatsBusDeps extends LocalBusDeps {
  readonly url: string;
  /** Before every subject, so that several Troupes may share a server; empty by default. */
  readonly prefix?: string;
  readonly processId: string;
  readonly random: () => number;
}

export interface NatsBus extends MessageBus {
  readonly isConnected: boolean;
  close(): Promise<void>;
}

/** Requests have subjects of their own, so that publishing never reaches a responder. */
const ASK = "ask.";

/**
 * The bus across processes. What is said is heard in this process at once, connected or not; others, and groups, hear it
 * through the server. With the server away groups are those of this process, and the sweeps of the store make up for the
 * rest. Source: design §2 rule 1, §7.
 */
export function createNatsBus(deps: NatsBusDeps): NatsBus {
  const { clock, logger, metrics, processId } = deps;
  const prefix = deps.prefix === undefined || deps.prefix === "" ? "" : `${deps.prefix}.`;
  const dropped = metrics.counter("bus_dropped_total", "Envelopes that a subscriber or a closed bus lost");
  const local = createDirectory();
  const remotes = createRemotes(() => link.up);
  let isClosed = false;

  metrics.probe("bus_queue_length", "Envelopes that wait for their subscribers", () => local.waiting());
  const link = openLink({
    ...deps,
    name: `troupe ${processId}`,
    onUp(connection) {
      outflow.reset();
      remotes.attach(connection);
      ring(SUBJECTS.busBack);
    },
    onDown: () => outflow.reset(),
  });
  metrics.probe("bus_connected", "1 while the bus reaches its server", () => (link.up === undefined ? 0 : 1));
  const outflow = createOutflow({ ...deps, link, dropped });

  const ring = (kind: string): void => {
    const envelope = { id: `${processId}:${kind}`, kind, v: 1, at: clock.now(), payload: {} };
    for (const subscriber of local.reached(kind)) subscriber.put(envelope, kind);
  };
  const read = (message: Msg): Unpacked | undefined => {
    const one = unpackEnvelope(message.data);
    if (one === undefined) dropped.add(1, { reason: "unreadable" });
    return one;
  };
  const listen = (pattern: string, group: string | undefined, heard: EnvelopeHandler): Disposable =>
    remotes.listen(prefix + pattern, group, (message) => {
      const one = read(message);
      // What this process said is heard already, but for its groups.
      if (one === undefined || (group === undefined && one.from === processId)) return;
      heard(one.envelope, message.subject.slice(prefix.length));
    });
  const asking = createAsking({ ...deps, link, remotes, read, prefix: prefix + ASK });

  return {
    get isConnected() {
      return link.up !== undefined;
    },
    publish(subject, envelope) {
      if (isClosed) return dropped.add(1, { reason: "closed" });
      const isOut = outflow.send(prefix + subject, packEnvelope(envelope, processId));
      for (const one of local.reached(subject, { withoutGroups: isOut })) one.put(envelope, subject);
    },
    subscribe(pattern, handler, options) {
      const subscriber = createSubscriber(handler, {
        onDrop: () => dropped.add(1, { reason: "slow" }),
        onFull: () => logger.warn("bus.subscriber_slow", { pattern, places: PLACES }),
        onError: (error, subject) => logger.error("bus.handler_failed", { subject, error }),
      });
      using stack = new DisposableStack();
      stack.use(local.add(pattern, subscriber, options?.group));
      stack.use(listen(pattern, options?.group, subscriber.put));
      return stack.move();
    },
    room: ({ signal }) => outflow.room(signal),
    request: (subject, envelope, options) =>
      isClosed ? Promise.reject(busClosed()) : asking.request(subject, envelope, options),
    respond: asking.respond,
    async close() {
      isClosed = true;
      local.clear();
      asking.clear();
      remotes.clear();
      await link.close();
    },
  };
}

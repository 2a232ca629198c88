import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";

/** What is heard of others: subscriptions at the server, made as soon as there is one and again after each connection. */
export interface Remotes {
  listen(subject: string, queue: string | undefined, heard: (message: Msg) => void): Disposable;
  /** A connection stands; the client itself renews what it had before. */
  attach(connection: NatsConnection): void;
  clear(): void;
}

export function createRemotes(current: () => NatsConnection | undefined): Remotes {
  const remotes = new Set<Remote>();
  return {
    listen(subject, queue, heard) {
      const remote = createRemote(subject, queue, heard);
      remotes.add(remote);
      const connection = current();
      if (connection !== undefined) remote.attach(connection);
      return {
        [Symbol.dispose]() {
          remotes.delete(remote);
          remote.detach();
        },
      };
    },
    attach(connection) {
      for (const remote of remotes) remote.attach(connection);
    },
    clear: () => remotes.clear(),
  };
}

interface Remote {
  attach(connection: NatsConnection): void;
  detach(): void;
}

function createRemote(subject: string, queue: string | undefined, heard: (message: Msg) => void): Remote {
  let connection: NatsConnection | undefined;
  let subscription: Subscription | undefined;
  return {
    attach(standing) {
      if (standing === connection) return;
      connection = standing;
      subscription = standing.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => {
          if (error === null) heard(message);
        },
      });
    },
    detach() {
      if (connection?.isClosed() === false) subscription?.unsubscribe();
      subscription = undefined;
    },
  };
}

import type { StatementText } from "../statement.ts";
import type { BatchTransport } from "../writer.ts";
import type { Greeting } from "./protocol.ts";
import { startThread } from "./thread.ts";

export interface ThreadTransport extends BatchTransport {
  /** Resolves when the writer has opened the database. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export function createThreadTransport(
  options: Omit<Greeting, "statements"> & { readonly texts: () => readonly StatementText[] },
): ThreadTransport {
  const thread = startThread(new URL("./writer.worker.ts", import.meta.url), "writer");
  const { path, busyTimeoutMs, maxPages } = options;
  return {
    ready: () =>
      thread.start({
        path,
        statements: options.texts(),
        ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
        ...(maxPages === undefined ? {} : { maxPages }),
      }),
    send: (batch, answered) => thread.ask(batch, answered),
    // After the sockets of this tick were read: what arrived together is committed together.
    afterTick: (post) => void setImmediate(post),
    close: () => thread.close(),
  };
}

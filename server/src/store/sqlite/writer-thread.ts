import type { StatementText } from "../statement.ts";
import type { BatchTransport } from "../writer.ts";
import type { Outgoing } from "./beside.ts";
import type { Greeting } from "./protocol.ts";
import { startThread } from "./thread.ts";

/** Where more values go out than a few commits have, many turns run, and none of them should wait for the search of one. */
const FEW_VALUES = 600;

export interface ThreadTransport extends BatchTransport, Outgoing {
  /** Resolves when the writer has opened the database. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export function createThreadTransport(
  options: Omit<Greeting, "statements"> & { readonly texts: () => readonly StatementText[] },
): ThreadTransport {
  const thread = startThread(new URL("./writer.worker.ts", import.meta.url), "writer");
  const { path, busyTimeoutMs, maxPages } = options;
  let goesOut = false;
  let beside: ((few: boolean) => void) | undefined;
  let sentValues = 0;

  return {
    ready: () =>
      thread.start({
        path,
        statements: options.texts(),
        ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
        ...(maxPages === undefined ? {} : { maxPages }),
      }),
    get hasRoom() {
      return goesOut && beside === undefined;
    },
    beside(work) {
      beside = work;
    },
    send(batch, answered) {
      sentValues = batch.length;
      thread.ask(batch, answered);
    },
    // After the sockets of this tick were read: what arrived together is committed together.
    afterTick(post) {
      goesOut = true;
      setImmediate(() => {
        goesOut = false;
        sentValues = 0;
        post();
        const work = beside;
        beside = undefined;
        work?.(sentValues > 0 && sentValues <= FEW_VALUES);
      });
    },
    close: () => thread.close(),
  };
}

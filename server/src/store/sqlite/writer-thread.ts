import type { Answer } from "../batch.ts";
import type { StatementText } from "../statement.ts";
import type { BatchTransport } from "../writer.ts";
import type { Carrier, Companion } from "./along.ts";
import type { Greeting } from "./protocol.ts";
import { flat, settle } from "./questions.ts";
import { startThread } from "./thread.ts";

/** A batch with more values than a few commits have: a question would hold many up, and the reader is quicker beside it. */
const FEW_VALUES = 600;

export interface ThreadTransport extends BatchTransport, Carrier {
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
  let companion: Companion | undefined;
  let lastTookMs = 0;

  const taken = (): Companion | undefined => {
    const one = companion;
    companion = undefined;
    return one;
  };
  return {
    ready: () =>
      thread.start({
        path,
        statements: options.texts(),
        ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
        ...(maxPages === undefined ? {} : { maxPages }),
      }),
    get hasRoom() {
      return goesOut && companion === undefined;
    },
    get lastTookMs() {
      return lastTookMs;
    },
    takeAlong(one) {
      companion = one;
    },
    send(batch, answered) {
      const one = batch.length <= FEW_VALUES ? taken() : undefined;
      if (one === undefined) return thread.ask(batch, answered);
      if (one.signal.aborted) {
        one.reject(one.signal.reason);
        return thread.ask(batch, answered);
      }
      thread.ask([batch, flat([one])], (both) => {
        if (!Array.isArray(both)) {
          answered(both);
          return one.missed();
        }
        const [answer, found, tookMs] = both as [Answer, unknown[], number];
        lastTookMs = tookMs;
        answered(answer);
        settle([one], found);
      });
    },
    // After the sockets of this tick were read: what arrived together is committed together.
    afterTick(post) {
      goesOut = true;
      setImmediate(() => {
        goesOut = false;
        post();
        // Nothing was left to commit, or too much.
        taken()?.missed();
      });
    },
    close: () => thread.close(),
  };
}

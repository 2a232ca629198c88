import type { Msg } from "@nats-io/nats-core";
import type { Clock, Logger, MessageBus, TroupeError } from "@troupe/contracts";
import { untilAborted } from "../kit/index.ts";
import type { Link } from "./nats-link.ts";
import type { Remotes } from "./nats-remotes.ts";
import { createResponders, noAnswer, noResponder } from "./responders.ts";
import { packEnvelope, type Unpacked } from "./wire.ts";

const RESPONDERS = "responders";

/** Requests: of whichever process answers while there is a server, of this one while there is none. */
export function createAsking(deps: {
  readonly link: Link;
  readonly remotes: Remotes;
  readonly read: (message: Msg) => Unpacked | undefined;
  readonly prefix: string;
  readonly processId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Pick<MessageBus, "request" | "respond"> & { clear(): void } {
  const { link, remotes, read, prefix, processId, logger } = deps;
  const responders = createResponders(deps);
  return {
    async request(subject, envelope, { timeoutMs, signal }) {
      signal.throwIfAborted();
      const connection = link.up;
      if (connection === undefined) return await responders.ask(subject, envelope, { timeoutMs, signal });
      const asked = connection.request(prefix + subject, packEnvelope(envelope, processId), {
        timeout: timeoutMs,
      });
      const answer = await untilAborted(asked, signal).catch((error: unknown) => {
        throw signal.aborted ? error : unanswered(subject, timeoutMs, error);
      });
      const one = read(answer);
      if (one === undefined) throw noResponder(subject, "the answer could not be read");
      return one.envelope;
    },
    respond(subject, answer) {
      using stack = new DisposableStack();
      stack.use(responders.add(subject, answer));
      const heard = (message: Msg): void => {
        const one = read(message);
        if (one === undefined) return;
        // A throwing responder leaves the asker to its timeout.
        Promise.resolve()
          .then(() => answer(one.envelope))
          .then((answered) => void message.respond(packEnvelope(answered, processId)))
          .catch((error: unknown) => logger.error("bus.responder_failed", { subject, error }));
      };
      stack.use(remotes.listen(prefix + subject, RESPONDERS, heard));
      return stack.move();
    },
    clear: () => responders.clear(),
  };
}

function unanswered(subject: string, timeoutMs: number, error: unknown): TroupeError {
  const isTimeout = error instanceof Error && error.name === "TimeoutError";
  return isTimeout ? noAnswer(subject, timeoutMs) : noResponder(subject, "nobody listens there");
}

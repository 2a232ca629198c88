import type { Clock, Envelope, Logger } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { linkSignal, untilAborted } from "../kit/index.ts";

export type Answer = (envelope: Envelope) => Promise<Envelope>;

/** Who of this process answers requests. One responder of a subject, the next in turn, gets each of them. */
export interface Responders {
  add(subject: string, answer: Answer): Disposable;
  /** Rejects with `bus.no_responder`, or the signal's reason. */
  ask(
    subject: string,
    envelope: Envelope,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Envelope>;
  clear(): void;
}

export function createResponders({
  clock,
  logger,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
}): Responders {
  const responders = new Map<string, Answer[]>();
  let turn = 0;
  return {
    add(subject, answer) {
      responders.set(subject, [...(responders.get(subject) ?? []), answer]);
      return {
        [Symbol.dispose]() {
          const rest = (responders.get(subject) ?? []).filter((one) => one !== answer);
          if (rest.length === 0) responders.delete(subject);
          else responders.set(subject, rest);
        },
      };
    },
    async ask(subject, envelope, { timeoutMs, signal }) {
      const answering = responders.get(subject);
      const answer = answering?.[turn++ % answering.length];
      if (answer === undefined) throw noResponder(subject, "nobody listens there");
      using linked = linkSignal(signal, {
        clock,
        afterMs: timeoutMs,
        reason: () => noAnswer(subject, timeoutMs),
      });
      const answered = Promise.resolve()
        .then(() => answer(envelope))
        .catch((error: unknown) => {
          logger.error("bus.responder_failed", { subject, error });
          return new Promise<never>(() => {});
        });
      return await untilAborted(answered, linked.signal);
    },
    clear: () => responders.clear(),
  };
}

export function noResponder(subject: string, why: string): TroupeError {
  return new TroupeError(`The request on "${subject}" was not answered: ${why}.`, {
    code: "bus.no_responder",
    retryable: true,
  });
}

export function noAnswer(subject: string, timeoutMs: number): TroupeError {
  return noResponder(subject, `no answer within ${timeoutMs} ms`);
}

export function busClosed(): TroupeError {
  return new TroupeError("The bus is closed.", { code: "bus.closed" });
}

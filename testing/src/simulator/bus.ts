import type { Envelope, EnvelopeHandler, MessageBus } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Faults } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

interface Subscription {
  readonly process: SimulatedProcess;
  readonly pattern: readonly string[];
  readonly group: string | undefined;
  readonly handler: EnvelopeHandler;
}

type Answer = (envelope: Envelope) => Promise<Envelope>;

/** A bus between simulated processes, which drops, delays and doubles as the faults say. */
export interface SimulatedBus {
  /** The bus as one process sees it. */
  of(process: SimulatedProcess): MessageBus;
}

export function createSimulatedBus(world: World, faults: Faults): SimulatedBus {
  const random = world.random.fork("bus");
  const subscriptions = new Set<Subscription>();
  const responders = new Map<string, { readonly process: SimulatedProcess; readonly answer: Answer }[]>();

  const deliver = (one: Subscription, subject: string, envelope: Envelope): void => {
    const isDropped = faults.happens(faults.plan.dropShare);
    if (isDropped) world.log(one.process.name, "bus drops", subject);
    const times = isDropped ? 0 : faults.happens(faults.plan.duplicateShare) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      world.after(faults.delayMs(), one.process, subject, () => {
        if (subscriptions.has(one)) one.handler(envelope, subject);
      });
    }
  };
  const publish = (subject: string, envelope: Envelope): void => {
    const words = subject.split(".");
    const groups = new Map<string, Subscription[]>();
    for (const one of subscriptions) {
      if (!matches(one.pattern, words)) continue;
      if (one.group === undefined) deliver(one, subject, envelope);
      else groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
    }
    for (const members of groups.values()) deliver(random.pick(members), subject, envelope);
  };
  const request: MessageBus["request"] = (subject, envelope, { signal, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const late = new TroupeError(`Nobody answered on "${subject}".`, { code: "bus.no_responder" });
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      world.after(timeoutMs, undefined, "bus timeout", () => reject(late));
      const answering = responders.get(subject)?.filter(({ process }) => process.state !== "crashed") ?? [];
      if (answering.length === 0) return reject(late);
      const { process, answer } = random.pick(answering);
      world.after(faults.delayMs(), process, subject, () => {
        answer(envelope).then(
          (answered) => void world.after(faults.delayMs(), undefined, subject, () => resolve(answered)),
          // The asker is left to its timeout.
          () => {},
        );
      });
    });

  return {
    of: (process) => ({
      publish,
      request,
      subscribe(pattern, handler, options) {
        const one = { process, pattern: pattern.split("."), group: options?.group, handler };
        subscriptions.add(one);
        return { [Symbol.dispose]: () => void subscriptions.delete(one) };
      },
      room: async ({ signal }) => signal.throwIfAborted(),
      respond(subject, answer) {
        const one = { process, answer };
        responders.set(subject, [...(responders.get(subject) ?? []), one]);
        return {
          [Symbol.dispose]() {
            responders.set(
              subject,
              (responders.get(subject) ?? []).filter((other) => other !== one),
            );
          },
        };
      },
    }),
  };
}

function matches(pattern: readonly string[], words: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === ">") return words.length > i;
    if (words[i] === undefined || (pattern[i] !== "*" && pattern[i] !== words[i])) return false;
  }
  return pattern.length === words.length;
}

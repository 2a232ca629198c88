import type { Envelope, EnvelopeHandler, MessageBus } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import type { Faults } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
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
  /**
   * For `forMs` milliseconds nothing of the bus reaches the process and nothing of it reaches others; what it tells itself
   * still does. Then its own subscribers are told `bus.back`.
   */
  cutOff(process: SimulatedProcess, forMs: number): void;
}

export function createSimulatedBus(world: World, faults: Faults): SimulatedBus {
  const random = world.random.fork("bus");
  const subscriptions = new Set<Subscription>();
  const cuts = createCuts(world, (process) => tellBack({ world, faults, subscriptions }, process));

  const deliver = (from: SimulatedProcess, one: Subscription, subject: string, envelope: Envelope): void => {
    const isDropped = cuts.areApart(from, one.process) || faults.happens(faults.plan.dropShare);
    if (isDropped) world.log(one.process.name, "bus drops", subject);
    const times = isDropped ? 0 : faults.happens(faults.plan.duplicateShare) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      world.after(faults.delayMs(), one.process, subject, () => {
        if (subscriptions.has(one)) one.handler(envelope, subject);
      });
    }
  };
  const publish = (from: SimulatedProcess, subject: string, envelope: Envelope): void => {
    const words = subject.split(".");
    const groups = new Map<string, Subscription[]>();
    for (const one of subscriptions) {
      if (!matches(one.pattern, words)) continue;
      if (one.group === undefined) deliver(from, one, subject, envelope);
      else groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
    }
    for (const members of groups.values()) deliver(from, random.pick(members), subject, envelope);
  };
  const questions = createQuestions({ world, faults, random, areApart: cuts.areApart });

  return {
    of: (process) => ({
      publish: (subject, envelope) => publish(process, subject, envelope),
      subscribe(pattern, handler, options) {
        const one = { process, pattern: pattern.split("."), group: options?.group, handler };
        subscriptions.add(one);
        return { [Symbol.dispose]: () => void subscriptions.delete(one) };
      },
      room: async ({ signal }) => signal.throwIfAborted(),
      ...questions.of(process),
    }),
    cutOff: cuts.cutOff,
  };
}

interface Cuts {
  areApart(one: SimulatedProcess, other: SimulatedProcess): boolean;
  cutOff(process: SimulatedProcess, forMs: number): void;
}

/** Which processes the bus does not reach. */
function createCuts(world: World, onBack: (process: SimulatedProcess) => void): Cuts {
  const alone = new Map<SimulatedProcess, number>();
  return {
    areApart: (one, other) => one !== other && (alone.has(one) || alone.has(other)),
    cutOff(process, forMs) {
      alone.set(process, (alone.get(process) ?? 0) + 1);
      world.log(process.name, "is cut off from the bus", `for ${Math.round(forMs)} ms`);
      world.after(forMs, undefined, "bus back", () => {
        const left = (alone.get(process) ?? 1) - 1;
        if (left > 0) return void alone.set(process, left);
        alone.delete(process);
        world.log(process.name, "is back on the bus");
        onBack(process);
      });
    },
  };
}

function tellBack(
  {
    world,
    faults,
    subscriptions,
  }: { readonly world: World; readonly faults: Faults; readonly subscriptions: ReadonlySet<Subscription> },
  process: SimulatedProcess,
): void {
  const kind = SUBJECTS.busBack;
  const back: Envelope = { id: `back ${world.steps}`, kind, v: 1, at: world.utcMs, payload: {} };
  for (const one of subscriptions)
    if (one.process === process && matches(one.pattern, kind.split(".")))
      world.after(faults.delayMs(), process, kind, () => one.handler(back, kind));
}

/** Requests, and those who answer them. */
function createQuestions(deps: {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
  readonly areApart: Cuts["areApart"];
}): { of(process: SimulatedProcess): Pick<MessageBus, "request" | "respond"> } {
  const { world, faults, random } = deps;
  const responders = new Map<string, { readonly process: SimulatedProcess; readonly answer: Answer }[]>();
  const request = (
    from: SimulatedProcess,
    ...[subject, envelope, { signal, timeoutMs }]: Parameters<MessageBus["request"]>
  ): Promise<Envelope> =>
    new Promise((resolve, reject) => {
      const late = new TroupeError(`Nobody answered on "${subject}".`, { code: "bus.no_responder" });
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      world.after(timeoutMs, undefined, "bus timeout", () => reject(late));
      const answering = (responders.get(subject) ?? []).filter(
        ({ process }) => process.state !== "crashed" && !deps.areApart(from, process),
      );
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
      request: (...asked) => request(process, ...asked),
      respond(subject, answer) {
        const one = { process, answer };
        responders.set(subject, [...(responders.get(subject) ?? []), one]);
        const others = () => (responders.get(subject) ?? []).filter((other) => other !== one);
        return { [Symbol.dispose]: () => void responders.set(subject, others()) };
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

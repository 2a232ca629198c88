import type { Clock, Envelope, EnvelopeHandler, Logger, MessageBus } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { linkSignal, type Metrics, untilAborted } from "../kit/index.ts";
import { compilePattern, type SubjectPattern } from "./subjects.ts";

/** Source: feature NR-006. */
const PLACES = 256;

export interface LocalBusDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface LocalBus extends MessageBus {
  /** Drops what is under way; later publishing is dropped and counted, later requests reject with `bus.closed`. */
  close(): void;
}

type Answer = (envelope: Envelope) => Promise<Envelope>;

/**
 * The bus of a single process. Envelopes are handed over as they are, not copied: nobody changes one. One responder of
 * a subject, the next in turn, gets each request.
 */
export function createLocalBus({ clock, logger, metrics }: LocalBusDeps): LocalBus {
  const dropped = metrics.counter("bus_dropped_total", "Envelopes that a subscriber or a closed bus lost");
  const subscribers = createDirectory();
  metrics.probe("bus_queue_length", "Envelopes that wait for their subscribers", () =>
    subscribers.all().reduce((sum, subscriber) => sum + subscriber.size(), 0),
  );
  const responders = new Map<string, Answer[]>();
  let turn = 0;
  let isClosed = false;

  const requestFrom = async (
    subject: string,
    envelope: Envelope,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Envelope> => {
    const answering = responders.get(subject);
    const answer = answering?.[turn++ % answering.length];
    if (answer === undefined) throw noResponder(subject, "nobody listens there");
    using linked = linkSignal(signal, {
      clock,
      afterMs: timeoutMs,
      reason: () => noResponder(subject, `no answer within ${timeoutMs} ms`),
    });
    const answered = Promise.resolve()
      .then(() => answer(envelope))
      .catch((error: unknown) => {
        logger.error("bus.responder_failed", { subject, error });
        return new Promise<never>(() => {});
      });
    return await untilAborted(answered, linked.signal);
  };

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
      if (isClosed) throw new TroupeError("The bus is closed.", { code: "bus.closed" });
      return await requestFrom(subject, envelope, timeoutMs, signal);
    },
    respond(subject, answer) {
      responders.set(subject, [...(responders.get(subject) ?? []), answer]);
      return {
        [Symbol.dispose]() {
          const rest = (responders.get(subject) ?? []).filter((one) => one !== answer);
          if (rest.length === 0) responders.delete(subject);
          else responders.set(subject, rest);
        },
      };
    },
    close() {
      isClosed = true;
      subscribers.clear();
      responders.clear();
    },
  };
}

function noResponder(subject: string, why: string): TroupeError {
  return new TroupeError(`The request on "${subject}" was not answered: ${why}.`, {
    code: "bus.no_responder",
    retryable: true,
  });
}

// ── who hears what ──────────────────────────────────────────────────────────────────────────────────────────────

interface Member {
  readonly pattern: SubjectPattern;
  readonly group: string | undefined;
  readonly subscriber: Subscriber;
}

interface Directory {
  add(pattern: string, subscriber: Subscriber, group: string | undefined): Disposable;
  /** Subscribers that get this envelope: each single one, and the next member of each group. */
  reached(subject: string): Iterable<Subscriber>;
  clear(): void;
  all(): readonly Subscriber[];
}

function createDirectory(): Directory {
  const plain = new Map<string, Set<Member>>();
  const wild = new Set<Member>();
  const turns = new Map<string, number>();

  const nextOf = (group: string, members: readonly Subscriber[]): Subscriber | undefined => {
    const turn = turns.get(group) ?? 0;
    turns.set(group, turn + 1);
    return members[turn % members.length];
  };
  const membersOf = (subject: string): readonly Member[] => {
    const found = [...(plain.get(subject) ?? [])];
    for (const member of wild) if (member.pattern.matches(subject)) found.push(member);
    return found;
  };

  const all = (): readonly Subscriber[] =>
    [...wild, ...[...plain.values()].flatMap((set) => [...set])].map(({ subscriber }) => subscriber);
  return {
    all,
    add(text, subscriber, group) {
      const member: Member = { pattern: compilePattern(text), group, subscriber };
      const home = member.pattern.isPlain ? (plain.get(text) ?? new Set<Member>()) : wild;
      if (member.pattern.isPlain) plain.set(text, home);
      home.add(member);
      return {
        [Symbol.dispose]() {
          home.delete(member);
          if (member.pattern.isPlain && home.size === 0 && plain.get(text) === home) plain.delete(text);
          subscriber.stop();
        },
      };
    },
    reached(subject) {
      const reached: Subscriber[] = [];
      const groups = new Map<string, Subscriber[]>();
      for (const { group, subscriber } of membersOf(subject)) {
        if (group === undefined) reached.push(subscriber);
        else groups.set(group, [...(groups.get(group) ?? []), subscriber]);
      }
      for (const [group, members] of groups) {
        const next = nextOf(group, members);
        if (next !== undefined) reached.push(next);
      }
      return reached;
    },
    clear() {
      for (const subscriber of all()) subscriber.stop();
      plain.clear();
      wild.clear();
    },
  };
}

// ── one subscriber ──────────────────────────────────────────────────────────────────────────────────────────────

interface Subscriber {
  put(envelope: Envelope, subject: string): void;
  /** Nothing more is handed over, what waits included. */
  stop(): void;
  /** How many envelopes wait. */
  size(): number;
}

interface Waiting {
  readonly envelope: Envelope;
  readonly subject: string;
}

/** A queue of 256 places and one pump, which runs once an event-loop turn while something waits. */
function createSubscriber(
  handler: EnvelopeHandler,
  on: { onDrop(): void; onFull(): void; onError(error: unknown, subject: string): void },
): Subscriber {
  let waiting: Waiting[] = [];
  let oldest = 0;
  let isPumping = false;
  let wasFull = false;
  let isStopped = false;

  const pump = (): void => {
    const batch = waiting;
    const from = oldest;
    waiting = [];
    oldest = 0;
    wasFull = false;
    isPumping = false;
    for (let i = from; i < batch.length && !isStopped; i++) {
      const { envelope, subject } = batch[i] as Waiting;
      try {
        handler(envelope, subject);
      } catch (error) {
        on.onError(error, subject);
      }
    }
  };

  return {
    put(envelope, subject) {
      if (isStopped) return;
      if (waiting.length - oldest >= PLACES) {
        oldest += 1;
        on.onDrop();
        if (!wasFull) on.onFull();
        wasFull = true;
        // Lost places are given back in one go, so that a long burst costs no shifting and no growing array.
        if (oldest >= PLACES) {
          waiting = waiting.slice(oldest);
          oldest = 0;
        }
      }
      waiting.push({ envelope, subject });
      if (isPumping) return;
      isPumping = true;
      setImmediate(pump);
    },
    size: () => waiting.length - oldest,
    stop() {
      isStopped = true;
      waiting = [];
      oldest = 0;
    },
  };
}

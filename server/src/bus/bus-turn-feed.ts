import type {
  Clock,
  Envelope,
  IdGenerator,
  MessageBus,
  TurnEvent,
  TurnFeed,
  TurnListener,
} from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createFeedSender } from "./feed-sender.ts";
import type { LocalTurnFeed } from "./local-turn-feed.ts";

/** A late watcher waits so long for what was said before it came; then it shows what it gets. */
const CATCH_UP_MS = 250;

export interface BusTurnFeedDeps {
  /** Holds what this process knows of turns, its own and others'. */
  readonly local: LocalTurnFeed;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly processId: string;
}

export interface BusTurnFeed extends TurnFeed {
  /** Turns of other processes that somebody watches here. */
  readonly remoteSize: number;
  close(): void;
}

/**
 * Live events across processes, so that a client may sit on any gateway. Whoever runs a turn tells the bus; whoever watches
 * one listens to that turn alone and asks for what was said before. Losing all of it loses nothing kept: faces look at the
 * record when it grows quiet.
 */
export function createBusTurnFeed(deps: BusTurnFeedDeps): BusTurnFeed {
  const { local, bus, processId } = deps;
  const watches = new Map<string, RemoteWatch>();
  const tell = (subject: string, payload: Readonly<Record<string, unknown>>): void =>
    bus.publish(subject, { id: deps.ids.next(), kind: subject, v: 1, at: deps.clock.now(), payload });
  const sender = createFeedSender({
    bus,
    publish: (turnId, events) => tell(`${SUBJECTS.turnLive}.${turnId}`, { events, from: processId }),
  });
  const ask = (turnId: string): void => tell(SUBJECTS.turnWatched, { turnId, to: processId });

  const unwatch = (turnId: string): void => {
    watches.get(turnId)?.stop();
    watches.delete(turnId);
  };
  const watch = (turnId: string): RemoteWatch => {
    const known = watches.get(turnId);
    if (known !== undefined) return known;
    const made = createRemoteWatch(deps, turnId, (event) => {
      local.publish(event);
      if (event.type === "end") unwatch(turnId);
    });
    watches.set(turnId, made);
    ask(turnId);
    return made;
  };
  const held = [
    bus.subscribe(SUBJECTS.turnWatched, ({ payload: { turnId, to } }) => {
      if (typeof turnId !== "string" || typeof to !== "string" || to === processId) return;
      const events = local.said(turnId);
      if (events !== undefined) tell(`${SUBJECTS.turnSaid}.${to}`, { turnId, events });
    }),
    bus.subscribe(`${SUBJECTS.turnSaid}.${processId}`, ({ payload }) => {
      const { turnId } = payload;
      if (typeof turnId === "string") watches.get(turnId)?.said(eventsOf(payload, turnId));
    }),
    // What was missed is asked for again; an end that was missed is in the record.
    bus.subscribe(SUBJECTS.busBack, () => {
      for (const turnId of watches.keys()) ask(turnId);
    }),
  ];
  return {
    publish(event) {
      local.publish(event);
      watches.get(event.turnId)?.ours(event);
      if (event.type === "end") unwatch(event.turnId);
      sender.send(event);
    },
    subscribe(turnId, listener: TurnListener) {
      const isOurs = local.said(turnId) !== undefined && !watches.has(turnId);
      const listening = local.subscribe(turnId, listener);
      if (isOurs) return listening;
      const remote = watch(turnId);
      remote.watchers += 1;
      let isOver = false;
      return {
        [Symbol.dispose]() {
          listening[Symbol.dispose]();
          if (isOver) return;
          isOver = true;
          remote.watchers -= 1;
          if (remote.watchers === 0 && watches.get(turnId) === remote) unwatch(turnId);
        },
      };
    },
    get remoteSize() {
      return watches.size;
    },
    close() {
      for (const one of held) one[Symbol.dispose]();
      for (const turnId of [...watches.keys()]) unwatch(turnId);
      sender.close();
    },
  };
}

// ── one turn that may run elsewhere ───────────────────────────────────────────────────────────────────────────────

interface RemoteWatch {
  watchers: number;
  /** What was said before; whoever runs the turn tells it once asked. */
  said(events: readonly TurnEvent[]): void;
  /** It runs here after all. */
  ours(event: TurnEvent): void;
  stop(): void;
}

function createRemoteWatch(
  { bus, clock, processId }: BusTurnFeedDeps,
  turnId: string,
  pass: (event: TurnEvent) => void,
): RemoteWatch {
  let [attempt, n] = [-1, -1];
  /** Live events that came before what was said before them. */
  let early: TurnEvent[] | undefined = [];
  const isNew = (event: TurnEvent): boolean =>
    event.type === "end" || event.attempt > attempt || (event.attempt === attempt && event.n > n);
  const take = (event: TurnEvent): void => {
    if (!isNew(event)) return;
    [attempt, n] = [event.attempt, event.n];
    pass(event);
  };
  const goOn = (said: readonly TurnEvent[]): void => {
    const late = early ?? [];
    early = undefined;
    timer[Symbol.dispose]();
    for (const event of [...said, ...late]) take(event);
  };
  const timer = clock.schedule(CATCH_UP_MS, () => goOn([]));
  const listening = bus.subscribe(`${SUBJECTS.turnLive}.${turnId}`, ({ payload }: Envelope) => {
    if (payload.from === processId) return;
    for (const event of eventsOf(payload, turnId)) {
      // From its first event on nothing is missing.
      if (early !== undefined && event.n === 0 && event.type === "attempt-start") goOn([]);
      if (early === undefined) take(event);
      else early.push(event);
    }
  });
  return {
    watchers: 0,
    said: (events) => goOn(events),
    ours(event) {
      if (isNew(event)) [attempt, n] = [event.attempt, event.n];
      if (early !== undefined) goOn([]);
    },
    stop() {
      timer[Symbol.dispose]();
      listening[Symbol.dispose]();
    },
  };
}

/** Those that can be told apart at all; the bus carries what anybody on it says. */
function eventsOf(payload: Readonly<Record<string, unknown>>, turnId: string): readonly TurnEvent[] {
  if (!Array.isArray(payload.events)) return [];
  return payload.events.filter(
    (event): event is TurnEvent =>
      typeof event === "object" &&
      event !== null &&
      event.turnId === turnId &&
      Number.isInteger(event.attempt) &&
      Number.isInteger(event.n) &&
      typeof event.type === "string",
  );
}

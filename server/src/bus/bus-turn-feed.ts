import type { Clock, IdGenerator, MessageBus, TurnFeed, TurnListener } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createFeedSender, type FeedSender } from "./feed-sender.ts";
import type { LocalTurnFeed } from "./local-turn-feed.ts";
import { createRemoteWatch, eventsOf, type RemoteWatch } from "./remote-watch.ts";

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
  const tell: Tell = (subject, payload) =>
    bus.publish(subject, { id: deps.ids.next(), kind: subject, v: 1, at: deps.clock.now(), payload });
  const sender = createFeedSender({
    bus,
    publish: (turnId, batch) => tell(`${SUBJECTS.turnLive}.${turnId}`, { ...batch, from: processId }),
  });

  const unwatch = (turnId: string): void => {
    watches.get(turnId)?.stop();
    watches.delete(turnId);
  };
  const watch = (turnId: string): RemoteWatch => {
    const known = watches.get(turnId);
    if (known !== undefined) return known;
    const made = createRemoteWatch({
      ...{ ...deps, turnId },
      ask: () => tell(SUBJECTS.turnWatched, { turnId, to: processId }),
      pass(event) {
        local.publish(event);
        if (event.type === "end") unwatch(turnId);
      },
    });
    watches.set(turnId, made);
    return made;
  };
  const hearing = hear(deps, { watches, sender, tell });
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
          if (remote.watchers > 0 || watches.get(turnId) !== remote) return;
          unwatch(turnId);
          // It will not hear how it goes on.
          if (!remote.isOurs) local.forget(turnId);
        },
      };
    },
    get remoteSize() {
      return watches.size;
    },
    close() {
      hearing[Symbol.dispose]();
      for (const turnId of [...watches.keys()]) unwatch(turnId);
      sender.close();
    },
  };
}

type Tell = (subject: string, payload: Readonly<Record<string, unknown>>) => void;

/** What others ask of this process, and what it asked of them. */
function hear(
  { bus, local, processId }: BusTurnFeedDeps,
  parts: {
    readonly watches: ReadonlyMap<string, RemoteWatch>;
    readonly sender: FeedSender;
    readonly tell: Tell;
  },
): Disposable {
  const { watches, sender, tell } = parts;
  const heard = new DisposableStack();
  heard.use(
    bus.subscribe(SUBJECTS.turnWatched, ({ payload: { turnId, to } }) => {
      if (typeof turnId !== "string" || typeof to !== "string" || to === processId) return;
      // Who only watches it may know less than who asks.
      if (watches.get(turnId)?.isOurs === false) return;
      const events = local.said(turnId);
      if (events === undefined) return;
      // What is said so far has been sent, so that no later batch repeats some of it.
      sender.flush(turnId);
      tell(`${SUBJECTS.turnSaid}.${to}`, { turnId, events });
    }),
  );
  heard.use(
    bus.subscribe(`${SUBJECTS.turnSaid}.${processId}`, ({ payload }) => {
      const { turnId } = payload;
      if (typeof turnId === "string") watches.get(turnId)?.said(eventsOf(payload, turnId));
    }),
  );
  // What was missed is asked for again; an end that was missed is in the record.
  heard.use(
    bus.subscribe(SUBJECTS.busBack, () => {
      for (const one of watches.values()) one.lookBack();
    }),
  );
  return heard;
}

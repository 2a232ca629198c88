// The live events of all processes, as somebody who watches all of them would see them.
import type { TurnEvent, TurnFeed } from "@troupe/contracts";

export interface LiveLog {
  /** The feed of one process, with what it is told written down. */
  heard(feed: TurnFeed): TurnFeed;
  /** Names of events that stood for two things. */
  readonly doubled: ReadonlySet<string>;
}

export function createLiveLog(): LiveLog {
  const known = new Map<string, string>();
  const doubled = new Set<string>();
  const note = (event: TurnEvent): void => {
    const name = `${event.turnId} ${event.attempt}.${event.n}`;
    const content = JSON.stringify(event);
    if ((known.get(name) ?? content) !== content) doubled.add(name);
    known.set(name, content);
  };
  return {
    heard: (feed) => ({
      publish(event) {
        note(event);
        feed.publish(event);
      },
      subscribe: (turnId, listener) => feed.subscribe(turnId, listener),
    }),
    doubled,
  };
}

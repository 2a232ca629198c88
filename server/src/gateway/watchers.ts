import type { Clock } from "@troupe/contracts";
import type { Counter } from "../kit/index.ts";

/** Somebody who holds a request open. */
export interface Watcher {
  /** Comes at a slow beat, for comments that keep a line alive and for a look whether the news went past. */
  tick(): void;
  /** The face closes: say so and end. */
  abandon(): void;
}

export interface Watchers {
  add(watcher: Watcher): void;
  delete(watcher: Watcher): void;
  abandonAll(): void;
}

export interface WatcherCounts {
  readonly begun: Counter;
  readonly ended: Counter;
}

/** All open requests of a face on one timer, which runs only while there are any. */
export function createWatchers(clock: Clock, everyMs: number, counts: WatcherCounts): Watchers {
  const watchers = new Set<Watcher>();
  let timer: Disposable | undefined;

  const beat = (): void => {
    timer = undefined;
    for (const watcher of watchers) watcher.tick();
    start();
  };
  const start = (): void => {
    if (timer === undefined && watchers.size > 0) timer = clock.schedule(everyMs, beat);
  };
  const stop = (): void => {
    timer?.[Symbol.dispose]();
    timer = undefined;
  };

  return {
    add(watcher) {
      watchers.add(watcher);
      counts.begun.add();
      start();
    },
    delete(watcher) {
      if (watchers.delete(watcher)) counts.ended.add();
      // A timer that nobody needs would keep a process alive that has nothing else to do.
      if (watchers.size === 0) stop();
    },
    abandonAll() {
      stop();
      for (const watcher of watchers) watcher.abandon();
    },
  };
}

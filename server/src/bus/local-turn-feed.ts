import type { Logger, TurnEvent, TurnFeed, TurnListener } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";

/** Snapshots of so many turns are kept; past it the oldest that nobody watches goes. */
const MAX_TURNS = 10_000;
/** Steps, tool events and pieces of text between them that a late subscriber is told of. */
const MAX_KEPT_EVENTS = 128;

export interface LocalTurnFeedDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For tests. */
  readonly maxTurns?: number;
}

export interface LocalTurnFeed extends TurnFeed {
  /** How many turns have a snapshot or a listener. */
  readonly size: number;
  /** The present attempt so far, text merged; undefined where nothing of it is known here. */
  said(turnId: string): readonly TurnEvent[] | undefined;
  /** What was said of a turn is not known here any more; whoever listens goes on listening. */
  forget(turnId: string): void;
}

/** Changed in place while deltas of one kind follow each other, so that a token costs no object. */
interface Kept {
  event: TurnEvent;
  /** Of deltas: all their text so far; `event` is the newest of them. */
  text: string;
}

interface Entry {
  attempt: number;
  /** The present attempt so far. */
  kept: Kept[];
  /** Replaced, never changed, so that publishing needs no copy. */
  listeners: readonly TurnListener[];
}

const NOBODY: readonly TurnListener[] = [];

/** The live events of this process's turns. */
export function createLocalTurnFeed({
  logger,
  metrics,
  maxTurns = MAX_TURNS,
}: LocalTurnFeedDeps): LocalTurnFeed {
  const entries = new Map<string, Entry>();
  const evicted = metrics.counter(
    "turn_feed_evicted_total",
    "Snapshots of running turns given up to stay within bounds",
  );
  metrics.probe("turn_feed_turns", "Turns with live events or watchers", () => entries.size);

  const enter = (turnId: string): Entry => {
    if (entries.size >= maxTurns) evictOldest(entries, () => evicted.add());
    const entry: Entry = { attempt: -1, kept: [], listeners: NOBODY };
    entries.set(turnId, entry);
    return entry;
  };
  const drop = (turnId: string, entry: Entry, listener: TurnListener): void => {
    entry.listeners = entry.listeners.filter((one) => one !== listener);
    const isUnused = entry.listeners.length === 0 && entry.kept.length === 0;
    if (isUnused && entries.get(turnId) === entry) entries.delete(turnId);
  };
  const tell = (entry: Entry, listener: TurnListener, event: TurnEvent): boolean => {
    try {
      listener(event);
      return true;
    } catch (error) {
      logger.error("feed.listener_failed", { turnId: event.turnId, error });
      drop(event.turnId, entry, listener);
      return false;
    }
  };

  return {
    publish(event) {
      let entry = entries.get(event.turnId);
      if (event.type === "end") {
        // An end is told after its commit, whichever attempt made it; there is nothing to watch afterwards.
        if (entry === undefined) return;
        entries.delete(event.turnId);
      } else {
        // Only the beginning of an attempt makes an entry, so that a straggler after the end leaves nothing behind.
        if (entry === undefined && event.type !== "attempt-start" && event.n !== 0) return;
        entry ??= enter(event.turnId);
        if (event.attempt < entry.attempt) return;
        keep(entry, event);
      }
      for (const listener of entry.listeners) tell(entry, listener, event);
    },
    subscribe(turnId, listener) {
      const entry = entries.get(turnId) ?? enter(turnId);
      const own = new Subscription(listener, () => drop(turnId, entry, own.tell));
      entry.listeners = [...entry.listeners, own.tell];
      for (const kept of [...entry.kept]) if (!tell(entry, own.tell, asEvent(kept))) break;
      return own;
    },
    said(turnId) {
      const kept = entries.get(turnId)?.kept ?? [];
      return kept.length === 0 ? undefined : kept.map(asEvent);
    },
    forget(turnId) {
      const entry = entries.get(turnId);
      if (entry === undefined) return;
      entry.kept = [];
      if (entry.listeners.length === 0) entries.delete(turnId);
    },
    get size() {
      return entries.size;
    },
  };
}

/** One for each call of `subscribe`, so that the same listener may listen twice and be let go once, also while it is told. */
class Subscription implements Disposable {
  #listener: TurnListener | undefined;
  readonly #drop: () => void;

  constructor(listener: TurnListener, drop: () => void) {
    this.#listener = listener;
    this.#drop = drop;
  }

  readonly tell: TurnListener = (event) => this.#listener?.(event);

  [Symbol.dispose](): void {
    this.#listener = undefined;
    this.#drop();
  }
}

function keep(entry: Entry, event: TurnEvent): void {
  if (event.attempt > entry.attempt || event.type === "attempt-start") {
    entry.attempt = event.attempt;
    entry.kept = [];
  }
  const last = entry.kept.at(-1);
  if (isDelta(event)) {
    if (last?.event.type === event.type) {
      last.event = event;
      last.text += event.text;
      return;
    }
    entry.kept.push({ event, text: event.text });
  } else entry.kept.push({ event, text: "" });
  if (entry.kept.length > MAX_KEPT_EVENTS) entry.kept = shortened(entry.kept);
}

type Delta = Extract<TurnEvent, { readonly type: "text-delta" | "reasoning-delta" }>;

function isDelta(event: TurnEvent): event is Delta {
  return event.type === "text-delta" || event.type === "reasoning-delta";
}

function asEvent({ event, text }: Kept): TurnEvent {
  return isDelta(event) ? { ...event, text } : event;
}

/** Without the older half of what is not text, reasoning included. Text is never lost: its pieces become one. */
function shortened(kept: readonly Kept[]): Kept[] {
  const half = kept.length / 2;
  const rest: Kept[] = [];
  kept.forEach((one, i) => {
    const { type } = one.event;
    if (i < half && type !== "text-delta" && type !== "attempt-start") return;
    const last = rest.at(-1);
    if (type === "text-delta" && last?.event.type === "text-delta") {
      last.event = one.event;
      last.text += one.text;
    } else rest.push(one);
  });
  return rest;
}

function evictOldest(entries: Map<string, Entry>, onEvict: () => void): void {
  for (const [turnId, entry] of entries) {
    if (entry.listeners.length > 0) continue;
    entries.delete(turnId);
    onEvict();
    return;
  }
}

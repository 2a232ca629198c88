import type { TurnEvent } from "@troupe/contracts";
import type { TurnEnd, TurnSink } from "../turn-follower.ts";
import type { Seen, ServerFrame } from "./frames.ts";

type Delta = Extract<TurnEvent, { type: "text-delta" | "reasoning-delta" }>;

/** What a watch needs of its connection. */
export interface WatchLines {
  send(frame: ServerFrame): void;
  /** Up to where the session was told, when it is subscribed to. */
  cursorOf(sessionId: string): number | undefined;
  /** The turn ended; the end is told after everything that its session kept. */
  ended(at: WatchedTurn, end: TurnEnd): void;
}

export interface WatchedTurn {
  readonly turnId: string;
  readonly sessionId: string;
  /** Of the message that opened it. */
  readonly seq: number;
}

/** One turn, told to one connection. Events that come before it is open are held; deltas of a tick become one. */
export class TurnWatch implements TurnSink {
  readonly #lines: WatchLines;
  #at: WatchedTurn | undefined;
  #held: TurnEvent[] = [];
  #delta: Delta | undefined;
  #isScheduled = false;

  constructor(lines: WatchLines) {
    this.#lines = lines;
  }

  /**
   * From now on events are told. `replay`: the client may have seen a part of what was held, so it goes out as one
   * snapshot, or not at all where the client has seen as much.
   */
  open(at: WatchedTurn, replay?: { readonly seen: Seen | undefined }): void {
    this.#at = at;
    const held = this.#held;
    this.#held = [];
    if (replay !== undefined) this.#tellSnapshot(at, held, replay.seen);
    for (const event of held) if (replay === undefined || event.type === "end") this.event(event);
  }

  event(event: TurnEvent): void {
    const at = this.#at;
    if (at === undefined) {
      this.#held.push(event);
      return;
    }
    if (event.type === "text-delta" || event.type === "reasoning-delta") {
      this.#merge(event);
      this.#schedule();
      return;
    }
    this.#flush();
    if (event.type === "end") this.#lines.ended(at, event);
    else this.#tell(at, event);
  }

  idle(): void {
    // The connection has a heartbeat of its own.
  }

  abandoned(): void {
    // The connection is closed with a code that says to come back.
  }

  /** @internal For the one function of all watches that `setImmediate` gets. */
  flushScheduled(): void {
    this.#isScheduled = false;
    this.#flush();
  }

  #tellSnapshot(at: WatchedTurn, held: readonly TurnEvent[], seen: Seen | undefined): void {
    const events = held.filter(({ type }) => type !== "end");
    const last = events.at(-1);
    if (last === undefined || (seen !== undefined && hasSeen(seen, last))) return;
    const { attempt, n } = last;
    const { turnId, sessionId } = at;
    this.#lines.send({ type: "snapshot", sessionId, seq: this.#seq(at), turnId, attempt, n, events });
  }

  #merge(event: Delta): void {
    const last = this.#delta;
    if (last?.type === event.type && last.attempt === event.attempt) {
      this.#delta = { ...event, text: last.text + event.text };
      return;
    }
    this.#flush();
    this.#delta = event;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(flushOf, this);
  }

  #flush(): void {
    const event = this.#delta;
    this.#delta = undefined;
    if (event !== undefined && this.#at !== undefined) this.#tell(this.#at, event);
  }

  #tell(at: WatchedTurn, event: TurnEvent): void {
    this.#lines.send({ type: "event", sessionId: at.sessionId, seq: this.#seq(at), event });
  }

  #seq(at: WatchedTurn): number {
    return this.#lines.cursorOf(at.sessionId) ?? at.seq;
  }
}

function flushOf(watch: TurnWatch): void {
  watch.flushScheduled();
}

function hasSeen(seen: Seen, last: Seen): boolean {
  return seen.attempt > last.attempt || (seen.attempt === last.attempt && seen.n >= last.n);
}

import type { Logger, TurnEvent, TurnListener } from "@troupe/contracts";
import type { Watcher, Watchers } from "./watchers.ts";

/** Where the events of a turn go: a stream, or somebody who waits for the end. */
export interface TurnSink {
  /** In order. `end` comes once, and nothing after it. */
  event(event: TurnEvent): void;
  /** Nothing is new, and the line is to be kept alive. */
  idle(): void;
  /** The face closes. The turn goes on, here or elsewhere. */
  abandoned(): void;
}

/** Beats without any event after which the record is looked at: the feed promises nothing. */
const QUIET_BEATS = 2;

interface FollowerDeps {
  readonly watchers: Watchers;
  /** Reads how the turn ended; undefined while it has not. */
  readonly readEnd: (turnId: string) => Promise<TurnEvent | undefined>;
  readonly logger: Logger;
}

/**
 * Follows one turn until it ends, however that becomes known: by the feed, or by its record when the feed's event was
 * lost. One object a request, so a class with methods instead of closures.
 */
export class TurnFollower implements Watcher {
  /** To be attached to the feed, before or after the turn is known. */
  readonly listener: TurnListener = (event) => this.#receive(event);
  readonly #deps: FollowerDeps;
  readonly #sink: TurnSink;
  #turnId: string | undefined;
  #isOver = false;
  #quietBeats = 0;

  constructor(deps: FollowerDeps, sink: TurnSink) {
    this.#deps = deps;
    this.#sink = sink;
  }

  /** The turn is accepted, and the sink is able to write. */
  follow(turnId: string): void {
    this.#turnId = turnId;
    if (!this.#isOver) this.#deps.watchers.add(this);
  }

  /** Nobody is interested any more. */
  stop(): void {
    this.#isOver = true;
    this.#deps.watchers.delete(this);
  }

  tick(): void {
    if (this.#isOver) return;
    this.#sink.idle();
    this.#quietBeats += 1;
    if (this.#quietBeats >= QUIET_BEATS) void this.look();
  }

  abandon(): void {
    if (this.#isOver) return;
    this.stop();
    this.#sink.abandoned();
  }

  /** Ends by the turn's record when it tells an end. Never rejects. */
  async look(): Promise<void> {
    if (this.#turnId === undefined || this.#isOver) return;
    try {
      const end = await this.#deps.readEnd(this.#turnId);
      if (end !== undefined) this.#receive(end);
    } catch (error) {
      this.#deps.logger.warn("gateway.record_unreadable", { turnId: this.#turnId, error });
    }
  }

  #receive(event: TurnEvent): void {
    if (this.#isOver) return;
    this.#quietBeats = 0;
    if (event.type === "end") this.stop();
    this.#sink.event(event);
  }
}

export type TurnEnd = Extract<TurnEvent, { type: "end" }>;

/** For whoever wants the whole reply and nothing before. */
export class TurnOutcome implements TurnSink {
  /** Undefined: the face closed before the turn ended. */
  readonly end: Promise<TurnEnd | undefined>;
  #settle: (end: TurnEnd | undefined) => void = () => undefined;

  constructor() {
    this.end = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  event(event: TurnEvent): void {
    if (event.type === "end") this.#settle(event);
  }

  idle(): void {
    // Nothing can be written before the answer.
  }

  abandoned(): void {
    this.#settle(undefined);
  }
}

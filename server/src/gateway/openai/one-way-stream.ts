import type { TurnEvent } from "@troupe/contracts";
import type { Outlet } from "../outlet.ts";
import type { Failure } from "../reply.ts";
import type { TurnEnd, TurnSink } from "../turn-follower.ts";
import { failureOfEnd } from "../turn-record.ts";

/** How a dialect writes what happens in a turn, as text of an event stream. */
export interface StreamDialect {
  /** The first words, once the turn is accepted. */
  begin(turnId: string): string;
  text(delta: string): string;
  /** `sent`: the whole text that went out before. */
  finish(end: TurnEnd, sent: string): string;
  fail(failure: Failure, sent: string): string;
}

/**
 * A turn for a client that cannot take words back: the deltas of one tick are one chunk and one write, and the end is told
 * only after it is durable. A new attempt after text was sent ends the stream with an error that names the turn. Source:
 * design §5, Crashes.
 */
export class OneWayStream implements TurnSink {
  readonly #dialect: StreamDialect;
  #outlet: Outlet | undefined;
  #turnId = "";
  #pending = "";
  #sent = "";
  #end: TurnEnd | undefined;
  #isScheduled = false;
  #isOver = false;

  constructor(dialect: StreamDialect) {
    this.#dialect = dialect;
  }

  /** The turn is accepted: `connect` sends the headers with the first chunk. Text that came already follows. */
  open(turnId: string, connect: (firstChunk: string) => Outlet): Response {
    this.#turnId = turnId;
    const outlet = connect(this.#dialect.begin(turnId));
    this.#outlet = outlet;
    if (this.#end !== undefined) this.#finish(this.#end);
    else this.#flush();
    return outlet.response;
  }

  event(event: TurnEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#pending += event.text;
        this.#schedule();
        return;
      case "attempt-start":
        this.#beginAgain();
        return;
      case "end":
        this.#end = event;
        if (this.#outlet !== undefined) this.#finish(event);
        return;
      default:
      // Steps, tools and reasoning have no place in these dialects.
    }
  }

  idle(): void {
    this.#outlet?.write(": keep-alive\n\n");
  }

  abandoned(): void {
    this.#fail({
      code: "not_ready",
      message: `Troupe is closing. Turn ${this.#turnId} is kept and goes on.`,
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#outlet === undefined) return;
    this.#isScheduled = true;
    setImmediate(flushOf, this);
  }

  /** @internal For the one function of all streams that `setImmediate` gets. */
  flushScheduled(): void {
    this.#isScheduled = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#isOver || this.#pending === "") return;
    this.#outlet?.write(this.#takePending());
  }

  #takePending(): string {
    const text = this.#pending;
    this.#pending = "";
    this.#sent += text;
    return this.#dialect.text(text);
  }

  #beginAgain(): void {
    // What nobody has seen yet can still be taken back.
    this.#pending = "";
    if (this.#sent === "") return;
    this.#fail({
      code: "turn.failed",
      message: `Turn ${this.#turnId} broke off and began anew after text had been sent. Its reply will be under /api/turns/${this.#turnId}.`,
    });
  }

  #finish(end: TurnEnd): void {
    if (this.#isOver) return;
    const failure = this.#whyNot(end);
    if (failure !== undefined) {
      this.#fail(failure);
      return;
    }
    // The live events are provisional and may get lost; the kept reply counts.
    this.#pending = end.text.slice(this.#sent.length);
    const rest = this.#pending === "" ? "" : this.#takePending();
    this.#isOver = true;
    this.#outlet?.end(rest + this.#dialect.finish(end, this.#sent));
  }

  /** Why this stream cannot end well; undefined when it can. */
  #whyNot(end: TurnEnd): Failure | undefined {
    if (end.state !== "replied" && end.state !== "suppressed") return failureOfEnd(end);
    if (end.text.startsWith(this.#sent)) return undefined;
    return {
      code: "turn.failed",
      message: `The text that was sent is not the reply that was kept. Read it under /api/turns/${this.#turnId}.`,
    };
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outlet?.end(this.#dialect.fail({ ...failure, turnId: this.#turnId }, this.#sent));
  }
}

function flushOf(stream: OneWayStream): void {
  stream.flushScheduled();
}

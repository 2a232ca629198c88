import type { TurnEvent } from "@troupe/contracts";
import type { Outlet } from "./outlet.ts";
import type { TurnSink } from "./turn-follower.ts";

type Delta = Extract<TurnEvent, { type: "text-delta" | "reasoning-delta" }>;

/**
 * A turn as a stream of its own events: `event` is the type, `id` is `attempt.n`, `data` the event as JSON. Deltas of one
 * tick are merged under the last one's number, and all events of a tick are one write.
 */
export class TurnEventStream implements TurnSink {
  #outlet: Outlet | undefined;
  #delta: Delta | undefined;
  #pending = "";
  #isScheduled = false;
  #isEnded = false;

  /** The turn is accepted or known: `connect` sends the headers with what has come already. */
  open(connect: (first: string) => Outlet): Response {
    const first = this.#take();
    const outlet = connect(this.#isEnded ? "" : first);
    this.#outlet = outlet;
    if (this.#isEnded) outlet.end(first);
    return outlet.response;
  }

  event(event: TurnEvent): void {
    if (event.type === "text-delta" || event.type === "reasoning-delta") this.#merge(event);
    else {
      this.#closeDelta();
      this.#pending += eventText(event);
    }
    if (event.type === "end") {
      this.#isEnded = true;
      this.#outlet?.end(this.#take());
    } else this.#schedule();
  }

  idle(): void {
    this.#outlet?.write(": keep-alive\n\n");
  }

  abandoned(): void {
    this.#outlet?.end(`${this.#take()}: Troupe is closing; the turn is kept and goes on.\n\n`);
  }

  /** @internal For the one function of all streams that `setImmediate` gets. */
  flushScheduled(): void {
    this.#isScheduled = false;
    const text = this.#take();
    if (text !== "") this.#outlet?.write(text);
  }

  #merge(event: Delta): void {
    const last = this.#delta;
    if (last === undefined) this.#delta = event;
    else if (last.type === event.type && last.attempt === event.attempt) {
      this.#delta = { ...event, text: last.text + event.text };
    } else {
      this.#closeDelta();
      this.#delta = event;
    }
  }

  #closeDelta(): void {
    if (this.#delta === undefined) return;
    this.#pending += eventText(this.#delta);
    this.#delta = undefined;
  }

  #take(): string {
    this.#closeDelta();
    const text = this.#pending;
    this.#pending = "";
    return text;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#outlet === undefined) return;
    this.#isScheduled = true;
    setImmediate(flushOf, this);
  }
}

function flushOf(stream: TurnEventStream): void {
  stream.flushScheduled();
}

function eventText(event: TurnEvent): string {
  return `event: ${event.type}\nid: ${event.attempt}.${event.n}\ndata: ${JSON.stringify(event)}\n\n`;
}

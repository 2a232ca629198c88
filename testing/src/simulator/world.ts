import { createEventQueue, type EventQueue } from "./event-queue.ts";
import { createRandom, type Random, textHash } from "./random.ts";

/** Where an event happens: in a process, which may be stopped or gone, or outside, where nothing ever stops. */
export interface Place {
  readonly name: string;
  /** Runs `happen` now, keeps it for later, or forgets it. */
  receive(happen: () => void): void;
}

/** One simulated world: time that passes only from event to event, and a log of all that happened. */
export interface World {
  readonly random: Random;
  /** Milliseconds since the beginning, with fractions. */
  readonly nowMs: number;
  /** UTC milliseconds, as the database's clock has them. */
  readonly utcMs: number;
  /** Puts that clock forward, or back where it is negative. */
  shiftUtc(byMs: number): void;
  /** Events that happened. */
  readonly steps: number;
  /** Something happens in `place` (undefined: outside of every process) after `delayMs` milliseconds. */
  after(delayMs: number, place: Place | undefined, label: string, happen: () => void): Disposable;
  /** Time stands still until the promise settles: for real work, such as a commit to a database in memory. */
  hold<Result>(work: Promise<Result>): Promise<Result>;
  /** A line for people, and for the hash. */
  log(place: string, what: string, detail?: string): void;
  /** Runs events until `isDone`, `untilMs`, or a thrown error; `isDone` is asked before each event. */
  run(isDone: () => boolean, untilMs: number): Promise<"done" | "time" | "empty">;
  /** Ends the run with this error. */
  fail(error: unknown): void;
  /** Of everything that happened so far, in order. The same seed gives the same hash. */
  readonly logHash: string;
  /** Only with `keepLog`. */
  readonly lines: readonly string[];
}

interface WorldEvent {
  readonly atMs: number;
  readonly order: number;
  readonly place: Place | undefined;
  readonly label: string;
  happen: (() => void) | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly startUtcMs?: number;
  readonly keepLog?: boolean;
}

const START_UTC_MS = Date.UTC(2026, 10, 20, 12, 0, 0);

export function createWorld({ seed, startUtcMs = START_UTC_MS, keepLog = false }: WorldOptions): World {
  const queue = createEventQueue<WorldEvent>();
  const lines: string[] = [];
  const digest = createDigest();
  let nowMs = 0;
  let shiftMs = 0;
  let order = 0;
  let steps = 0;
  let held = 0;
  let failure: { readonly error: unknown } | undefined;

  const log = (place: string, what: string, detail = ""): void => {
    digest.add(what);
    digest.add(detail);
    if (keepLog) lines.push(lineOf(nowMs, place, what, detail));
  };
  const happen = (event: WorldEvent): void => {
    const { happen: run, place, label } = event;
    if (run === undefined) return;
    nowMs = Math.max(nowMs, event.atMs);
    steps += 1;
    digest.number(Math.floor(nowMs * 1000));
    digest.add(label);
    if (place === undefined) run();
    else place.receive(run);
  };
  const passTo = (ms: number): void => {
    nowMs = ms;
  };

  return {
    random: createRandom(seed),
    get nowMs() {
      return nowMs;
    },
    get utcMs() {
      return startUtcMs + shiftMs + Math.floor(nowMs);
    },
    shiftUtc(byMs) {
      shiftMs += byMs;
      log("world", "clock of the database is moved", `by ${Math.round(byMs)} ms`);
    },
    get steps() {
      return steps;
    },
    after(delayMs, place, label, run) {
      const atMs = nowMs + Math.max(0, delayMs);
      const event: WorldEvent = { atMs, order: order++, place, label, happen: run };
      queue.push(event);
      return {
        [Symbol.dispose]() {
          event.happen = undefined;
        },
      };
    },
    hold(work) {
      held += 1;
      const settled = (): void => void held--;
      work.then(settled, settled);
      return work;
    },
    log,
    run: (isDone, untilMs) =>
      runEvents(queue, { untilMs, isDone, isHeld: () => held > 0, failure: () => failure, happen, passTo }),
    fail(error) {
      failure ??= { error };
    },
    get logHash() {
      return digest.text();
    },
    lines,
  };
}

function lineOf(atMs: number, place: string, what: string, detail: string): string {
  return `${atMs.toFixed(3).padStart(11)}  ${place.padEnd(8)} ${what} ${detail}`.trimEnd();
}

interface Course {
  readonly untilMs: number;
  readonly isDone: () => boolean;
  readonly isHeld: () => boolean;
  readonly failure: () => { readonly error: unknown } | undefined;
  readonly happen: (event: WorldEvent) => void;
  readonly passTo: (ms: number) => void;
}

/** Each immediate lets every promise settle that can, before the next event. */
async function runEvents(queue: EventQueue<WorldEvent>, course: Course): Promise<"done" | "time" | "empty"> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const failure = course.failure();
    if (failure !== undefined) throw failure.error;
    if (course.isHeld()) continue;
    if (course.isDone()) return "done";
    const event = queue.pop();
    if (event === undefined) return "empty";
    if (event.atMs > course.untilMs) {
      queue.push(event);
      course.passTo(course.untilMs);
      return "time";
    }
    course.happen(event);
  }
}

/** Two running hashes of 32 bits; the texts are few and repeat, so each is hashed once. */
function createDigest(): { add(text: string): void; number(value: number): void; text(): string } {
  const known = new Map<string, number>();
  let high = 0x811c9dc5;
  let low = 0x1b873593;
  const mixIn = (value: number): void => {
    high = Math.imul(high ^ value, 0x01000193);
    low = Math.imul((low << 13) | (low >>> 19), 5) + (value ^ high);
  };
  return {
    add(text) {
      let hash = known.get(text);
      if (hash === undefined) {
        hash = textHash(text);
        if (known.size < 10_000) known.set(text, hash);
      }
      mixIn(hash);
    },
    number: (value) => mixIn(value | 0),
    text: () => (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0"),
  };
}

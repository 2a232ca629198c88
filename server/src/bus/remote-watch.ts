import type { Clock, Envelope, MessageBus, TurnEvent } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";

/** So long is waited for what was said before, each time it is asked for. */
const CATCH_UP_MS = 250;
/** Where nobody answers it is asked again so often, each time after twice as long: together some eight seconds. */
const MOST_TRIES = 5;

export interface RemoteWatchDeps {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly processId: string;
  readonly turnId: string;
  /** Asks whoever runs the turn for what it said so far. */
  readonly ask: () => void;
  /** Each event once, in order, words without a hole between them. */
  readonly pass: (event: TurnEvent) => void;
}

/** One turn that runs elsewhere, or may. */
export interface RemoteWatch {
  /** How many watch it here. */
  watchers: number;
  /** It runs here, so that others are told of it from here. */
  readonly isOurs: boolean;
  /** What was said before; whoever runs the turn tells it once asked. */
  said(events: readonly TurnEvent[]): void;
  /** It runs here after all; its events are passed already. */
  ours(event: TurnEvent): void;
  /** Some of it may have been missed. */
  lookBack(): void;
  stop(): void;
}

/**
 * The bus may lose any of it. Each batch tells what it follows, so a hole is seen; then the rest is asked for, and of the
 * answer only what was not shown yet is passed. While nobody tells what is missing, words are held back: the record's end
 * has them all, and a face that cannot take words back has said nothing wrong.
 */
export function createRemoteWatch(deps: RemoteWatchDeps): RemoteWatch {
  const { bus, processId, turnId } = deps;
  const progress = createProgress(deps.pass);
  const wait = createWait(deps, () => goOn(undefined));
  let isOurs = false;

  const goOn = (said: readonly TurnEvent[] | undefined): void => {
    const early = wait.end();
    if (said === undefined) progress.tear();
    else progress.catchUp(said);
    for (const event of early) progress.take(event);
    if (said !== undefined) wait.wasAnswered();
    // Of a turn that has not begun there is nothing to say.
    else if (progress.hasBegun()) wait.beginLater();
  };
  const hear = ({ payload }: Envelope): void => {
    if (payload.from === processId) return;
    const events = eventsOf(payload, turnId);
    const [first] = events;
    if (first === undefined) return;
    if (progress.isNew(first)) isOurs = false;
    // From its first event on nothing is missing.
    if (first.type === "attempt-start" && progress.isNew(first)) wait.end();
    else if (progress.misses(first, payload.after)) wait.begin();
    if (wait.isOn) wait.put(events);
    else for (const event of events) progress.take(event);
    // Nobody tells any more what was said before an end, and the end tells all of it.
    if (wait.isOn && events.at(-1)?.type === "end") goOn(undefined);
  };
  const listening = bus.subscribe(`${SUBJECTS.turnLive}.${turnId}`, hear);
  wait.begin();
  return {
    watchers: 0,
    get isOurs() {
      return isOurs;
    },
    said(events) {
      if (progress.isPresent(events)) goOn(events);
    },
    ours(event) {
      isOurs = true;
      wait.end();
      progress.note(event);
    },
    lookBack: wait.begin,
    stop() {
      wait.stop();
      listening[Symbol.dispose]();
    },
  };
}

/** Waits for what was said before. */
interface Wait {
  readonly isOn: boolean;
  /** Asks for it, unless it is waited for already. */
  begin(): void;
  /** Asks again after a while, if it was not asked for too often. */
  beginLater(): void;
  wasAnswered(): void;
  /** Live events that came meanwhile. */
  put(events: readonly TurnEvent[]): void;
  /** Waits no longer; gives what came meanwhile. */
  end(): readonly TurnEvent[];
  stop(): void;
}

function createWait({ clock, ask }: Pick<RemoteWatchDeps, "clock" | "ask">, onTimeout: () => void): Wait {
  let early: TurnEvent[] | undefined;
  let timer: Disposable | undefined;
  let tries = 0;
  let isStopped = false;
  const begin = (): void => {
    if (early !== undefined || isStopped) return;
    early = [];
    timer?.[Symbol.dispose]();
    timer = clock.schedule(CATCH_UP_MS, onTimeout);
    ask();
  };
  return {
    get isOn() {
      return early !== undefined;
    },
    begin,
    beginLater() {
      // Its process may be away from the bus a little longer than this one.
      if (!isStopped && tries < MOST_TRIES) timer = clock.schedule(CATCH_UP_MS * 2 ** tries++, begin);
    },
    wasAnswered() {
      tries = 0;
    },
    put: (events) => void early?.push(...events),
    end() {
      const came = early ?? [];
      early = undefined;
      timer?.[Symbol.dispose]();
      return came;
    },
    stop() {
      isStopped = true;
      timer?.[Symbol.dispose]();
    },
  };
}

type Delta = Extract<TurnEvent, { readonly type: "text-delta" | "reasoning-delta" }>;

/** How much of a turn was passed on: always the beginning of its present attempt, without a hole. */
interface Progress {
  hasBegun(): boolean;
  isNew(event: TurnEvent): boolean;
  /** Something lies between what was passed and this, the first of a batch that follows the event `after`. */
  misses(first: TurnEvent, after: unknown): boolean;
  /** One whose attempt is over does not know what the present one says. */
  isPresent(said: readonly TurnEvent[]): boolean;
  /** Whether the event is to be passed: it is new, and nothing is missing before it. */
  note(event: TurnEvent): boolean;
  take(event: TurnEvent): void;
  /** Takes what was not passed yet of an attempt so far. */
  catchUp(said: readonly TurnEvent[]): void;
  /** Words are missing between those that were passed and what comes. */
  tear(): void;
}

function createProgress(pass: (event: TurnEvent) => void): Progress {
  const none = { "text-delta": 0, "reasoning-delta": 0 };
  let [attempt, n] = [-1, -1];
  /** Characters of the present attempt that were passed, always its first. */
  let shown = { ...none };
  let isTorn = false;

  const isNew = (event: TurnEvent): boolean =>
    event.type === "end" || event.attempt > attempt || (event.attempt === attempt && event.n > n);
  const note = (event: TurnEvent): boolean => {
    if (!isNew(event)) return false;
    const isStart = event.type === "attempt-start";
    if (isStart || event.attempt > attempt) {
      shown = { ...none };
      isTorn = !isStart;
    }
    [attempt, n] = [event.attempt, event.n];
    if (!isDelta(event)) return true;
    if (!isTorn) shown[event.type] += event.text.length;
    return !isTorn;
  };
  const take = (event: TurnEvent): void => {
    if (note(event)) pass(event);
  };
  return {
    ...{ isNew, note, take },
    hasBegun: () => attempt >= 0,
    misses: (first, after) =>
      isTorn || first.attempt > attempt || (first.attempt === attempt && isAfter(after, n)),
    isPresent: (said) => (said.at(-1)?.attempt ?? Number.NEGATIVE_INFINITY) >= attempt,
    catchUp(said) {
      let known = { ...shown };
      for (const event of said) {
        if (isNew(event) && (event.attempt > attempt || event.type === "attempt-start")) known = { ...none };
        if (!isDelta(event) || event.attempt !== attempt) {
          take(event);
          continue;
        }
        const text = event.text.slice(known[event.type]);
        known[event.type] -= event.text.length - text.length;
        n = Math.max(n, event.n);
        shown[event.type] += text.length;
        if (text !== "") pass({ ...event, text });
      }
      isTorn = false;
    },
    tear() {
      isTorn = true;
    },
  };
}

/** Others may leave it out. */
function isAfter(after: unknown, n: number): boolean {
  return typeof after === "number" && after > n;
}

function isDelta(event: TurnEvent): event is Delta {
  return event.type === "text-delta" || event.type === "reasoning-delta";
}

/** Those that can be told apart at all; the bus carries what anybody on it says. */
export function eventsOf(payload: Readonly<Record<string, unknown>>, turnId: string): readonly TurnEvent[] {
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

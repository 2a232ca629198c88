import { type Counter, nextDelayMs } from "../../kit/index.ts";
import type { StoreFailure } from "../failure.ts";
import type { Row } from "../statement.ts";
import type { Sharing } from "./custody.ts";
import { GUARD_STATE, postgresDialect } from "./dialect.ts";
import { failureOf, isLost, isTransient, stateOf } from "./errors.ts";
import type { Trip, TripOutcome } from "./groups.ts";
import type { Held, Link, LinkOptions } from "./link.ts";
import { LOCK_CLASS } from "./migrate.ts";
import { Pipeline, type PipelineOutcome, type Step } from "./pipeline.ts";

interface TripOptions extends LinkOptions {
  /** How long a commit waits for a server that is away. */
  readonly patienceMs: number;
}

/** A statement that lost against another transaction is sent again so often. */
const MAX_TRIES = 6;
const RETRY = { baseMs: 5, capMs: 200 } as const;

/** First in each transaction: it tells later what was kept, and refuses a connection that another has replaced. */
const MARK = "UPDATE troupe_writers SET mark = $3 WHERE id = $1 AND generation = $2";

/**
 * Where processes share the database, one of them commits at a time: rows are numbered in the order of commits, which
 * indexing relies on, and groups never wait for each other's rows crosswise. Let go by the end of the transaction.
 */
const MY_TURN = `(SELECT count(*) FROM pg_advisory_xact_lock(${LOCK_CLASS}, hashtext('write ' || current_schema()))) = 1`;

function markOf(sharing: Sharing): Omit<Step, "values"> {
  const text = sharing === "shared" ? `${MARK} AND ${MY_TURN}` : MARK;
  return { name: "mark", text: postgresDialect.guarded(text, "nothing") };
}

/** One transaction on its way, over as many connections as it takes. */
interface Journey {
  readonly steps: readonly Step[];
  readonly mark: number;
  readonly untilMs: number;
  /** It may have been kept, as far as we know. */
  isDoubtful: boolean;
  answered: readonly (readonly Row[])[] | undefined;
  tries: number;
  delayMs: number;
}

/**
 * Transactions over a connection that may break. When it does, the mark that the database kept tells whether the
 * transaction was kept: if not it is sent again, so nothing is lost and nothing doubled. One at a time.
 */
export function createTrips(link: Link, options: TripOptions): Trip {
  const { clock, writerId } = options;
  const trips = options.metrics.counter(
    "store_round_trips_total",
    "Round trips to the database server, by kind",
  );
  const markStep = markOf(options.sharing);
  let lastMark = 0;
  const deps = { ...options, link, trips };

  return async (steps) => {
    const mark = ++lastMark;
    const untilMs = clock.monotonicMs() + options.patienceMs;
    const journey: Journey = {
      ...{ steps, mark, untilMs, isDoubtful: false, answered: undefined },
      ...{ tries: 1, delayMs: RETRY.baseMs },
    };
    for (;;) {
      const held = await link.held(untilMs);
      const known =
        held === undefined ? unreached(journey, link, options.where) : foundOut(journey, held, options);
      if (known !== undefined || held === undefined) return known as TripOutcome;
      journey.isDoubtful = true;
      link.undelivered = mark;
      const marked = [{ ...markStep, values: [writerId, held.generation, mark] }, ...steps];
      const outcome = await send(deps, held, marked);
      const result = await judge(deps, held, journey, outcome);
      if (result !== undefined) return result;
    }
  };
}

/** What a new connection tells of a transaction that was under way when the old one broke. */
function foundOut(
  { isDoubtful, mark, answered }: Journey,
  held: Held,
  { where }: TripOptions,
): TripOutcome | undefined {
  if (!isDoubtful || held.mark !== mark) return undefined;
  if (answered === undefined) return { kind: "unavailable", failure: unheardFailure(where) };
  return { kind: "kept", rows: answered.slice(1) };
}

function unreached({ isDoubtful, mark }: Journey, link: Link, where: string): TripOutcome {
  if (!isDoubtful) return { kind: "unavailable", failure: link.failure ?? awayFailure(where) };
  // Nobody hears of it any more, however it ended.
  link.undelivered = mark;
  return { kind: "unavailable", failure: unknownFailure(where) };
}

interface SendDeps extends TripOptions {
  readonly link: Link;
  readonly trips: Counter;
}

function send(deps: SendDeps, held: Held, steps: readonly Step[]): Promise<PipelineOutcome> {
  deps.trips.add(1, { kind: "write" });
  return new Promise((resolve) => {
    // Longer than the server takes to end a statement itself: the network has swallowed the answer.
    const timer = deps.clock.schedule(2 * deps.statementTimeoutMs, () => deps.link.drop(held));
    const pipeline = new Pipeline(steps, held.prepared, (outcome) => {
      timer[Symbol.dispose]();
      resolve(outcome);
    });
    held.client.query(pipeline as never);
  });
}

/** What came of a transaction; undefined when it is to be sent again. */
async function judge(
  { link, random, where }: SendDeps,
  held: Held,
  journey: Journey,
  outcome: PipelineOutcome,
): Promise<TripOutcome | undefined> {
  link.undelivered = undefined;
  if (outcome.kind === "done") return { kind: "kept", rows: outcome.rows.slice(1) };
  const { error, answered } = outcome;
  if (isLost(error)) {
    const isAnswered = answered.length === journey.steps.length + 1;
    journey.answered = isAnswered ? answered : undefined;
    // What nobody hears of is given back by the next connection, where it was kept.
    if (!isAnswered) link.undelivered = journey.mark;
    link.drop(held);
    return undefined;
  }
  // The server says itself that nothing of it is kept.
  journey.isDoubtful = false;
  if (isTransient(error) && journey.tries < MAX_TRIES) {
    journey.tries += 1;
    journey.delayMs = nextDelayMs(journey.delayMs, RETRY, random);
    await link.pause(journey.delayMs);
    return undefined;
  }
  // The mark itself: this connection is not the writer's any more.
  if (answered.length === 0 && stateOf(error) === GUARD_STATE) {
    const failure = link.fence(undefined);
    link.drop(held);
    return { kind: "unavailable", failure };
  }
  if (answered.length === 0) return { kind: "unavailable", failure: failureOf(error, where) };
  return { kind: "refused", step: Math.min(answered.length, journey.steps.length) - 1, error };
}

function awayFailure(where: string): StoreFailure {
  const message = `The database ${where} cannot be reached; nothing of this was kept. Check that its server runs.`;
  return { code: "store.busy", message, isFatal: true };
}

function unknownFailure(where: string): StoreFailure {
  return {
    code: "store.failed",
    message: `The connection to the database ${where} broke while this was being kept, and the server did not come back; whether it was kept is not known.`,
    isFatal: true,
  };
}

function unheardFailure(where: string): StoreFailure {
  return {
    code: "store.failed",
    message: `The connection to the database ${where} broke while this was being kept. It was kept, but what came of it was not heard. Look whether it is there before trying again.`,
    isFatal: true,
  };
}

import {
  type Clock,
  type Committed,
  type ErrorCode,
  type Logger,
  TroupeError,
  type UnitOfWork,
  type Write,
} from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { Answer, Batch } from "./batch.ts";
import { troupeErrorOf } from "./failure.ts";
import type { StoreWrite, Value } from "./statement.ts";

/** Carries batches to an engine, here or on another thread. One is under way at a time. */
export interface BatchTransport {
  /** Calls `answered` exactly once, with the answer or with why there is none. */
  send(batch: Batch, answered: (answer: Answer | TroupeError) => void): void;
  /** Runs `post` when the commits of this tick are together. */
  afterTick(post: () => void): void;
}

export interface Writer extends UnitOfWork {
  /** Refuses new commits, waits for those handed over. */
  close(): Promise<void>;
  /** Transactions that wait or are under way. */
  queued(): number;
  lastFailure(): TroupeError | undefined;
  /** Commits now. Only over a transport that answers before `send` returns. */
  applySync(writes: readonly Write<unknown>[]): Committed;
}

interface Waiting {
  readonly writes: readonly StoreWrite[];
  readonly signal: AbortSignal | undefined;
  /** Absent for riders. */
  readonly resolve: ((committed: Committed) => void) | undefined;
  readonly reject: (error: unknown) => void;
}

/** Riders wait for company so long. Source: hot-path study, decision 5. */
const RIDE_MS = 25;
/** Most transactions of one group; keeps one group's results and its write lock short. */
const GROUP_LIMIT = 512;

interface WriterDeps {
  readonly transport: BatchTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Transactions beyond this wait no more: `store.busy`. */
  readonly queueLimit: number;
}

export function createWriter(deps: WriterDeps): Writer {
  const { clock, logger } = deps;
  const scoreboard = createScoreboard(deps.metrics);
  const queue = createQueue(deps, scoreboard);
  let isClosed = false;
  let rideTimer: Disposable | undefined;

  const enqueue = (writes: readonly Write<unknown>[], rest: Omit<Waiting, "writes">): boolean => {
    const isFull = queue.length() >= deps.queueLimit;
    if (isClosed || isFull) rest.reject(isClosed ? closedError() : busyError());
    else queue.push({ writes: writes as readonly StoreWrite[], ...rest });
    return !isClosed && !isFull;
  };
  const onRideTime = (): void => {
    rideTimer = undefined;
    queue.wake();
  };

  return {
    commit(writes, { signal }) {
      return new Promise<Committed>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (enqueue(writes, { signal, resolve, reject })) queue.wake();
      });
    },
    ride(writes) {
      const reject = (error: unknown): void => logger.warn("store.ride-failed", { error });
      if (enqueue(writes, { signal: undefined, resolve: undefined, reject }))
        rideTimer ??= clock.schedule(RIDE_MS, onRideTime);
    },
    flush: ({ signal }) => (signal.aborted ? Promise.reject(signal.reason) : queue.drained()),
    async close() {
      isClosed = true;
      await queue.drained();
      rideTimer?.[Symbol.dispose]();
    },
    queued: queue.length,
    lastFailure: scoreboard.lastFailure,
    applySync(writes) {
      let outcome: { readonly committed: Committed } | { readonly error: unknown } | undefined;
      const resolve = (committed: Committed): void => {
        outcome = { committed };
      };
      const reject = (error: unknown): void => {
        outcome = { error };
      };
      enqueue(writes, { signal: undefined, resolve, reject });
      while (outcome === undefined) queue.post();
      if ("error" in outcome) throw outcome.error;
      return outcome.committed;
    },
  };
}

interface Queue {
  push(waiting: Waiting): void;
  /** Somebody waits: the queue goes out at the end of this tick, or when the group under way is back. */
  wake(): void;
  post(): void;
  drained(): Promise<void>;
  length(): number;
}

/** Collects transactions while a group is under way; the next group takes all of them. */
function createQueue({ transport, metrics }: WriterDeps, scoreboard: Scoreboard): Queue {
  const queue: Waiting[] = [];
  let underWay = 0;
  let isPosting = false;
  /** Somebody waits for what is queued; riders alone wait for their time. */
  let isUrgent = false;
  let drains: (() => void)[] = [];
  metrics.probe("store_queue_length", "Transactions that wait for the writer", () => queue.length + underWay);

  const wake = (): void => {
    isUrgent = true;
    if (isPosting || underWay > 0) return;
    isPosting = true;
    transport.afterTick(post);
  };
  const post = (): void => {
    isPosting = false;
    const group = queue.splice(0, GROUP_LIMIT).filter(isWanted);
    isUrgent = queue.length > 0;
    if (group.length === 0) {
      goOn();
      return;
    }
    underWay = group.length;
    transport.send(encode(group), (answer) => {
      underWay = 0;
      settle(group, answer, scoreboard);
      goOn();
    });
  };
  const goOn = (): void => {
    if (queue.length > 0) {
      if (isUrgent || drains.length > 0) wake();
      return;
    }
    const done = drains;
    drains = [];
    for (const resolve of done) resolve();
  };

  return {
    push: (waiting) => void queue.push(waiting),
    wake,
    post,
    drained() {
      if (queue.length === 0 && underWay === 0) return Promise.resolve();
      return new Promise((resolve) => {
        drains.push(resolve);
        wake();
      });
    },
    length: () => queue.length + underWay,
  };
}

/** Rejects what was aborted before the hand-over. */
function isWanted({ signal, reject }: Waiting): boolean {
  if (signal?.aborted === true) reject(signal.reason);
  return signal?.aborted !== true;
}

interface Scoreboard {
  group(kept: number): void;
  refused(error: TroupeError): void;
  lastFailure(): TroupeError | undefined;
}

function createScoreboard(metrics: Metrics): Scoreboard {
  const transactions = metrics.counter("store_transactions_total", "Transactions that were committed");
  const groups = metrics.counter(
    "store_groups_total",
    "Groups of transactions, one COMMIT and one fsync each",
  );
  const refusals = metrics.counter("store_refused_total", "Transactions that were refused, by code");
  let failure: TroupeError | undefined;
  return {
    group(kept) {
      groups.add();
      transactions.add(kept);
      if (kept > 0) failure = undefined;
    },
    refused(error) {
      refusals.add(1, { code: error.code });
      if (!EXPECTED.has(error.code)) failure = error;
    },
    lastFailure: () => failure,
  };
}

function settle(group: readonly Waiting[], answer: Answer | TroupeError, scoreboard: Scoreboard): void {
  if (answer instanceof TroupeError) {
    scoreboard.refused(answer);
    for (const one of group) one.reject(answer);
    return;
  }
  let at = 0;
  let kept = 0;
  const refused: TroupeError[] = [];
  for (const one of group) {
    const head = answer[at++];
    if (typeof head === "string") {
      const error = troupeErrorOf({ code: head as ErrorCode, message: String(answer[at++]) });
      refused.push(error);
      one.reject(error);
      continue;
    }
    kept++;
    const results = resultsOf(one.writes, answer, at);
    at += results.taken;
    one.resolve?.(results.committed);
  }
  scoreboard.group(kept);
  for (const error of refused) scoreboard.refused(error);
}

/** Refusals that are part of the work, not of the store's health. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "store.conflict",
  "store.duplicate",
  "budget.exceeded",
]);

function encode(group: readonly Waiting[]): Value[] {
  const batch: Value[] = [];
  for (const { writes } of group) {
    const start = batch.push(0) - 1;
    let operations = 0;
    for (const write of writes) operations += encodeWrite(batch, write);
    batch[start] = operations;
  }
  return batch;
}

function encodeWrite(batch: Value[], write: StoreWrite): number {
  batch.push(write.index, ...write.values);
  let operations = 1;
  if (write.rest !== undefined) for (const one of write.rest) operations += encodeWrite(batch, one);
  return operations;
}

function resultsOf(
  writes: readonly StoreWrite[],
  answer: Answer,
  start: number,
): { readonly committed: Committed; readonly taken: number } {
  const found: unknown[] = [];
  let at = start;
  for (const write of writes) {
    found.push(write.statement.returns === "nothing" ? undefined : answer[at]);
    at += resultCount(write);
  }
  const committed: Committed = {
    read<Result>(write: Write<Result>): Result {
      const index = writes.indexOf(write as StoreWrite);
      if (index < 0) throw new TypeError("This write was not part of the commit.");
      return writes[index]?.decode?.(found[index] as never) as Result;
    },
  };
  return { committed, taken: at - start };
}

function resultCount(write: StoreWrite): number {
  let count = write.statement.returns === "nothing" ? 0 : 1;
  if (write.rest !== undefined) for (const one of write.rest) count += resultCount(one);
  return count;
}

function closedError(): TroupeError {
  return new TroupeError("The store is closed: Troupe is shutting down. Nothing of this was kept.", {
    code: "store.closed",
  });
}

function busyError(): TroupeError {
  return new TroupeError(
    "More writes wait than the disk can keep up with. Nothing of this was kept; try again shortly.",
    {
      code: "store.busy",
      retryable: true,
      retryAfterMs: 250,
    },
  );
}

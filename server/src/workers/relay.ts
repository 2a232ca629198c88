import type {
  Channel,
  Clock,
  DeliveryOutcome,
  Logger,
  MessageBus,
  OutboxRecord,
  OutboxStore,
  UnitOfWork,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createWakeLoop, type Metrics, SECONDS_BUCKETS } from "../kit/index.ts";
import { deliver, type HeldRow, LEASE_MARGIN_MS } from "./delivery.ts";
import { createInFlight, type InFlight } from "./in-flight.ts";
import { createSettler } from "./settler.ts";
import { wokenBy } from "./woken-by.ts";

const DEFAULT_PER_CHANNEL = 32;
const DEFAULT_SWEEP_MS = 5_000;
const RETRY_MS = 1_000;
/** A row is due by our clock and not yet by the database's. */
const CLOCK_SKEW_PAUSE_MS = 250;
/** For the marks of sends that a stop has aborted. */
const LAST_MARKS_MS = 2_000;

export interface RelayDeps {
  readonly unit: UnitOfWork;
  readonly outbox: OutboxStore;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly bus: MessageBus;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly processId: string;
  /** The process's own lease: a claim ends with it, however long its row's lease is, and so does a send. */
  readonly lease: { hold(): () => number };
  /** Lease of one claim. Well above `sendTimeoutMs`, or no send could begin. */
  readonly leaseMs: number;
  readonly sendTimeoutMs: number;
  /** Most sends at once to one channel, so that a slow one takes no places of the others. Default 32. */
  readonly maxPerChannel?: number;
  /** Looks without being told to, for doorbells that were lost and processes that died. Default 5,000. */
  readonly sweepMs?: number;
  /** Told of each reply that was given up or may have arrived, once that is kept. */
  readonly onDead?: (
    row: OutboxRecord,
    outcome: Extract<DeliveryOutcome, { kind: "dead" | "unknown" }>,
  ) => void;
}

export interface Relay {
  /** Delivers until the signal aborts; then nothing more is claimed, and `stop` ends what is under way. */
  start(signal: AbortSignal): void;
  /** Claims no more and waits for sends under way, at most `withinMs` milliseconds; then aborts them. */
  stop(withinMs: number): Promise<void>;
}

/** Brings replies from the outbox to their channels: one loop for the process, whatever the number of channels. */
export function createRelay(deps: RelayDeps): Relay {
  const { unit, outbox, bus, clock, logger, metrics, processId, lease, leaseMs, sendTimeoutMs } = deps;
  const { maxPerChannel = DEFAULT_PER_CHANNEL, sweepMs = DEFAULT_SWEEP_MS } = deps;
  checkLease(leaseMs, sendTimeoutMs);
  const settler = createSettler(deps);
  const inFlight = createInFlightByChannel(clock, metrics);
  const sends = new AbortController();
  const report = createReport(logger, metrics);
  let doorbell: Disposable | undefined;
  const handle = async (held: HeldRow): Promise<void> => {
    const { row } = held;
    const startedMs = clock.monotonicMs();
    let ended: DeliveryOutcome | undefined;
    try {
      ended = await deliver(deps, held, sends.signal);
    } catch (error) {
      logger.error("relay.failed", { outboxId: row.id, turnId: row.turnId, error });
    }
    const outcome = ended ?? givenBack(row, report, clock.now());
    const settled = await settler.settle(outbox.settle(row, outcome, clock.now()));
    if (settled !== "kept") return report.unsettled(row, outcome, settled);
    report.settled(row, outcome, clock.monotonicMs() - startedMs);
    if (outcome.kind === "dead" || outcome.kind === "unknown") deps.onDead?.(row, outcome);
    if (outcome.kind === "retry") loop.wakeIn(Math.max(0, outcome.dueAt - clock.now()));
  };
  /** Claims for all these channels in one commit; resolves with how many sends began. */
  const claim = async (channels: readonly string[], signal: AbortSignal): Promise<number> => {
    const beforeMs = clock.monotonicMs();
    const leaseHeldUntilMs = lease.hold();
    const writes = channels.map((channel) => {
      const limit = maxPerChannel - inFlight.size(channel);
      return outbox.claim({ owner: processId, leaseMs, limit, channel });
    });
    const committed = await unit.commit(writes, { signal });
    const claimedUntilMs = beforeMs + leaseMs;
    const rows = writes.flatMap((write) => committed.read(write));
    // Another row of the same target may be due once this one has ended.
    for (const row of rows)
      inFlight.add(row.address.channel, handle({ row, claimedUntilMs, leaseHeldUntilMs }), loop.wake);
    return rows.length;
  };
  const loop = createWakeLoop({
    name: "relay",
    clock,
    logger,
    retryMs: RETRY_MS,
    round: async (signal) => {
      const all = await outbox.nextDue({ signal });
      // A channel without a free place waits; the end of a send wakes the loop.
      const waiting = all.filter(({ channel }) => inFlight.size(channel) < maxPerChannel);
      const { due, nextMs } = sorted(waiting, clock.now(), sweepMs);
      if (due.length === 0) return nextMs;
      if (!mayClaim(deps)) return RETRY_MS;
      return (await claim(due, signal)) > 0 ? 0 : Math.min(nextMs, CLOCK_SKEW_PAUSE_MS);
    },
  });

  return {
    start(signal) {
      doorbell ??= wokenBy(bus, SUBJECTS.outboxDue, loop.wake);
      loop.start(signal);
    },
    async stop(withinMs) {
      doorbell?.[Symbol.dispose]();
      await loop.stop(withinMs);
      if (await inFlight.drain(withinMs)) return;
      sends.abort(new TroupeError("Troupe is stopping.", { code: "channel.unavailable", retryable: true }));
      await inFlight.drain(LAST_MARKS_MS);
    },
  };
}

/** Channels with something to send now, and milliseconds until another has, at most `sweepMs`. */
function sorted(
  waiting: readonly { readonly channel: string; readonly dueAt: number }[],
  now: number,
  sweepMs: number,
): { readonly due: readonly string[]; readonly nextMs: number } {
  const due = waiting.filter(({ dueAt }) => dueAt <= now).map(({ channel }) => channel);
  const laterMs = waiting.map(({ dueAt }) => dueAt - now).filter((ms) => ms > 0);
  return { due, nextMs: Math.min(sweepMs, ...laterMs) };
}

/** Nothing was begun under the claim, so it need not stand until its lease ends: nobody else could send meanwhile. */
function givenBack(row: OutboxRecord, report: Report, now: number): DeliveryOutcome {
  report.left(row);
  return { kind: "retry", dueAt: now + RETRY_MS, error: "The claim would have ended before the send." };
}

interface InFlightByChannel {
  size(channel: string): number;
  add(channel: string, work: Promise<void>, onEnd: () => void): void;
  drain(withinMs: number): Promise<boolean>;
}

/** Channels are few; one that has nothing under way any more is forgotten. */
function createInFlightByChannel(clock: Clock, metrics: Metrics): InFlightByChannel {
  const channels = new Map<string, InFlight>();
  metrics.probe("outbox_sending", "Replies that are on their way just now, by channel.", () =>
    [...channels].map(([channel, { size }]) => ({ labels: { channel }, value: size })),
  );
  return {
    size: (channel) => channels.get(channel)?.size ?? 0,
    add(channel, work, onEnd) {
      const own = channels.get(channel) ?? createInFlight(clock);
      channels.set(channel, own);
      own.add(work, () => {
        if (own.size === 0 && channels.get(channel) === own) channels.delete(channel);
        onEnd();
      });
    },
    async drain(withinMs) {
      return (await Promise.all([...channels.values()].map((one) => one.drain(withinMs)))).every(Boolean);
    },
  };
}

/** Without a lease nothing may be sent: a row would be claimed, left and claimed again until its attempts are used up. */
function mayClaim({ lease, clock }: RelayDeps): boolean {
  return lease.hold()() > clock.monotonicMs() + LEASE_MARGIN_MS;
}

function checkLease(leaseMs: number, sendTimeoutMs: number): void {
  if (leaseMs > sendTimeoutMs) return;
  throw new TroupeError(`A claim of ${leaseMs} ms is too short for sends of up to ${sendTimeoutMs} ms.`, {
    code: "config.invalid",
  });
}

interface Report {
  left(row: OutboxRecord): void;
  unsettled(row: OutboxRecord, outcome: DeliveryOutcome, settled: "lost" | "failed"): void;
  settled(row: OutboxRecord, outcome: DeliveryOutcome, tookMs: number): void;
}

function createReport(logger: Logger, metrics: Metrics): Report {
  const deliveries = metrics.counter("outbox_deliveries_total", "Delivery attempts by channel and outcome");
  const seconds = metrics.histogram(
    "outbox_delivery_seconds",
    "Time from claim to the kept outcome",
    SECONDS_BUCKETS,
  );
  const fieldsOf = ({ id, turnId, address, attempt }: OutboxRecord) => ({
    outboxId: id,
    turnId,
    channel: address.channel,
    attempt,
  });
  return {
    left(row) {
      deliveries.add(1, { channel: row.address.channel, outcome: "left" });
      logger.warn("outbox.left", fieldsOf(row));
    },
    unsettled(row, outcome, settled) {
      deliveries.add(1, { channel: row.address.channel, outcome: settled });
      logger.error("outbox.unsettled", { ...fieldsOf(row), outcome: outcome.kind, settled });
    },
    settled(row, outcome, tookMs) {
      const labels = { channel: row.address.channel, outcome: outcome.kind };
      deliveries.add(1, labels);
      seconds.observe(tookMs / 1_000, labels);
      if (outcome.kind === "delivered") logger.debug("outbox.delivered", fieldsOf(row));
      else
        logger[outcome.kind === "retry" ? "warn" : "error"](`outbox.${outcome.kind}`, {
          ...fieldsOf(row),
          error: outcome.error,
        });
    },
  };
}

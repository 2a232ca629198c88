import type {
  Channel,
  Clock,
  DeliveryOutcome,
  OutboxRecord,
  OutboxStore,
  UnitOfWork,
  VerifiableChannel,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { delayOfAttempt, linkSignal, redactText, untilAborted } from "../kit/index.ts";

/** With this base and cap, fourteen attempts span an hour, give or take a quarter: a platform's bad hour passes. */
const BACKOFF = { baseMs: 1_000, capMs: 15 * 60_000 };
const MAX_ATTEMPTS = 14;

export interface DeliveryDeps {
  readonly unit: UnitOfWork;
  readonly outbox: Pick<OutboxStore, "begin">;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly sendTimeoutMs: number;
}

/** A send ends this long before the process's lease does, so that the abort has reached the platform's connection. */
export const LEASE_MARGIN_MS = 1_000;

/**
 * Counted from when somebody else has its claim: what a killed process had sent shows on its platform after so long, and one
 * that stood still has gone on, and found that it may not send, or has sent what it was about to.
 */
const QUIET_MS = 5_000;

/** A claimed row, and how long it is surely ours: until the first of both times, on the monotonic clock. */
export interface HeldRow {
  readonly row: OutboxRecord;
  /** End of the row's own lease, counted from before the claim was committed: the store gives it to nobody earlier. */
  readonly claimedUntilMs: number;
  /** End of the process's lease, which moves on with each renewal, or the past when that lease was lost since the claim. */
  leaseHeldUntilMs(): number;
}

/**
 * Brings one row to its channel. Resolves with how it ended, or with undefined when the claim no longer lasts long
 * enough for a send: then nothing was begun, and the row may be given back.
 *
 * Why nothing is doubled. A send begins only while the claim outlasts `sendTimeoutMs`; it is aborted after that time, and
 * earlier when the process's lease is about to end unrenewed. So when another process gets the row, no send of ours is
 * under way. With a *keyed* channel the platform drops a
 * repeat. With a *verifiable* one every attempt after the first looks first, and what it sees is final; where an attempt was left
 * behind, seeing nothing counts only once `QUIET_MS` have passed, for a process that was stopped between its last look at the
 * clock and the socket sends when it goes on. With a *blind*
 * one `begin` is committed before the send: a row that comes back begun was interrupted between the two marks, so it is
 * `unknown`, and nobody sends it again by themselves.
 */
export async function deliver(
  deps: DeliveryDeps,
  held: HeldRow,
  signal: AbortSignal,
): Promise<DeliveryOutcome | undefined> {
  const { row } = held;
  const channel = deps.channels.get(row.address.channel);
  if (channel === undefined) {
    return retryOf(deps, row, { error: `The channel "${row.address.channel}" is not configured here.` });
  }
  if (channel.delivery === "blind" && row.begun) {
    return {
      kind: "unknown",
      error: "Sending began before an interruption; nobody knows whether it arrived.",
    };
  }
  if (!outlastsSend(deps, held)) return undefined;
  if (isVerifiable(channel) && row.attempt > 1) {
    const found = await look(deps, channel, held, signal);
    if (found !== undefined) return found;
    const dueAt = quietUntil(deps, row);
    if (dueAt > deps.clock.now()) {
      const error = "An earlier send may still be on its way; looking again in a moment.";
      return { kind: "retry", dueAt, error };
    }
  }
  if (channel.delivery === "blind") {
    if (!(await begin(deps, row, signal))) return undefined;
    // Nothing was sent, and we know it: the begun mark must not make it look otherwise.
    if (!outlastsSend(deps, held))
      return { kind: "retry", dueAt: deps.clock.now(), error: "The claim was about to end." };
  }
  if (!outlastsSend(deps, held)) return undefined;
  return await send(deps, channel, held, signal);
}

function outlastsSend({ clock, sendTimeoutMs }: DeliveryDeps, held: HeldRow): boolean {
  const nowMs = clock.monotonicMs();
  return nowMs + sendTimeoutMs < held.claimedUntilMs && nowMs + LEASE_MARGIN_MS < held.leaseHeldUntilMs();
}

function isVerifiable(channel: Channel): channel is VerifiableChannel {
  return channel.delivery === "verifiable";
}

/**
 * Until when the send of an attempt that was left behind may still arrive, UTC milliseconds: no word is kept of how it ended, and
 * it was noticed by the attempt after it. In the past where every attempt said how it ended.
 */
function quietUntil({ clock, sendTimeoutMs }: DeliveryDeps, { attempt, errors }: OutboxRecord): number {
  const endedAt = new Map(errors.map((trouble) => [trouble.attempt, trouble.at]));
  // Attempts from before the oldest that is still told are long past.
  const oldest = Math.max(1, (errors[0]?.attempt ?? 1) - 1);
  for (let left = attempt - 1; left >= oldest; left--) {
    if (!endedAt.has(left)) return (endedAt.get(left + 1) ?? clock.now()) + Math.min(QUIET_MS, sendTimeoutMs);
  }
  return Number.NEGATIVE_INFINITY;
}

/** What an earlier attempt achieved; undefined when its message did not arrive. */
async function look(
  deps: DeliveryDeps,
  channel: VerifiableChannel,
  held: HeldRow,
  signal: AbortSignal,
): Promise<DeliveryOutcome | undefined> {
  const { row } = held;
  try {
    const found = await timed(deps, held, signal, (limited) => channel.find(row.id, { signal: limited }));
    return found === undefined ? undefined : { kind: "delivered", platformId: found.platformId };
  } catch (error) {
    return retryOf(deps, row, {
      error: `Could not look whether it arrived: ${reasonOf(error)}`,
      ...waitOf(error),
    });
  }
}

/** Whether the mark was set; a conflict means that the row is no longer ours. */
async function begin(
  { unit, outbox }: DeliveryDeps,
  row: OutboxRecord,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await unit.commit([outbox.begin(row)], { signal });
    return true;
  } catch (error) {
    if (TroupeError.is(error, "store.conflict") || signal.aborted) return false;
    throw error;
  }
}

async function send(
  deps: DeliveryDeps,
  channel: Channel,
  held: HeldRow,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { row } = held;
  const { spaceId, sessionId, turnId } = row;
  const origin = { spaceId, sessionId, turnId };
  const message = { key: row.id, target: row.address.target, text: row.text, origin };
  try {
    const { platformId } = await timed(deps, held, signal, (limited) =>
      channel.send(message, { signal: limited }),
    );
    return { kind: "delivered", ...(platformId === undefined ? {} : { platformId }) };
  } catch (error) {
    return afterFailure(deps, channel, row, error);
  }
}

function afterFailure(
  deps: DeliveryDeps,
  channel: Channel,
  row: OutboxRecord,
  error: unknown,
): DeliveryOutcome {
  const reason = reasonOf(error);
  // These two say that the platform did not take the message, whatever the channel.
  if (TroupeError.is(error, "channel.rejected")) return { kind: "dead", error: reason };
  if (TroupeError.is(error, "channel.rate_limited"))
    return retryOf(deps, row, { error: reason, ...waitOf(error) });
  if (channel.delivery === "blind")
    return { kind: "unknown", error: `Nobody knows whether it arrived: ${reason}` };
  // What was under way may still arrive for a moment; looking too early would see nothing and send it twice.
  const leastMs = channel.delivery === "verifiable" ? deps.sendTimeoutMs : 0;
  return retryOf(deps, row, { error: reason, ...waitOf(error), leastMs });
}

interface RetryWish {
  readonly error: string;
  /** What the platform asks for. */
  readonly retryAfterMs?: number;
  readonly leastMs?: number;
}

function retryOf(
  { clock, random }: DeliveryDeps,
  { attempt }: OutboxRecord,
  { error, retryAfterMs = 0, leastMs = 0 }: RetryWish,
): DeliveryOutcome {
  if (attempt >= MAX_ATTEMPTS) return { kind: "dead", error: `Given up after ${attempt} attempts: ${error}` };
  const delayMs = Math.max(delayOfAttempt(attempt, BACKOFF, random), retryAfterMs, leastMs);
  return { kind: "retry", dueAt: clock.now() + delayMs, error };
}

/**
 * Runs one call to the platform for at most `sendTimeoutMs` and while the process holds its lease, also where the
 * channel does not listen to its signal.
 */
async function timed<T>(
  { clock, sendTimeoutMs }: DeliveryDeps,
  held: HeldRow,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = (): TroupeError => uncertain(`The platform did not answer within ${sendTimeoutMs} ms.`);
  using linked = linkSignal(signal, { clock, afterMs: sendTimeoutMs, reason: late });
  using _watch = watchLease(clock, held, () =>
    linked.abort(uncertain("The lease of the process was about to end.")),
  );
  linked.signal.throwIfAborted();
  return await untilAborted(call(linked.signal), linked.signal);
}

function uncertain(message: string): TroupeError {
  return new TroupeError(message, { code: "channel.unavailable", retryable: true });
}

/** Calls `onEnding` shortly before the process's lease ends, unless it is renewed until then. */
function watchLease(clock: Clock, held: HeldRow, onEnding: () => void): Disposable {
  let timer: Disposable | undefined;
  const check = (): void => {
    const leftMs = held.leaseHeldUntilMs() - LEASE_MARGIN_MS - clock.monotonicMs();
    if (leftMs <= 0) onEnding();
    else if (Number.isFinite(leftMs)) timer = clock.schedule(leftMs, check);
  };
  check();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

function waitOf(error: unknown): { readonly retryAfterMs?: number } {
  return TroupeError.is(error) && error.retryAfterMs !== undefined
    ? { retryAfterMs: error.retryAfterMs }
    : {};
}

/** Kept with the row and shown to operators. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error || TroupeError.is(error) ? error.message : String(error);
  return redactText(text).slice(0, 500);
}

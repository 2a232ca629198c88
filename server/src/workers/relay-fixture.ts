/** For the tests of this folder alone: rows in an outbox, and processes that deliver them. */
import type { Channel, Clock, Logger, MessageBus, OutboxRecord, Stores, UnitOfWork } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import { createRelay, type Relay } from "./relay.ts";

export const LEASE_MS = 30_000;
export const SEND_TIMEOUT_MS = 10_000;
const signal = new AbortController().signal;

export interface OutboxWorldDeps {
  readonly stores: Pick<Stores, "unit" | "outbox">;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Known to every process as `chat`. */
  readonly channel: Channel;
}

export interface ProcessOptions {
  readonly clock?: Clock;
  readonly unit?: UnitOfWork;
  readonly hold?: () => () => number;
  readonly channels?: ReadonlyMap<string, Channel>;
  readonly random?: () => number;
}

export interface OutboxWorld {
  /** Default channel: `chat`. */
  put(target: string, text: string, channel?: string): Promise<string>;
  ring(): void;
  record(id: string): Promise<OutboxRecord>;
  /** A process that delivers from now on. */
  process(processId: string, options?: ProcessOptions): Relay;
}

export function createOutboxWorld(deps: OutboxWorldDeps): OutboxWorld {
  const { stores, bus, clock } = deps;
  let rows = 0;
  return {
    async put(target, text, channel = "chat") {
      const id = `row-${++rows}`;
      const row = { id, spaceId: "default", turnId: `turn-${id}`, sessionId: "s", createdAt: clock.now() };
      const write = stores.outbox.put({ ...row, address: { channel, target }, text });
      await stores.unit.commit([write], { signal });
      return id;
    },
    ring: () =>
      bus.publish(SUBJECTS.outboxDue, { id: "e", kind: SUBJECTS.outboxDue, v: 1, at: 0, payload: {} }),
    async record(id) {
      const [found] = await stores.outbox.ofTurn(`turn-${id}`, { signal });
      if (found === undefined) throw new Error(`no row ${id}`);
      return found;
    },
    process(processId, options = {}) {
      const relay = createRelay({
        ...deps,
        outbox: stores.outbox,
        unit: options.unit ?? stores.unit,
        channels: options.channels ?? new Map([["chat", deps.channel]]),
        clock: options.clock ?? clock,
        random: options.random ?? (() => 0.5),
        processId,
        lease: { hold: options.hold ?? (() => () => Number.POSITIVE_INFINITY) },
        leaseMs: LEASE_MS,
        sendTimeoutMs: SEND_TIMEOUT_MS,
      });
      relay.start(signal);
      return relay;
    },
  };
}

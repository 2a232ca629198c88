import type { EffectHandler, Lane, NewEffect, Write } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { afterEach } from "vitest";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { openInlineStores } from "../../server/src/store/index.ts";
import {
  createEffectWorkers,
  type EffectWorkers,
  type EffectWorkersDeps,
} from "../../server/src/workers/index.ts";
import { createLogRecorder, createManualClock } from "../../testing/src/index.ts";

const signal = new AbortController().signal;
export const LEASE_MS = 10_000;
const LANES = {
  realtime: { parallel: 2, leaseMs: LEASE_MS, timeoutMs: LEASE_MS },
  background: { parallel: 2, leaseMs: LEASE_MS, timeoutMs: LEASE_MS },
  heavy: { parallel: 1, leaseMs: LEASE_MS, timeoutMs: LEASE_MS },
};
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

export function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  const opened = openInlineStores({
    memory: true,
    clock,
    ids,
    logger,
    metrics,
    leaseClock: () => clock.now(),
  });
  closers.push(opened.close);
  const { stores } = opened;
  const bus = createLocalBus({ clock, logger, metrics });

  /** A memory that a handler leaves behind, so that what it wrote can be counted. */
  const mark = (id: string, text = id): Write =>
    stores.memories.put({
      id,
      spaceId: "default",
      agentId: "ana",
      audience: ["kate"],
      text,
      turnId: "t",
      recordedAt: 0,
    });
  const marks = async (): Promise<string[]> => {
    const query = { spaceId: "default", agentId: "ana", readers: ["kate"] };
    return (await stores.memories.list(query, { signal })).items.map(({ id }) => id).toSorted();
  };
  const put = async (id: string, changes: Partial<NewEffect> = {}): Promise<void> => {
    const effect = {
      id,
      spaceId: "default",
      kind: "test.work",
      v: 1,
      lane: "background" as Lane,
      turnId: "t",
      sessionId: "s",
    };
    await stores.unit.commit(
      [stores.effects.put({ ...effect, payload: { n: 1 }, createdAt: clock.now(), ...changes })],
      { signal },
    );
  };
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await stores.effects.ofTurn("t", { signal })).map(({ id, state }) => [id, state]));
  const process = (
    handle: EffectHandler["handle"],
    options: Partial<EffectWorkersDeps> = {},
    own: Partial<EffectHandler> = {},
  ): EffectWorkers => {
    const handlers = [{ kind: "test.work", versions: [1], handle, ...own }];
    const workers = createEffectWorkers({
      unit: stores.unit,
      effects: stores.effects,
      handlers,
      bus,
      clock,
      random: () => 0.5,
      logger,
      metrics,
      processId: "p1",
      lanes: LANES,
      ...options,
    });
    workers.start(signal);
    return workers;
  };
  const ring = (): void =>
    bus.publish(SUBJECTS.effectDue, { id: "e", kind: SUBJECTS.effectDue, v: 1, at: 0, payload: {} });
  return { clock, logger, metrics, stores, lanes: LANES, mark, marks, put, states, process, ring };
}

// A store on disk with effects in it, and workers for them, as a process of Troupe has them.
import type { EffectHandler, Lane, MessageBus, NewEffect } from "@troupe/contracts";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { createIdGenerator, createLogger, createMetrics, systemClock } from "../../server/src/kit/index.ts";
import { createEffectWorkers, type EffectWorkers } from "../../server/src/workers/index.ts";
import { openStore, options } from "./store-common.ts";

/** About 250 bytes, as a summary's or a delivery's payload has. */
export const PAYLOAD = {
  sessionId: "01JD8Q2V3N4P5Q6R7S8T9V0W1X",
  storylineId: "01JD8Q2V3N4P5Q6R7S8T9V0W1Y",
  title: "Moving to Lviv in the spring, and what the mover wrote back about the piano and the boxes",
  uptoTurnSeq: 42,
};

const PER_COMMIT = 100;

export interface EffectsStage extends AsyncDisposable {
  readonly stores: Awaited<ReturnType<typeof openStore>>["stores"];
  readonly bus: MessageBus;
  /** Puts `count` effects, a hundred a commit. */
  put(count: number, change?: Partial<NewEffect>): Promise<void>;
  /** Puts one. */
  putOne(id: string, change?: Partial<NewEffect>): Promise<void>;
  workers(
    handlers: readonly EffectHandler[],
    lanes: Partial<Record<Lane, { readonly parallel: number; readonly timeoutMs?: number }>>,
  ): EffectWorkers;
}

export async function openEffectsStage(path: string): Promise<EffectsStage> {
  const clock = systemClock();
  const ids = createIdGenerator(clock);
  const logger = createLogger({ level: "silent" });
  const metrics = createMetrics();
  const opened = await openStore(path, "threads", metrics);
  const { stores } = opened;
  const bus = createLocalBus({ clock, logger, metrics });
  const effect = (id: string, change: Partial<NewEffect> = {}): NewEffect => ({
    ...{ id, spaceId: "default", kind: "bench.work", v: 1, lane: "background", turnId: "turn" },
    ...{ sessionId: "session", payload: PAYLOAD, createdAt: clock.now(), ...change },
  });
  return {
    stores,
    bus,
    async put(count, change) {
      for (let n = 0; n < count; n += PER_COMMIT) {
        const some = Array.from({ length: Math.min(PER_COMMIT, count - n) }, () =>
          stores.effects.put(effect(ids.next(), change)),
        );
        await stores.unit.commit(some, options);
      }
    },
    async putOne(id, change) {
      await stores.unit.commit([stores.effects.put(effect(id, change))], options);
    },
    workers: (handlers, lanes) =>
      createEffectWorkers({
        ...{ unit: stores.unit, effects: stores.effects, handlers, bus, clock, logger, metrics, lanes },
        ...{ random: Math.random, processId: ids.next() },
      }),
    [Symbol.asyncDispose]: () => opened.close(),
  };
}

/** Resolves when `count` calls of `tick` were made. */
export function counter(count: number): { readonly done: Promise<void>; tick(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  return {
    done: promise,
    tick() {
      left -= 1;
      if (left === 0) resolve();
    },
  };
}

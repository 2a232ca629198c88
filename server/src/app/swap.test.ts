import { setImmediate as tick } from "node:timers/promises";
import type { ModelChoice } from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import type { ProcessLease } from "../workers/index.ts";
import { createLastingLease } from "./lasting-lease.ts";
import { createAdjustableLogger } from "./logging.ts";
import { createSwappableRouter } from "./swap-router.ts";

const logger = createAdjustableLogger({ level: "silent", isTerminal: false });

type Closable = Parameters<typeof createSwappableRouter>[0];

interface Asked extends Closable {
  readonly asked: (readonly ModelChoice[])[];
  isClosed: boolean;
}

function router(): Asked {
  const asked: (readonly ModelChoice[])[] = [];
  const own: readonly ModelChoice[] = [];
  return {
    asked,
    isClosed: false,
    choices: () => own,
    async *stream(choices) {
      asked.push(choices);
      yield* [];
    },
    embed: async () => ({ vectors: [], usage: NO_USAGE, estimated: false, model: "" }),
    list: async () => ({ models: [], failures: [] }),
    health: () => [],
    async close() {
      this.isClosed = true;
    },
  };
}

const request = { messages: [], tools: [] };
const call = {
  signal: new AbortController().signal,
  onModel: () => {},
  onRetry: () => {},
  onFailedCall: () => {},
};

test("a turn keeps the models it began with, and their connections outlive its longest time", async () => {
  const clock = createManualClock();
  const [old, next] = [router(), router()];
  const swappable = createSwappableRouter(old, { clock, retireAfterMs: () => 1000 });
  const held = swappable.choices("default");

  swappable.swap(next);
  await Array.fromAsync(swappable.stream(held, request, call));
  await Array.fromAsync(swappable.stream(swappable.choices("default"), request, call));

  expect([old.asked.length, next.asked.length]).toEqual([1, 1]);
  await clock.advance(999);
  expect(old.isClosed).toBe(false);
  await clock.advance(1);
  expect([old.isClosed, next.isClosed]).toEqual([true, false]);
});

test("closing ends the models in force and those that were replaced", async () => {
  const [old, next] = [router(), router()];
  const swappable = createSwappableRouter(old, { clock: createManualClock(), retireAfterMs: () => 1000 });
  swappable.swap(next);

  await swappable.close();

  expect([old.isClosed, next.isClosed]).toEqual([true, true]);
});

/** Leases that begin unless the store is down, and are lost on demand. */
function leases(): { make(onLost: () => void): ProcessLease; lose(): void; isDown: boolean; begun: number } {
  let lose = (): void => {};
  return {
    isDown: false,
    begun: 0,
    lose: () => lose(),
    make(onLost) {
      const term = this.begun;
      return {
        start: async () => {
          if (this.isDown) throw new Error("The store is down.");
          this.begun += 1;
          lose = onLost;
        },
        hold: () => () => term,
        stop: async () => {},
      };
    },
  };
}

test("a lost lease begins anew once the store takes it, and holds what is claimed from then on", async () => {
  const clock = createManualClock();
  const store = leases();
  const lease = createLastingLease({ clock, logger }, (onLost) => store.make(onLost));
  await lease.start(new AbortController().signal);
  const before = lease.hold();

  store.isDown = true;
  store.lose();
  for (let second = 0; second < 3; second++) {
    await clock.advance(1000);
    await tick();
  }
  expect(store.begun).toBe(1);
  store.isDown = false;
  await clock.advance(1000);
  await tick();

  expect(store.begun).toBe(2);
  expect([before(), lease.hold()()]).toEqual([0, 1]);
});

test("a lease that was given up on purpose does not come back", async () => {
  const clock = createManualClock();
  const store = leases();
  const lease = createLastingLease({ clock, logger }, (onLost) => store.make(onLost));
  await lease.start(new AbortController().signal);

  await lease.stop(0);
  store.lose();
  await clock.advance(5000);
  await tick();

  expect(store.begun).toBe(1);
});

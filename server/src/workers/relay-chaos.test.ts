import type { Channel, Clock, OutboxRecord, UnitOfWork, VerifiableChannel } from "@troupe/contracts";
import { createFakePlatform, createLogRecorder, createManualClock, type Mishap } from "@troupe/testing";
import { expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createOutboxWorld, LEASE_MS, SEND_TIMEOUT_MS } from "./relay-fixture.ts";

const SEEDS = 12;
const STEPS = 40;
const MAX_PROCESSES = 3;
const TARGETS = ["kate", "max", "ann"];

/** Numbers from 0 up to 1 that follow from a seed. Source: mulberry32, github.com/cprosche/mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Holds back what a process would notice: for ever once killed, until woken while asleep. */
function createFate() {
  let waiting: (() => void)[] = [];
  let isAway = false;
  let isAlive = true;
  return {
    isAlive: () => isAlive,
    fallAsleep() {
      isAway = true;
    },
    wake() {
      if (!isAlive) return;
      isAway = false;
      for (const go of waiting.splice(0)) go();
    },
    kill() {
      isAway = true;
      isAlive = false;
      waiting = [];
    },
    pass: (): Promise<void> => (isAway ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    run(go: () => void) {
      if (isAway) waiting.push(go);
      else go();
    },
  };
}

type Fate = ReturnType<typeof createFate>;

function clockUnder(fate: Fate, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    schedule(delayMs, run) {
      let isDisposed = false;
      const timer = clock.schedule(delayMs, () => fate.run(() => isDisposed || run()));
      return {
        [Symbol.dispose]() {
          isDisposed = true;
          timer[Symbol.dispose]();
        },
      };
    },
  };
}

function unitUnder(fate: Fate, unit: UnitOfWork): UnitOfWork {
  return {
    ...unit,
    async commit(writes, options) {
      await fate.pass();
      const outcome = await Promise.allSettled([unit.commit(writes, options)]);
      await fate.pass();
      if (outcome[0].status === "rejected") throw outcome[0].reason;
      return outcome[0].value;
    },
  };
}

function channelUnder(fate: Fate, channel: Channel): Channel | VerifiableChannel {
  const after = async <T>(work: Promise<T>): Promise<T> => {
    const [outcome] = await Promise.allSettled([work]);
    await fate.pass();
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  };
  return {
    ...channel,
    send: (message, options) => after(channel.send(message, options)),
    ...("find" in channel
      ? { find: (key: string, options: never) => after((channel as VerifiableChannel).find(key, options)) }
      : {}),
  } as Channel;
}

function mishapOf(random: () => number): Mishap {
  const arrives = random() < 0.5;
  const choices: readonly Mishap[] = [
    { kind: "rate-limited", retryAfterMs: Math.floor(random() * 20_000) },
    { kind: "unavailable", arrives },
    { kind: "hang", arrives },
    { kind: "defect", arrives },
    {
      kind: "delay",
      ms: Math.floor(random() * (SEND_TIMEOUT_MS - 1)),
      arrives: arrives ? "before" : "after",
    },
  ];
  return choices[Math.floor(random() * choices.length)] as Mishap;
}

async function play(kind: Channel["delivery"], seed: number) {
  const random = randomOf(seed);
  const clock = createManualClock();
  const platform = createFakePlatform({ clock });
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
  const { stores } = opened;
  const bus = createLocalBus({ clock, logger, metrics });
  const channel = platform[kind]("chat");
  const world = createOutboxWorld({ stores, bus, clock, logger, metrics, channel });
  const fates: Fate[] = [];
  const begin = (): void => {
    const fate = createFate();
    fates.push(fate);
    world.process(`p${fates.length}`, {
      clock: clockUnder(fate, clock),
      unit: unitUnder(fate, stores.unit),
      channels: new Map([["chat", channelUnder(fate, channel)]]),
      random,
    });
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

  const rows: string[] = [];
  begin();
  for (let step = 0; step < STEPS; step++) {
    const what = random();
    if (what < 0.45) rows.push(await world.put(pick(TARGETS), `message ${rows.length}`));
    else if (what < 0.7) platform.meet(mishapOf(random));
    else if (what < 0.78) pick(fates).kill();
    else if (what < 0.86) pick(fates).fallAsleep();
    else if (what < 0.92) pick(fates).wake();
    else if (fates.filter((fate) => fate.isAlive()).length < MAX_PROCESSES) begin();
    if (random() < 0.5) world.ring();
    await clock.advance(random() < 0.5 ? Math.floor(random() * 200) : Math.floor(random() * LEASE_MS));
  }
  for (const fate of fates) fate.wake();
  await clock.advance(LEASE_MS);
  for (const fate of fates) fate.kill();
  begin();
  await clock.advance(40 * 60_000);
  const records: OutboxRecord[] = await Promise.all(rows.map((id) => world.record(id)));
  await opened.close();
  return { platform, records, rows };
}

it.each(["keyed", "verifiable"] as const)(
  "%s: whatever fails, dies, sleeps and wakes, every message is shown once, in the order of its target",
  async (kind) => {
    let shown = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { platform, records, rows } = await play(kind, seed);

      const keys = platform.arrived.map(({ key }) => key);
      expect(keys.toSorted(), `seed ${seed}`).toEqual(rows.toSorted());
      expect(new Set(records.map(({ state }) => state)), `seed ${seed}`).toEqual(new Set(["delivered"]));
      for (const target of TARGETS) {
        const texts = platform.arrived
          .filter((one) => one.target === target)
          .map(({ text }) => Number(text.slice(8)));
        expect(texts, `seed ${seed}`).toEqual(texts.toSorted((left, right) => left - right));
      }
      shown += keys.length;
    }
    expect(shown).toBeGreaterThan(SEEDS * 10);
  },
  120_000,
);

it("blind: whatever fails, dies, sleeps and wakes, no message is shown twice, and what is doubtful is listed", async () => {
  let unknown = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { platform, records } = await play("blind", seed);

    const keys = platform.arrived.map(({ key }) => key);
    expect(new Set(keys).size, `seed ${seed}`).toBe(keys.length);
    for (const { id, state } of records) {
      expect(["delivered", "unknown"], `seed ${seed}`).toContain(state);
      if (state === "delivered") expect(keys, `seed ${seed}`).toContain(id);
      unknown += state === "unknown" ? 1 : 0;
    }
  }
  expect(unknown).toBeGreaterThan(0);
}, 120_000);

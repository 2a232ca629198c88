import type { Envelope } from "@troupe/contracts";
import { busContract, createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics, systemClock } from "../kit/index.ts";
import { createLocalBus } from "./local-bus.ts";

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
};
const envelope = (n: number): Envelope => ({ id: `e-${n}`, kind: "test.rang", v: 1, at: 0, payload: { n } });

busContract("local", async () => {
  const bus = createLocalBus({ clock: systemClock(), logger: createLogRecorder(), metrics: createMetrics() });
  return { bus, settle, close: async () => bus.close() };
});

it("counts every lost envelope and warns once a burst", async () => {
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const bus = createLocalBus({ clock: createManualClock(), logger, metrics });
  const heard: unknown[] = [];
  bus.subscribe("burst", (one) => heard.push(one.payload.n));

  for (let n = 0; n < 1_000; n++) bus.publish("burst", envelope(n));
  await settle();
  const warnedOnce = [...logger.troubles()];
  for (let n = 1_000; n < 1_257; n++) bus.publish("burst", envelope(n));
  await settle();

  expect(warnedOnce).toEqual(["bus.subscriber_slow"]);
  expect(logger.troubles()).toEqual(["bus.subscriber_slow", "bus.subscriber_slow"]);
  expect(metrics.render()).toContain('bus_dropped_total{reason="slow"} 745');
  expect(heard.slice(0, 256)).toEqual(Array.from({ length: 256 }, (_, i) => i + 744));
  expect(heard).toHaveLength(512);
});

it("hands an idle subscriber nothing to do: no timers, no immediates of its own", async () => {
  const clock = createManualClock();
  const bus = createLocalBus({ clock, logger: createLogRecorder(), metrics: createMetrics() });

  for (let n = 0; n < 100; n++) bus.subscribe(`agent.route.${n}`, () => {});

  expect(clock.timers).toBe(0);
});

it("frees the timer of an answered request", async () => {
  const clock = createManualClock();
  const bus = createLocalBus({ clock, logger: createLogRecorder(), metrics: createMetrics() });
  bus.respond("echo", async (one) => one);

  await bus.request("echo", envelope(1), { signal: new AbortController().signal, timeoutMs: 1_000 });

  expect(clock.timers).toBe(0);
});

it("drops and counts what is published after closing, and refuses requests by name", async () => {
  const metrics = createMetrics();
  const bus = createLocalBus({ clock: createManualClock(), logger: createLogRecorder(), metrics });
  let heard = 0;
  bus.subscribe("a", () => heard++);
  bus.publish("a", envelope(1));
  bus.close();
  bus.publish("a", envelope(2));
  await settle();

  const asked = bus.request("a", envelope(3), { signal: new AbortController().signal, timeoutMs: 10 });

  await expect(asked).rejects.toMatchObject({ code: "bus.closed" });
  expect(heard).toBe(0);
  expect(metrics.render()).toContain('bus_dropped_total{reason="closed"} 1');
});

it("logs a handler's defect once and goes on", async () => {
  const logger = createLogRecorder();
  const bus = createLocalBus({ clock: createManualClock(), logger, metrics: createMetrics() });
  bus.subscribe("a", () => {
    throw new Error("defect");
  });

  bus.publish("a", envelope(1));
  await settle();

  expect(logger.troubles()).toEqual(["bus.handler_failed"]);
});

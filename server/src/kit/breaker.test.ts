import { createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createBreaker } from "./breaker.ts";

function openBreaker() {
  const clock = createManualClock();
  return { clock, breaker: createBreaker({ clock, threshold: 3, openMs: 30_000, maxOpenMs: 100_000 }) };
}

it("opens after so many failures in a row, and not before", () => {
  const { breaker } = openBreaker();
  breaker.failed();
  breaker.failed();
  breaker.succeeded();
  breaker.failed();
  breaker.failed();
  const before = breaker.enter();
  breaker.failed();

  expect(before).toBe(0);
  expect(breaker.state).toBe("open");
  expect(breaker.enter()).toBe(30_000);
});

it("lets one call try when its time is over; how that goes decides", async () => {
  const { clock, breaker } = openBreaker();
  for (let n = 0; n < 3; n++) breaker.failed();
  await clock.advance(30_000);

  const state = breaker.state;
  const waits = [breaker.enter(), breaker.enter()];
  breaker.failed();
  const again = breaker.enter();
  await clock.advance(60_000);
  const probe = breaker.enter();
  breaker.succeeded();

  expect(state).toBe("half-open");
  expect(waits).toEqual([0, 1_000]);
  expect(again).toBe(60_000);
  expect(probe).toBe(0);
  expect([breaker.state, breaker.enter(), breaker.enter(), breaker.failures]).toEqual(["closed", 0, 0, 0]);
});

it("opens at once where it is clear that further calls fail", async () => {
  const { clock, breaker } = openBreaker();

  breaker.failed(5_000);
  const wait = breaker.enter();
  await clock.advance(5_000);

  expect(wait).toBe(5_000);
  expect(breaker.enter()).toBe(0);
});

it("lets in whoever waited as long as he was told, though timers fire a little early", async () => {
  const { clock, breaker } = openBreaker();
  breaker.failed(5_000);

  await clock.advance(4_999);
  const early = breaker.enter();
  await clock.advance(0.5);

  expect(early).toBe(1);
  expect(breaker.enter()).toBe(0);
});

it("lets another call try when the one that tried said nothing", async () => {
  const { clock, breaker } = openBreaker();
  breaker.failed(5_000);
  await clock.advance(5_000);
  breaker.enter();

  breaker.leave();

  expect(breaker.enter()).toBe(0);
});

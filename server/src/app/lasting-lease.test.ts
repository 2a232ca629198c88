import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import type { ProcessLease } from "../workers/index.ts";
import { createLastingLease } from "./lasting-lease.ts";

/** Leases whose registering takes `startMs`; what happens to each is written down. */
function setUp(startMs: number) {
  const clock = createManualClock();
  const happened: string[] = [];
  let lose: () => void = () => undefined;
  let made = 0;
  const lasting = createLastingLease({ clock, logger: createLogRecorder() }, (onLost) => {
    const name = `lease ${++made}`;
    lose = onLost;
    const lease: ProcessLease = {
      async start() {
        await new Promise<void>((resolve) => clock.schedule(startMs, resolve));
        happened.push(`${name} begins`);
      },
      hold: () => () => 0,
      async stop() {
        happened.push(`${name} ends`);
      },
    };
    return lease;
  });
  return { clock, happened, lasting, lose: () => lose() };
}

const signal = new AbortController().signal;

test("a lease that was lost begins anew a moment later", async () => {
  const { clock, happened, lasting, lose } = setUp(10);
  const starting = lasting.start(signal);
  await clock.advance(10);
  await starting;

  lose();
  await clock.advance(1_010);
  await lasting.stop(1_000);

  expect(happened).toEqual(["lease 1 begins", "lease 2 begins", "lease 2 ends"]);
});

test("a stop ends a lease that is just beginning anew, so that nobody waits for a dead process", async () => {
  const { clock, happened, lasting, lose } = setUp(500);
  const starting = lasting.start(signal);
  await clock.advance(500);
  await starting;
  lose();
  await clock.advance(1_100);

  const stopping = lasting.stop(3_000);
  await clock.advance(3_000);
  await stopping;

  expect(happened).toEqual(["lease 1 begins", "lease 2 begins", "lease 2 ends"]);
});
